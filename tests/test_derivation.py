"""The derivation: each line is one of the source, and each number comes out again."""

import ast
import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scratch_rnn.plain import gru, lstm
from tests.scripts import ROOT, load_script

DOCUMENT = ROOT / "docs" / "learn" / "bptt.md"
DIGITS = 4


REFERENCE = re.compile(r"\[`([\w.]+)`\]\((\.\./\.\./scratch_rnn/[\w/]+\.py)\)\s+`([^`\n]+)`")
"""A function, the link to its file, and a line of it."""


def test_every_equation_stands_next_to_the_line_that_computes_it():
    documents = (DOCUMENT, ROOT / "docs" / "speed" / "optimisation.md")
    found = [REFERENCE.findall(document.read_text(encoding="utf-8")) for document in documents]
    assert min(map(len, found)) >= 17
    for name, path, code in itertools.chain.from_iterable(found):
        source = (DOCUMENT.parent / path).read_text(encoding="utf-8")
        names = name.removeprefix(f"{Path(path).stem}.").split(".")
        node = ast.parse(source)
        for each in names:
            [node] = [n for n in node.body if getattr(n, "name", "") == each]
        lines = [line for line in ast.get_source_segment(source, node).split("\n") if code in line]
        assert len(lines) == 1, (name, code)


def tables():
    """Return the cells of each table row that begins with a name in code, as they stand there."""
    rows = {}
    for line in DOCUMENT.read_text(encoding="utf-8").split("\n"):
        match = re.fullmatch(r"\| `(\w+)` \|(.+)\|", line)
        if match:
            assert match[1] not in rows, f"{match[1]} stands in two rows"
            cells = re.findall(r"`([^`]+)`", match[2])
            rows[match[1]] = [json.loads(cell, parse_float=str, parse_int=str) for cell in cells]
    return rows


def numbers(cell):
    return np.array(cell, dtype=np.float64)


def assert_shown(name, shown, computed):
    """The digits of the document are those of the computed numbers, all of them."""
    assert len(shown) == len(computed), name
    for cell, value in zip(shown, computed, strict=True):
        digits = np.vectorize(lambda number: f"{number + 0.0:.{DIGITS}f}")(np.asarray(value))
        expected = np.char.replace(digits.astype(str), f"-{0:.{DIGITS}f}", f"{0:.{DIGITS}f}")
        assert np.array_equal(np.array(cell), expected), f"{name}: {cell} is {expected.tolist()}"


def by_autograd(given):
    """Compute the example with PyTorch: autograd has the gradients, torch.optim the update."""
    names = ("W_ih", "W_hh", "b_ih", "b_hh", "W", "b")
    weights = {name: torch.tensor(given[name]).requires_grad_() for name in names}
    W_ih, W_hh, b_ih, b_hh, W, b = weights.values()
    h_0 = torch.tensor(given["h_0"]).requires_grad_()
    steps = {name: [] for name in ("a_t", "z_t", "h_t", "y_t")}
    h = [h_0]
    for v in given["inputs"]:
        a = W_ih[:, v] + b_ih + b_hh
        z = a + W_hh @ h[-1]
        h.append(torch.tanh(z))
        y = W @ h[-1] + b
        for name, tensor in zip(steps, (a, z, h[-1], y), strict=True):
            tensor.retain_grad()
            steps[name].append(tensor)
    logits, targets = torch.stack(steps["y_t"]), torch.tensor(given["targets"])
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    losses.mean().backward()
    d_y, d_h, d_z = ([x.grad.numpy() for x in steps[f"{n}_t"]] for n in "yhz")
    d_output = [d @ given["W"] for d in d_y]
    found = {name: [x.detach().numpy() for x in tensors] for name, tensors in steps.items()}
    found |= {"p_t": list(torch.softmax(logits, 1).detach().numpy()), "loss_t": losses.tolist()}
    found |= {"d_y_t": d_y, "d_output_t": d_output, "d_h_t": d_h, "d_z_t": d_z}
    found["from_later"] = [d - own for d, own in zip(d_h, d_output, strict=True)]
    found["slope_t"] = [one / other for one, other in zip(d_z, d_h, strict=True)]
    before = [each.detach().numpy() for each in h[:-1]]
    found["term_of_W_hh"] = list(map(np.outer, d_z, before))
    found |= {f"d_{name}": [w.grad.numpy().copy()] for name, w in weights.items()}
    found |= {"d_h_0": [h_0.grad.numpy()], "loss": [losses.mean().item()]}
    norm = torch.nn.utils.clip_grad_norm_(weights.values(), given["max_norm"])
    factor = (W.grad / torch.tensor(found["d_W"][0])).max().item()
    torch.optim.SGD(weights.values(), given["lr"]).step()
    found |= {f"new_{name}": [weights[name].detach().numpy()] for name in ("W_hh", "b_ih", "b_hh")}
    return found | {"norm": [norm.item()], "factor": [factor]}


GIVEN = ("W_ih", "W_hh", "b_ih", "b_hh", "W", "b", "h_0", "inputs", "targets", "lr", "max_norm")


@pytest.fixture(scope="module")
def shown():
    return tables()


@pytest.fixture(scope="module")
def given(shown):
    values = {name: numbers(shown[name][0]) for name in GIVEN}
    for name in ("inputs", "targets"):
        values[name] = values[name].astype(np.int64)
    for name in ("lr", "max_norm"):
        values[name] = float(values[name])
    return values


def test_every_number_of_the_example_follows_from_the_equations(shown, given):
    computed = by_autograd(given)
    assert shown.keys() == computed.keys() | set(GIVEN)
    for name, values in computed.items():
        assert_shown(name, shown[name], values)


def test_numbers_in_the_prose_are_those_of_the_tables(shown):
    def flat(cell):
        return (
            [number for part in cell for number in flat(part)] if isinstance(cell, list) else [cell]
        )

    in_tables = {number.lstrip("-") for row in shown.values() for number in flat(row)}
    text = DOCUMENT.read_text(encoding="utf-8").split("## By hand")[1].split("\n## ")[0]
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    prose = "\n".join(line for line in prose.split("\n") if not line.startswith("|"))
    in_prose = set(re.findall(rf"\b\d\.\d{{{DIGITS}}}\b", prose))
    assert len(in_prose) >= 12
    entropy = f"{math.log(len(shown['b'][0])):.{DIGITS}f}"  # of a model that knows nothing
    assert in_prose <= in_tables | {entropy}


def test_the_program_of_the_page_runs(capsys):
    [program] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)
    exec(compile(program, "docs/learn/bptt.md", "exec"), {})  # it is in a document
    printed = re.sub(
        r"\d+\.\d+", lambda number: f"{float(number[0]):.{DIGITS}f}", capsys.readouterr().out
    )
    expected = ""
    for name in ("loss", "d_W_hh", "norm", "new_W_hh"):
        expected += f"{name} {json.dumps(tables()[name][0])}\n"
    assert re.sub(r"[\s,\"]", "", printed) == re.sub(r"[\s,\"]", "", expected)


def test_the_drawings_are_what_their_script_draws(tmp_path):
    script = load_script("draw_network")
    script.draw(tmp_path / "network.png")
    script.draw_gates(tmp_path)
    for name in ("network.png", "gru.png", "lstm.png"):
        with Image.open(script.IMAGES / name) as stored, Image.open(tmp_path / name) as drawn:
            assert stored.size == drawn.size
            if stored.info["Software"] == drawn.info["Software"]:  # the same version of matplotlib
                assert stored.tobytes() == drawn.tobytes(), "python docs/scripts/draw_network.py"


# The gates by hand: docs/learn/gates.md ----------------------------------------------------------

PAGE = (ROOT / "docs" / "learn" / "gates.md").read_text(encoding="utf-8")


def number(label, part):
    """Return the number in the row of a part's table that begins with the label."""
    [row] = [line for line in PAGE.split(part)[1].split("\n") if line.startswith(f"| {label}")][:1]
    return float(row.split("|")[2].replace("−", "-"))


def column(*values):
    return np.array(values, float)[:, None]


def same(shown, right):
    return abs(shown - float(np.asarray(right).item())) <= 0.5e-6 * (1 + 1e-6)


def test_the_gru_by_hand():
    part = "## The GRU"
    x, h_0 = np.ones((1, 1, 1)), np.array([[0.5]])
    weights = column(1, 0, 2), column(0, 1, 1), np.zeros(3), np.array([0.0, 0, 1])
    h, _, tape = gru.gru_forward(x, h_0, *weights)
    [(r, z, n, q)] = tape[2]
    for label, right in (("r =", r), ("z =", z), ("q =", q), ("n =", n), ("h₁", h)):
        assert same(number(label, part), right), label
    _, d_h_0, *_, d_b_ih, d_b_hh = gru.gru_backward(tape, np.ones((1, 1, 1)), np.zeros((1, 1)))
    rights = {"δa_r": d_b_ih[0], "δa_z": d_b_ih[1], "δa_n": d_b_ih[2], "δq": d_b_hh[2]}
    for label, right in (rights | {"δh₀": d_h_0}).items():
        assert same(number(label, part), right), label


def test_the_lstm_by_hand():
    part = "## The LSTM"
    x, h_0, c_0 = np.ones((1, 1, 1)), np.array([[0.5]]), np.array([[1.0]])
    weights = column(1, 0, 2, 1), column(0, 1, 1, 0), np.zeros(4), np.array([0.0, 1, 0, 0])
    _, (h, c), tape = lstm.lstm_forward(x, h_0, c_0, *weights)
    [(i, f, g, o)] = tape[3]
    assert i == o
    rights = {"i = o": i, "f =": f, "g =": g, "c₁": c, "tanh(c₁)": np.tanh(c), "h₁": h}
    nothing = np.zeros((1, 1))
    _, d_h_0, d_c_0, *_, d_b = lstm.lstm_backward(tape, np.ones((1, 1, 1)), nothing, nothing)
    rights["δc₁"] = d_c_0 / f
    rights |= dict(zip(("δa_i", "δa_f", "δa_g", "δa_o"), d_b, strict=True))
    for label, right in (rights | {"δc₀": d_c_0, "δh₀": d_h_0}).items():
        assert same(number(label, part), right), label


def test_every_number_of_the_tables_is_looked_at():
    assert len(re.findall(r"^\| .*\d \|$", PAGE, re.M)) == 23
