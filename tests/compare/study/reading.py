"""Read the explain page as a person does: colours by the legend, pictures by their axes.

`results_of` are the same numbers by the equations of PyTorch's documentation, in float64; autograd
gives the gradients. Nothing here knows how the page draws.
"""

import functools
import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import scratch_rnn
from tests.compare.study.pages import layer_of


def results_of(parameters, ids, cell, f):
    """Return all numbers of one text: arrays by name, with a row for each step."""
    tensors = [torch.tensor(a, dtype=torch.float64).requires_grad_() for a in parameters.values()]
    W_ih, W_hh, b_ih, b_hh, W, b = tensors
    H, kept = W.shape[1], ("h", "c", "u", "y")
    steps = []
    h = c = torch.zeros(H, dtype=torch.float64, requires_grad=True)
    for v in ids:
        step = {"a": W_ih[:, v] + b_ih, "u": W_hh @ h + b_hh, "before": h}
        a, u = step["a"], step["u"]
        if cell == "rnn":
            z = a + u
            step |= {"z": z, "h": torch.tanh(z) if f == "tanh" else torch.relu(z)}
        elif cell == "gru":
            r, z = torch.sigmoid(a + u)[: 2 * H].split(H)
            n = torch.tanh(a[2 * H :] + r * u[2 * H :])
            step |= {"r": r, "z": z, "n": n, "h": (1 - z) * n + z * h}
        else:
            i, g_f, _, o = torch.sigmoid(a + u).split(H)
            g = torch.tanh((a + u)[2 * H : 3 * H])
            c = g_f * c + i * g
            step |= {"i": i, "f": g_f, "g": g, "o": o, "c": c, "h": o * torch.tanh(c)}
        h = step["h"]
        step["y"] = W @ h + b
        for name in kept:
            if name in step:
                step[name].retain_grad()
        steps.append(step)
    p = [torch.softmax(step["y"], 0) for step in steps]
    losses = [-torch.log(p[t][v]) for t, v in enumerate(ids[1:])]
    K, mean = len(losses), sum(losses) / len(losses)
    mean.backward(retain_graph=True)
    names = {name for name in steps[0] if name != "before"}
    d_y = np.stack([step["y"].grad.numpy() for step in steps[:K]])
    results = {
        **{n: np.stack([s[n].detach().numpy() for s in steps]) for n in (*names, "before")},
        **{f"d_{n}": np.stack([s[n].grad.numpy() for s in steps[:K]]) for n in names & {*kept}},
        **dict(
            zip(("W_ih", "W_hh", "b_ih", "b_hh", "W", "b"), map(torch.detach, tensors), strict=True)
        ),
        "gradients": {n: w.grad.numpy().copy() for n, w in zip(parameters, tensors, strict=True)},
        "d_h_k": d_y @ W.detach().numpy(),
        "p": np.stack([each.detach().numpy() for each in p]),
        "L": np.array([loss.item() for loss in losses]),
        "loss": mean.item(),
        "norms": np.zeros((K, K)),
        "gradient_norms": np.zeros(K + 1),
    }
    for k, loss in enumerate([*losses, mean]):
        sources = [*(step["h"] for step in steps[: k + 1]), *tensors]
        found = torch.autograd.grad(loss, sources, retain_graph=True, allow_unused=True)
        sizes = [0.0 if d is None else d.norm().item() for d in found]
        results["gradient_norms"][k] = np.linalg.norm(sizes[-6:])
        if k < K:
            results["norms"][k, : k + 1] = sizes[:-6]
    last = [step[name] for name in ("h", "c") if name in names for step in steps[:K]]
    found = torch.autograd.grad(losses[-1], last, retain_graph=True)
    results["last"] = torch.stack(found).reshape(-1, K, len(h))  # of the last loss, for h and c
    results = {n: a.numpy() if torch.is_tensor(a) else a for n, a in results.items()}
    results["d_h_next"] = results["d_h"] - results["d_h_k"]
    return results


def number(text):
    """Return the number that a text is; 10⁻³ is one."""
    power = re.fullmatch(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    if power:
        return 10.0 ** int(power[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
    return float(text.replace("−", "-"))


def digits(values, count):
    """Return numbers as they are, to as many digits; one digit fewer if they have an exponent."""
    return pytest.approx(values, rel=0.5001 * 10.0 ** (1 - count), abs=5e-9)


def shown(x, count=3):
    """Return a number with as many digits, as the page rounds."""
    if x == 0:
        return "0"
    if 1e-3 <= abs(x) < 1e5:
        return np.format_float_positional(float(f"{x:.{count}g}"), trim="-")
    mantissa, exponent = f"{x:.{count - 2}e}".split("e")
    return f"{mantissa}e{int(exponent):+d}"


def percent(x):
    """Return a share in per cent, as the page rounds it."""
    if 0 < x < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= x < 1 else f"{int(100 * x + 0.5)} %"


def quoted(token):
    """Return a token as it stands in a sentence."""
    return "a space" if token == " " else f"“{token}”"


PIXELS = """([selector, rows, columns, n]) => {
  const canvas = document.querySelectorAll(`${selector} canvas`)[n];
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  const middle = (k, of, size) => Math.floor(((k + 0.5) * size) / of);
  return Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => {
    const at = 4 * (middle(r, rows, height) * width + middle(c, columns, width));
    return [...data.slice(at, at + 3)];
  }));
}"""
SAMPLES = 200


def pixels(opened, selector, rows, columns, n=0):
    """Return the colours of the cells of a picture, (rows, columns, 3)."""
    return np.array(opened.page.evaluate(PIXELS, [selector, rows, columns, n]))


@dataclass
class Legend:
    """The colours of a legend, and the numbers that they mean."""

    colours: np.ndarray
    values: np.ndarray

    def read(self, cells):
        """Return the numbers that colours mean; each has to be in the legend."""
        distance = np.abs(cells[..., None, :] - self.colours).sum(-1)
        assert (distance.min(-1) <= 30).all()
        return np.asarray(self.values[distance.argmin(-1)])


def legend(opened, name, *, log=False):
    """Read a legend: its ticks are equally far apart."""
    ticks = opened.page.locator(f"#{name}-legend .ticks span").all_text_contents()
    ends = np.array([number(tick) for tick in ticks])
    ends = np.log10(ends) if log else ends
    places = np.linspace(0, 1, len(ends))
    values = np.interp(np.linspace(0, 1, SAMPLES), places, ends)
    return Legend(pixels(opened, f"#{name}-legend", 1, SAMPLES)[0], values)


ELEMENTS = """(svg) => ["text", "line", "rect", "circle", "polyline"].map((tag) =>
  [...svg.querySelectorAll(tag)].map((e) => ({ words: e.textContent,
    ...Object.fromEntries([...e.attributes].map(({ name, value }) =>
      [name, value !== "" && isFinite(value) ? Number(value) : value])) })))"""


class Chart:
    """An SVG: its elements by tag and class, and its axes."""

    def __init__(self, opened, selector):
        found = opened.page.locator(selector).first
        self.label = found.get_attribute("aria-label") or ""
        tags = ("text", "line", "rect", "circle", "polyline")
        self.elements = dict(zip(tags, found.evaluate(ELEMENTS), strict=True))

    def of(self, tag, kind=None):
        """Return the elements of a tag, or of one of its classes."""
        every = self.elements[tag]
        return [e for e in every if kind is None or kind in str(e.get("class", "")).split()]

    def words(self, kind=None):
        """Return all texts."""
        return [text["words"] for text in self.of("text", kind)]

    def axis(self, *, log=False):
        """Return the function from a height to the number there, by the labels of the lines."""
        ticks = {
            line["y1"]: number(text["words"])
            for line in self.of("line", "grid")
            for text in self.of("text")
            if text.get("text-anchor") == "end" and abs(text["y"] - 4 - line["y1"]) < 0.01
        }
        assert len(ticks) >= 2, ticks
        heights, values = np.array(list(ticks)), np.array(list(ticks.values()))
        values = np.log10(values) if log else values
        slope, start = np.polyfit(heights, values, 1)
        assert slope < 0
        np.testing.assert_allclose(slope * heights + start, values, atol=2e-3 * np.ptp(values))
        return lambda y: slope * np.asarray(y) + start

    def column(self, words):
        """Return the place of a label in the middle below its column."""
        middle = [e for e in self.of("text") if e.get("text-anchor") == "middle"]
        [x] = [text["x"] for text in middle if text["words"] == words]
        return float(x)


def points(line):
    """Return the points of a polyline, (n, 2)."""
    return np.array([pair.split(",") for pair in line["points"].split()], float).reshape(-1, 2)


TYPED = "a time machine at the end"
H, T = 12, len(TYPED)
K = T - 1
AT = {"t": 6, "i": 7, "k": 9, "n": 4}  # step, unit, loss, steps after which gradients are cut


class Seen:
    """A page after a text was typed, and the numbers of the text by the equations."""

    def __init__(self, network, opened):
        self.opened, self.made, self.page = opened, network.made, opened.page
        if opened.page.locator("#text-input").input_value() != TYPED:
            opened.fill("#text-input", TYPED)  # all is computed and drawn anew
        opened.choose(c=1, **AT)
        self.cell, self.f = (network.made[name] for name in ("cell", "nonlinearity"))
        self.tokens, self.ids, self.results = expected(network)
        self.block = 0 if self.cell == "rnn" else 2  # of W_hh: the candidate's
        self.weights = self.results["W_hh"][self.block * H :][:H]

    def rows(self, selector):
        """Return the cells of a table's rows."""
        read = "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
        return list(self.page.locator(f"{selector} >> tbody tr").evaluate_all(read))

    def texts(self, selector):
        return list(self.page.locator(selector).all_text_contents())


@functools.cache
def expected(network):
    """Return the vocabulary, the tokens of the text and their numbers, which are scratch_rnn's."""
    made, found = network.made, network.made["checkpoints"][1]["details"]
    layer = layer_of(scratch_rnn, made, V := made["V"], H, dtype=np.float64)
    model = scratch_rnn.RNNModel(layer, V)
    given = [found["W_ih"].T, *(found[name] for name in ("W_hh", "b_ih", "b_hh", "W", "b"))]
    for parameter, array in zip(model.parameters.values(), given, strict=True):
        parameter[...] = array
    ids = [made["shown_tokens"].index(token) for token in TYPED]
    results = results_of(model.parameters, ids, made["cell"], made["nonlinearity"])
    states, _ = model.rnn(np.array(ids)[:, None])
    np.testing.assert_allclose(results["h"], states[:, 0], atol=1e-12)
    return made["shown_tokens"], ids, results
