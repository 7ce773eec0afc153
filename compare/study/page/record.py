"""All numbers of one text, for each checkpoint of a run.

`record` runs both models on the text and returns all results, as JSON values and arrays. The page
is made from this record only.
"""

import inspect
import json
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int

import concise_rnn
import scratch_rnn
from compare.files import JsonObject, RecordError, resource
from compare.implementations import CELLS, Array, Cell
from compare.mistakes import BUGS
from compare.parity import compare_step, copy_weights, make_models, write_parameters
from compare.runs import Course, Snapshot
from compare.study.page import anatomy
from compare.study.page.build import cell_names
from compare.terminal import PACKAGE, Terminal, UsageError, package_version
from scratch_rnn.text import Batch, Vocab, clean
from scratch_rnn.text.vocab import UNKNOWN

MOST_STEPS = 64
MOST_SHOWN = 128
"""The largest vocabulary that is shown as a whole, as a page needs that computes: the characters of
ASCII."""
MOST_IMPORTANT = 64
"""Number of tokens that are shown of a larger vocabulary."""
NUM_PREDS = 20
SETTINGS = (
    *("text", "gap", "max_tokens", "sampling", "state", "batch_size", "num_steps"),
    *("cell", "hidden_size", "nonlinearity", "forget_bias", "optimizer", "lr", "max_norm"),
    *("dtype", "seed", "threads", "device"),
)
"""The settings of a training that the page knows. It would compute and label without any other, so
a run with another one is refused."""
DETAILS = ("W_ih", "W_hh", "b_ih", "b_hh", "a", "u", "z", "W", "b", "d_h")
"""Arrays that are left out if the page would be too large; each sum is listed after its terms."""


def record(text: str, course: Course, terminal: Terminal | None = None) -> JsonObject:
    """Record all results of both models while they read the text; see `split_text`.

    The record has values for the whole page, and under "checkpoints" a dict for each checkpoint:
    JSON values, and under "numbers" and "details" arrays by name. The name of an array of PyTorch
    is "torch." and the name of the NumPy array.
    """
    terminal = terminal or Terminal(quiet=True)
    vocab, setting = course.vocab, course.setting
    tokens, notes = split_text(text, vocab)
    for note in notes:
        terminal.line(note)
    ids = np.array([vocab[token] for token in tokens])
    models = make_models(setting, len(vocab))
    checkpoints = [look(snapshot, *models, ids, course) for snapshot in course.snapshots]
    predicted_ids = find_predicted_ids(
        [checkpoint["numbers"]["p"] for checkpoint in checkpoints], ids[1:]
    )
    for numbers, details in ((c["numbers"], c["details"]) for c in checkpoints):
        numbers |= {
            name: numbers[name][:, predicted_ids] for name in ("y", "p", "torch.y", "torch.p")
        }
        details |= {name: details[name][predicted_ids] for name in ("W", "b")}
    distinct = list(dict.fromkeys(ids.tolist()))
    cell = CELLS[setting.cell]
    return {
        "text": "".join(tokens),
        "notes": notes,
        "tokens": [vocab.idx_to_token[i] for i in ids],
        "ids": ids.tolist(),
        "column": [distinct.index(i) for i in ids.tolist()],
        "input_rows": [list_input_ids(ids, len(vocab)).index(i) for i in distinct],
        "targets": [predicted_ids.index(i) for i in ids[1:].tolist()],
        "shown": predicted_ids,
        "shown_tokens": [vocab.idx_to_token[i] for i in predicted_ids],
        "T": len(ids),
        "V": len(vocab),
        "H": setting.hidden_size,
        "units_by_change": anatomy.units_by_change(checkpoints[-1]["numbers"]["h"][1:]),
        "dtype": setting.dtype,
        "cell": cell.name,
        "layer": cell.layer if cell.gates else f"{cell.layer} with {setting.nonlinearity}",
        "gates": cell.gates,
        "states": cell.states,
        "cells": {
            name: {
                "layer": known_cell.layer,
                "gates": known_cell.gates,
                "states": known_cell.states,
            }
            for name, known_cell in CELLS.items()
            if name in cell_names()
        },
        "nonlinearity": setting.nonlinearity,
        "num_steps": setting.num_steps if course.is_of_a_run else None,
        "max_norm": setting.max_norm,
        "lr": setting.lr,
        "state": setting.state,
        "source": course.source,
        "plain": plain_versions(cell),
        "lesson": json.loads(resource(__package__, "lesson.json")),
        "bugs": page_bugs(cell.name, setting.nonlinearity),
        "curve": course.curve,
        "versions": {
            PACKAGE: package_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "checkpoints": checkpoints,
    }


def split_text(text: str, vocab: Vocab) -> tuple[list[str], list[str]]:
    """Split a text into at most `MOST_STEPS` tokens; also return a sentence for each change.

    If all tokens are in the vocabulary, the text does not change. Otherwise it is cleaned like a
    training text: lower-case letters from a to z, everything else becomes a space. A token that is
    still unknown becomes <unk>. If nothing is left of the text, it is a UsageError; and so is an
    unknown token if the vocabulary has no <unk>.
    """
    notes = []
    tokens = list(text)
    if foreign := list(dict.fromkeys(part for part in tokens if part not in vocab)):
        if UNKNOWN not in vocab:
            got = ", ".join(map(repr, foreign[:8]))
            raise UsageError(f"expected --text with characters of the vocabulary, got {got}")
        cleaned = " ".join(line for line in clean(text) if line)
        if cleaned != text and cleaned:
            notes.append(f'Read as "{_short(cleaned)}", cleaned like a training text.')
        tokens = list(cleaned)
    if not tokens:
        raise UsageError(f"expected --text with letters from a to z, got {_short(text)!r}")
    if len(tokens) > MOST_STEPS:
        notes.append(f"The first {MOST_STEPS} of {len(tokens):,} characters, the limit of a page.")
        tokens = tokens[:MOST_STEPS]
    unknown = list(dict.fromkeys(part for part in tokens if part not in vocab))
    if len(unknown) == len(set(tokens)):
        raise UsageError(f"expected --text with a letter of the vocabulary, got {_short(text)!r}")
    if unknown:
        notes.append(f"Not in the vocabulary, read as <unk>: {', '.join(map(repr, unknown[:8]))}.")
    return [part if part in vocab else UNKNOWN for part in tokens], notes


def look(
    snapshot: Snapshot,
    scratch: scratch_rnn.RNNModel,
    concise: concise_rnn.RNNModel,
    ids: Int[Array, "T"],
    course: Course,
) -> JsonObject:
    """Run both models with the snapshot's weights, and return all results.

    "numbers" are the arrays that are always in the page. "details" are left out if the page would
    be too large: weights, and numbers that need the weights to be understood.
    """
    write_parameters(scratch, snapshot.weights)
    copy_weights(scratch, concise)
    with np.errstate(over="ignore", invalid="ignore"):
        numbers, details = compute_numbers(scratch, concise, ids)
    for name, array in (numbers | details).items():
        if not np.isfinite(array).all():
            raise RecordError(
                f"expected finite numbers {snapshot.label}, got others in {name}: "
                "the states explode on this text"
            )
    mean_loss = float(numbers["L"].mean()) if len(ids) > 1 else None
    # One training step on the text. If it has one token, the token is its own target.
    inputs, targets = (ids[:-1], ids[1:]) if len(ids) > 1 else (ids, ids)
    batch = Batch(inputs[None].copy(), targets[None].copy())
    report = compare_step(scratch, concise, batch, None, course.setting.step)
    W_hh = anatomy.read_weights(scratch).W_hh if anatomy.is_elman(scratch) else None
    return {
        "label": snapshot.label,
        "epoch": snapshot.epoch,
        "loss": mean_loss,
        "perplexity": None if mean_loss is None else scratch_rnn.perplexity(mean_loss),
        "radius": None if W_hh is None else anatomy.spectral_radius(W_hh),
        "singular": None if W_hh is None else anatomy.largest_singular_value(W_hh),
        "allowed": anatomy.forward_tolerances(scratch, ids),
        "written": course.vocab.to_tokens(anatomy.write_on(scratch, ids, NUM_PREDS)),
        "parity": [row.to_json() for row in report.rows],
        "numbers": numbers,
        "details": details,
    }


def compute_numbers(
    scratch: scratch_rnn.RNNModel, concise: concise_rnn.RNNModel, ids: Int[Array, "T"]
) -> tuple[anatomy.Numbers, anatomy.Numbers]:
    """Run both models on the text; return numbers and details, with the letters of `anatomy`.

    For cells with gates, the page computes sums and gradients itself; they are not recorded.

    a depends only on the token, so it has one row for each different token of the text. W_ih has
    one row for each token of `list_input_ids`.
    """
    K = len(ids) - 1
    first = [ids.tolist().index(i) for i in dict.fromkeys(ids.tolist())]  # (distinct tokens)
    numbers = anatomy.scratch_forward(scratch, ids)
    torch_numbers = anatomy.concise_forward(concise, ids)
    numbers["L"], d_logits = anatomy.scratch_losses(numbers["y"][:K], ids[1:])
    torch_numbers["L"] = anatomy.concise_losses(torch_numbers["y"][:K], ids[1:])
    if anatomy.is_elman(scratch):
        for by_letter in (numbers, torch_numbers):
            by_letter["a"] = by_letter["a"][first]
        numbers |= anatomy.scratch_backward(scratch, ids, d_logits)
    numbers |= anatomy.read_weights(scratch)._asdict()
    numbers["W_ih"] = numbers["W_ih"].T[list_input_ids(ids, scratch.vocab_size)]
    numbers["W"] = scratch.parameters["linear.weight"]
    numbers["b"] = scratch.parameters["linear.bias"]
    numbers |= {f"torch.{name}": array for name, array in torch_numbers.items()}
    copies = {name: np.array(array) for name, array in numbers.items()}
    names = [*DETAILS, *(f"torch.{name}" for name in DETAILS)]
    details = {name: copies.pop(name) for name in names if name in copies}
    return copies, details


def plain_versions(cell: Cell) -> list[JsonObject]:
    """Return file and lines of the cell's plain version, and of Elman's, which has the loss."""
    return [
        {
            "file": module.__name__.replace(".", "/") + ".py",
            "lines": inspect.getsource(module).splitlines(),
        }
        for module in dict.fromkeys([cell.plain, CELLS["rnn"].plain])
    ]


def page_bugs(cell: str, nonlinearity: str) -> list[JsonObject]:
    """Return the bugs of the page's game for this cell: names, texts, and the right lines."""
    bugs = []
    for bug in BUGS:
        page = bug.page
        if page and bug.cell in (None, cell) and page.nonlinearity in (None, nonlinearity):
            patch = (bug.read_plain(cell) or bug.plain or bug.patches)[
                0
            ]  # the cell's, if it has one
            number, code = patch.first_line
            bugs.append(
                {
                    "name": bug.name,
                    "words": bug.words,
                    "hint": page.hint,
                    "look": page.look,
                    "line": {"file": patch.file, "number": number, "code": code},
                }
            )
    return bugs


def list_input_ids(ids: Int[Array, "T"], V: int) -> list[int]:
    """Return the tokens whose input weights are in the page: all, or only the text's."""
    return list(range(V)) if V <= MOST_SHOWN else list(dict.fromkeys(ids.tolist()))


def find_predicted_ids(
    distributions: Sequence[Float[Array, "T V"]], targets: Int[Array, "K"]
) -> list[int]:
    """Return the tokens that the page shows: all, or only the targets and the most likely ones."""
    everything = np.concatenate(distributions)
    V = everything.shape[1]
    if V <= MOST_SHOWN:
        return list(range(V))
    needed = {*targets.tolist(), *everything.argmax(axis=1).tolist()}
    for v in np.argsort(-everything.max(axis=0), kind="stable").tolist():
        if len(needed) < MOST_IMPORTANT:
            needed.add(v)
    return sorted(needed)


def _short(text: str) -> str:
    """Return the text on one line, shortened to 60 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:60]}…"
