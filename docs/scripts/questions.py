"""Measure the results in docs/questions.md, and make its pictures and tables.

    python docs/scripts/questions.py measure biases    # or clipping, truncation, chaos, state
    python docs/scripts/questions.py draw              # pictures and tables from the measurements

Each measurement is stored in docs/measurements/NAME.json, with the date, the versions and the text.
Pictures and tables are made from these files only.
"""

import json
import platform
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

mpl.use("Agg")

DOCS = Path(__file__).parents[1]
MEASUREMENTS = DOCS / "measurements"
IMAGES = DOCS / "images"
PAGE = DOCS / "questions.md"

# The lecture's configuration.
B, T, H, LR, MAX_NORM, TOKENS = 32, 35, 256, 0.1, 1.0, 10_000
EQUAL_UPDATES = 240

INK, FAINT, GRID = "#222222", "#8a8a8a", "#e6e6e6"
BLUE, ORANGE, GREEN, RED = "#1f3f77", "#f5a742", "#2a8f6f", "#c0392b"


# Measuring ------------------------------------------------------------------------------------


def measure_biases() -> dict[str, Any]:
    """Train with two biases, and with gradients for only one of them; compare with PyTorch."""
    import torch

    import concise_rnn
    import scratch_rnn
    from compare import build_models
    from compare.check import find_bug
    from compare.parity import parameters_as_arrays

    batches, vocab = scratch_rnn.load_time_machine(B, T)
    packages = {"two": scratch_rnn, "one": find_bug("one-bias-learns").load()}
    result: dict[str, Any] = {"text": batches.text.name, "updates": [1, 10, 100]}
    for name, package in packages.items():
        ours, theirs = build_models(len(vocab), H)
        rng = np.random.default_rng(0)
        model = package.RNNModel(package.RNN(len(vocab), H, rng=rng), len(vocab), rng=rng)
        for key, parameter in model.parameters.items():
            parameter[...] = ours.parameters[key]
        begin = {key: p.copy() for key, p in model.parameters.items()}
        optimizer = package.SGD(model.parameters, LR)
        torch_optimizer = torch.optim.SGD(theirs.parameters(), LR)
        differences, norms, moved = [], [], []
        stream = (batch for epoch in range(20) for batch in batches.epoch(epoch))
        for update, batch in zip(range(1, 101), stream, strict=False):
            step = package.train_step(model, batch, None, optimizer)
            other = concise_rnn.train_step(theirs, batch, None, torch_optimizer)
            if update in result["updates"]:
                arrays = parameters_as_arrays(theirs)
                differences.append(
                    max(float(np.abs(p - arrays[key]).max()) for key, p in model.parameters.items())
                )
                norms.append([step.grad_norm, other.grad_norm])
                bias = sum(
                    model.parameters[f"rnn.bias_{k}_l0"] - begin[f"rnn.bias_{k}_l0"]
                    for k in ("ih", "hh")
                )
                moved.append(float(np.linalg.norm(bias)))
        result[name] = {"differences": differences, "norms": norms, "effective_bias_moved": moved}
    return result


def measure_clipping() -> dict[str, Any]:
    """Compare three rules of clipping on the gradients of one run; each rule halves the norm."""
    import scratch_rnn
    from scratch_rnn.train import loss_and_gradients

    batches, vocab = scratch_rnn.load_time_machine(B, T)
    result: dict[str, Any] = {"text": batches.text.name, "updates": 400, "max_norm": MAX_NORM}
    for lr in (0.1, 1.0):
        model = _new_model(scratch_rnn, len(vocab))
        optimizer = scratch_rnn.SGD(model.parameters, lr)
        state = None
        norms, cosines = [], {"all together": [], "each tensor": [], "each entry": []}
        for update, batch in enumerate(_stream(batches, 50)):
            if update % len(batches) == 0 or state is None:
                state = model.begin_state(B)
            _, gradients, state = loss_and_gradients(model, batch, state)
            raw = {name: g.copy() for name, g in gradients.items()}
            norms.append(scratch_rnn.clip_grad_norm(gradients, MAX_NORM))
            if update % 10 == 0:
                limit = norms[-1] / 2
                rules = {
                    "all together": {name: g / 2 for name, g in raw.items()},
                    "each tensor": {
                        name: g * min(1, limit / float(np.linalg.norm(g) + 1e-6))
                        for name, g in raw.items()
                    },
                    "each entry": _cut_entries(raw, limit),  # clipped to give the same norm
                }
                for rule, clipped in rules.items():
                    cosines[rule].append(_cosine(raw, clipped))
            optimizer.step(gradients)
        result[f"lr {lr:g}"] = {
            "clipped_share": float(np.mean(np.array(norms) > MAX_NORM)),
            "largest_norm": max(norms),
            "smallest_cosine": {rule: min(c) for rule, c in cosines.items()},
            "mean_cosine": {rule: float(np.mean(c)) for rule, c in cosines.items()},
        }
    return result


def _cut_entries(gradients: dict[str, np.ndarray], norm: float) -> dict[str, np.ndarray]:
    low, high = 0.0, max(float(np.abs(g).max()) for g in gradients.values())
    for _ in range(40):
        limit = (low + high) / 2
        cut = {name: np.clip(g, -limit, limit) for name, g in gradients.items()}
        total = float(np.sqrt(sum(float((g * g).sum()) for g in cut.values())))
        low, high = (limit, high) if total < norm else (low, limit)
    return cut


def _cosine(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    x, y = (np.concatenate([g.ravel() for g in gradients.values()]) for gradients in (a, b))
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


def measure_truncation() -> dict[str, Any]:
    """Truncate the gradient at different lengths; measure its lost part and the perplexity."""
    import scratch_rnn

    lr, epochs, steps = 0.5, 60, (5, 10, 20, 35, 70)
    result: dict[str, Any] = {"lr": lr, "epochs": epochs, "num_steps": list(steps)}
    curves = []
    for num_steps in steps:
        batches, vocab = scratch_rnn.load_time_machine(B, num_steps)
        model = _new_model(scratch_rnn, len(vocab))
        epochs_done = scratch_rnn.train(model, batches, lr, epochs, carry_state=True)
        curves.append([epoch.perplexity for epoch in epochs_done])
        if num_steps == T:
            trained = model
    result |= {"text": batches.text.name, "perplexities": curves}

    S = 140
    batches, vocab = scratch_rnn.load_time_machine(B, S)
    long = next(batches.epoch(0))
    for name, model in (("untrained", _new_model(scratch_rnn, len(vocab))), ("trained", trained)):
        whole = _gradient_in_pieces(scratch_rnn, model, long, S)
        lost = []
        for num_steps in steps:
            cut = _gradient_in_pieces(scratch_rnn, model, long, num_steps)
            difference = {key: whole[key] - cut[key] for key in whole}
            lost.append(_norm(difference, "rnn.") / _norm(whole, "rnn."))
        result[name] = {"lost": lost, "reach": _reach(model, long, S), "S": S}
    return result


def _norm(gradients: dict[str, np.ndarray], prefix: str) -> float:
    return float(
        np.sqrt(sum(float((g * g).sum()) for k, g in gradients.items() if k.startswith(prefix)))
    )


def _gradient_in_pieces(package: Any, model: Any, batch: Any, num_steps: int) -> Any:
    """Return the gradient of the mean loss, truncated every `num_steps`; states are carried."""
    S = batch.inputs.shape[1]
    state = model.begin_state(len(batch.inputs))
    total = {name: np.zeros_like(p) for name, p in model.parameters.items()}
    for begin in range(0, S, num_steps):
        piece = slice(begin, begin + num_steps)
        inputs, targets = batch.inputs[:, piece], batch.targets[:, piece]
        logits, state, tape = model.forward(np.ascontiguousarray(inputs), state)
        _, d_logits = package.cross_entropy(logits, targets.T.reshape(-1))
        share = logits.dtype.type(inputs.shape[1] / S)
        for name, gradient in model.backward(tape, share * d_logits).items():
            total[name] += gradient
    return total


def _reach(model: Any, batch: Any, S: int) -> list[float]:
    """Return |dL_S / dh_{S-d}| for d = 0, 1, …, averaged over rows, relative to d = 0."""
    logits, _, tape = model.forward(batch.inputs, model.begin_state(len(batch.inputs)))
    h = tape.h.reshape(S, len(batch.inputs), -1)
    W_hh, W = model.parameters["rnn.weight_hh_l0"], model.parameters["linear.weight"]
    y = logits.reshape(S, len(batch.inputs), -1)[-1]
    p = np.exp(y - y.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), batch.targets[:, -1]] -= 1
    d_h = p @ W  # (B, H)
    norms = []
    for t in reversed(range(S)):
        norms.append(float(np.linalg.norm(d_h, axis=1).mean()))
        d_h = (d_h * (1 - h[t] ** 2)) @ W_hh
    return [norm / norms[0] for norm in norms[:100]]


def measure_chaos() -> dict[str, Any]:
    """Train scratch, PyTorch, and scratch with one weight moved by one ulp; compare them."""
    import torch

    import concise_rnn
    import scratch_rnn
    from compare import build_models
    from compare.parity import parameters_as_arrays

    updates = 1000
    batches, vocab = scratch_rnn.load_time_machine(B, T)
    result: dict[str, Any] = {"text": batches.text.name, "updates": updates, "runs": []}
    for lr in (0.1, 1.0):
        for dtype in ("float32", "float64"):
            ours, theirs = build_models(len(vocab), H, dtype=dtype)
            moved, _ = build_models(len(vocab), H, dtype=dtype)
            weight = moved.parameters["rnn.weight_hh_l0"]
            weight[0, 0] = np.nextafter(weight[0, 0], np.asarray(np.inf, weight.dtype))
            optimizers = [scratch_rnn.SGD(m.parameters, lr) for m in (ours, moved)]
            torch_optimizer = torch.optim.SGD(theirs.parameters(), lr)
            states: list[Any] = [None, None, None]
            from_torch, from_moved, losses = [], [], []
            for update, batch in zip(range(updates), _stream(batches, updates), strict=False):
                if update % len(batches) == 0:
                    states = [None, None, None]
                steps = [
                    scratch_rnn.train_step(m, batch, s, o)
                    for m, s, o in zip((ours, moved), states, optimizers, strict=False)
                ]
                other = concise_rnn.train_step(theirs, batch, states[2], torch_optimizer)
                states = [*(step.state for step in steps), other.state]
                arrays = parameters_as_arrays(theirs)
                from_torch.append(_apart(ours.parameters, arrays))
                from_moved.append(_apart(ours.parameters, moved.parameters))
                losses.append([steps[0].loss, steps[1].loss, other.loss])
            result["runs"].append(
                {
                    "lr": lr,
                    "dtype": dtype,
                    "from_torch": from_torch[::4],
                    "from_moved": from_moved[::4],
                    "last_losses": np.mean(losses[-80:], axis=0).tolist(),
                }
            )
    return result


def _apart(a: Any, b: Any) -> float:
    return max(float(np.abs(p - b[name]).max()) for name, p in a.items())


def measure_state() -> dict[str, Any]:
    """Train with the state reset at every batch, and with the state carried."""
    import scratch_rnn

    epochs = 500
    result: dict[str, Any] = {"lr": LR, "epochs": epochs}
    for name, carry in (("reset", False), ("carried", True)):
        batches, vocab = scratch_rnn.load_time_machine(B, T)
        model = _new_model(scratch_rnn, len(vocab))
        done = scratch_rnn.train(model, batches, LR, epochs, carry_state=carry)
        result[name] = [epoch.perplexity for epoch in done]
    return result | {"text": batches.text.name}


def measure_cells() -> dict[str, Any]:
    """Train each cell; measure how far back the gradient of the last loss reaches."""
    import scratch_rnn

    lr, epochs, S = 1.0, 100, 101
    result: dict[str, Any] = {"lr": lr, "epochs": epochs, "steps": list(REACH)}
    batches, vocab = scratch_rnn.load_time_machine(B, T)
    long = next(scratch_rnn.load_time_machine(B, S)[0].epoch(0))
    for name in ("RNN", "GRU", "LSTM"):
        rng = np.random.default_rng(0)
        layer = getattr(scratch_rnn, name)(len(vocab), H, rng=rng)
        model = scratch_rnn.RNNModel(layer, len(vocab), rng=rng)
        untrained = _reach_of_state(model, long)
        done = scratch_rnn.train(model, batches, lr, epochs, carry_state=True)
        result[name] = {
            "untrained": untrained,
            "trained": _reach_of_state(model, long),
            "perplexity": done[-1].perplexity,
        }
    return result | {"text": batches.text.name}


REACH = (1, 2, 5, 10, 20, 35, 50, 100)


def _reach_of_state(model: Any, batch: Any) -> list[float]:
    """Return |dL_S / d state_{S-d}| for each d of `REACH`, relative to d = 1; c counts too."""
    import scratch_rnn

    rows, S = batch.inputs.shape
    norms = []
    for d in REACH:
        _, state = model(batch.inputs[:, : S - d].copy(), model.begin_state(rows))
        logits, _, tape = model.forward(batch.inputs[:, S - d :].copy(), state)
        d_logits = np.zeros_like(logits)
        last = slice(rows * (d - 1), None)  # time-major: the rows of the last step
        _, d_logits[last] = scratch_rnn.cross_entropy(logits[last], batch.targets[:, -1])
        _, d_state = model.backward_to_state(tape, d_logits)
        arrays = d_state if isinstance(d_state, tuple) else (d_state,)
        together = np.concatenate([array[0] for array in arrays], axis=1)  # (rows, H or 2H)
        squares = together.astype(np.float64) ** 2  # in float32, those below 1e-45 become 0
        norms.append(float(np.sqrt(squares.sum(axis=1)).mean()))
    return [norm / norms[0] for norm in norms]


def _new_model(package: Any, V: int) -> Any:
    rng = np.random.default_rng(0)
    return package.RNNModel(package.RNN(V, H, rng=rng), V, rng=rng)


def _stream(batches: Any, epochs: int) -> Iterator[Any]:
    return (batch for epoch in range(epochs) for batch in batches.epoch(epoch))


MEASURES: dict[str, Callable[[], dict[str, Any]]] = {
    "biases": measure_biases,
    "clipping": measure_clipping,
    "truncation": measure_truncation,
    "chaos": measure_chaos,
    "state": measure_state,
    "cells": measure_cells,
}


def measure(name: str) -> None:
    """Measure with one thread, and write the result to a file."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with threadpool_limits(1):
        result = MEASURES[name]()
    about = {
        "command": f"python docs/scripts/questions.py measure {name}",
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "threads": 1,
        "batch_size": B,
        "num_steps": T,
        "hidden_size": H,
    }
    MEASUREMENTS.mkdir(exist_ok=True)
    text = json.dumps({"about": about, **_short(result)}, indent=1) + "\n"
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    (MEASUREMENTS / f"{name}.json").write_text(text, encoding="utf-8")


def _short(value: Any) -> Any:
    """Round each number to six digits."""
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def read(name: str) -> dict[str, Any]:
    """Return a measurement from its file."""
    result = json.loads((MEASUREMENTS / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(result, dict)
    return result


# Drawing --------------------------------------------------------------------------------------


def draw_truncation() -> None:
    """Draw how far gradients reach back, and the perplexity for each length."""
    data = read("truncation")
    figure = Figure(figsize=(9.0, 3.7), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, colour in (("untrained", ORANGE), ("trained", BLUE)):
        left.semilogy(data[name]["reach"][:81], color=colour, linewidth=1.6, label=name)
    left.axvline(T, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    left.annotate(
        f"the lecture\ntruncates at {T}", (T + 1.5, 2e-1), color=INK, fontsize=9, va="top"
    )
    _dress(left, "steps back, d", "size of the gradient,\nrelative to d = 0")
    left.legend(frameon=False, labelcolor=INK, loc="lower left")
    steps, curves = data["num_steps"], data["perplexities"]
    shades = mpl.colormaps["viridis"](np.linspace(0.85, 0.05, len(steps)))
    for num_steps, curve, shade in zip(steps, curves, shades, strict=True):
        right.plot(range(1, len(curve) + 1), curve, color=shade, linewidth=1.5, label=num_steps)
    _dress(right, "epoch (equal number of tokens)", "perplexity")
    right.set_ylim(bottom=1)
    right.legend(frameon=False, labelcolor=INK, title="steps, T")
    _save(figure, "truncation.png")


def draw_chaos() -> None:
    """Draw the difference between two trainings."""
    data = read("chaos")
    figure = Figure(figsize=(9.0, 3.9), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, lr in zip(panels, (0.1, 1.0), strict=True):
        for run in data["runs"]:
            if run["lr"] == lr:
                colour = BLUE if run["dtype"] == "float32" else RED
                x = 1 + 4 * np.arange(len(run["from_torch"]))
                y = {key: np.array(run[key]) for key in ("from_torch", "from_moved")}
                for key, style in (("from_torch", "-"), ("from_moved", (0, (1, 1.2)))):
                    label = {
                        "from_torch": f"{run['dtype']}: NumPy and PyTorch",
                        "from_moved": f"{run['dtype']}: NumPy and itself + 1 ulp",
                    }[key]
                    values = np.where(y[key] > 0, y[key], np.nan)
                    panel.semilogy(
                        x, values, color=colour, linestyle=style, linewidth=1.5, label=label
                    )
        _dress(panel, "update", "largest difference of\nany parameter" if lr == 0.1 else "")
        panel.set_title(f"lr {lr:g}", loc="left", color=INK, fontsize=11)
    panels[1].legend(frameon=False, labelcolor=INK, fontsize=8, loc="upper left")
    panels[1].set_ylim(1e-18, 1e5)
    _save(figure, "chaos.png")


def draw_state() -> None:
    """Draw the perplexity with the state reset and carried."""
    data = read("state")
    figure = Figure(figsize=(6.4, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    for name, colour in (("reset", ORANGE), ("carried", BLUE)):
        curve = data[name]
        label = f"{name}: {curve[-1]:.2f} at the end"
        axes.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=1.5, label=label)
    axes.axhline(5.0, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate("the lecture's 5.0", (12, 4.9), color=INK, fontsize=9, va="top")
    _dress(axes, "epoch", "perplexity")
    axes.set_ylim(1, 20)
    axes.legend(frameon=False, labelcolor=INK)
    _save(figure, "state.png")


def _dress(axes: Any, xlabel: str, ylabel: str) -> None:
    axes.set_xlabel(xlabel, color=INK)
    axes.set_ylabel(ylabel, color=INK)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK)


def _save(figure: Figure, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    figure.savefig(IMAGES / name, metadata={"Software": None})


# Tables ---------------------------------------------------------------------------------------


def tables() -> dict[str, str]:
    """Return each table of the page, by its name."""
    return {
        "biases": _biases(read("biases")),
        "clipping": _clipping(read("clipping")),
        "truncation": _truncation(read("truncation")),
        "chaos": _chaos(read("chaos")),
        "state": _state(read("state")),
        "cells": _cells(read("cells")),
    }


def _biases(data: dict[str, Any]) -> str:
    rows = [
        [
            str(update),
            f"{data['two']['differences'][k]:.1e}",
            f"{data['one']['differences'][k]:.1e}",
            f"{data['two']['effective_bias_moved'][k]:.4f}",
            f"{data['one']['effective_bias_moved'][k]:.4f}",
        ]
        for k, update in enumerate(data["updates"])
    ]
    head = [
        "after update",
        "difference from PyTorch, two biases",
        "one bias",
        "sum of biases moved by, two",
        "one",
    ]
    return _table(head, rows, data)


def _clipping(data: dict[str, Any]) -> str:
    rows = []
    for lr in ("lr 0.1", "lr 1"):
        run = data[lr]
        rows.append(
            [
                lr.removeprefix("lr "),
                f"{run['clipped_share']:.1%}",
                f"{run['largest_norm']:.1f}",
                *(
                    f"{run['mean_cosine'][rule]:.3f} ({run['smallest_cosine'][rule]:.3f})"
                    for rule in ("all together", "each tensor", "each entry")
                ),
            ]
        )
    head = ["lr", "updates clipped", "largest norm", "all together", "each tensor", "each entry"]
    return _table(head, rows, data)


def _truncation(data: dict[str, Any]) -> str:
    rows = []
    for k, num_steps in enumerate(data["num_steps"]):
        per_epoch = (TOKENS - 1 - num_steps) // (B * num_steps)
        curve = data["perplexities"][k]
        rows.append(
            [
                str(num_steps),
                f"{data['untrained']['lost'][k]:.1%}",
                f"{data['trained']['lost'][k]:.1%}",
                f"{curve[-1]:.2f} ({per_epoch * len(curve):,} updates)",
                f"{curve[round(EQUAL_UPDATES / per_epoch) - 1]:.2f}",
            ]
        )
    head = [
        "steps, T",
        "lost part of the gradient, untrained",
        "trained",
        f"perplexity after {data['epochs']} epochs",
        f"after {EQUAL_UPDATES} updates",
    ]
    return _table(head, rows, data)


def _chaos(data: dict[str, Any]) -> str:
    rows = []
    for run in data["runs"]:
        losses = [f"{np.exp(loss):.2f}" for loss in run["last_losses"]]
        places = [0, 25, 75, -1]
        rows.append(
            [
                f"{run['lr']:g}",
                run["dtype"],
                *(f"{run['from_torch'][k]:.1e} / {run['from_moved'][k]:.1e}" for k in places),
                " / ".join((losses[0], losses[2], losses[1])),
            ]
        )
    last = 1 + 4 * (len(data["runs"][0]["from_torch"]) - 1)
    head = ["lr", "dtype", "update 1", "101", "301", str(last), "perplexity of the last 80"]
    return _table(head, rows, data)


def _state(data: dict[str, Any]) -> str:
    places = [k for k in (50, 100, 200, 300, 400, 500) if k <= len(data["reset"])]
    rows = [[name, *(f"{data[name][k - 1]:.2f}" for k in places)] for name in ("reset", "carried")]
    return _table(["state, perplexity after", *(f"{k} epochs" for k in places)], rows, data)


def _cells(data: dict[str, Any]) -> str:
    rows = []
    for name in ("RNN", "GRU", "LSTM"):
        for when in ("untrained", "trained"):
            perplexity = f"{data[name]['perplexity']:.2f}" if when == "trained" else "-"
            rows.append([name, when, perplexity, *(f"{r:.1e}" for r in data[name][when][1:])])
    head = ["cell", "", "perplexity", *(f"{d} steps" for d in data["steps"][1:])]
    return _table(head, rows, data)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], data: dict[str, Any]) -> str:
    about = data["about"]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join("| " + " | ".join(row) + " |" for row in lines)
    source = (
        f"*{data['text']}; {about['date']}, Python {about['python']}, NumPy {about['numpy']}, "
        f"PyTorch {about['torch']}, one thread: `{about['command']}`.*"
    )
    return f"{table}\n\n{source}"


BLOCK = re.compile(r"(<!-- table (\w+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """Return the page's text with new tables."""
    made = tables()
    return BLOCK.sub(lambda match: match[1] + made[match[2]] + match[3], text)


def draw() -> None:
    """Draw all pictures, and write the tables into the page."""
    draw_truncation()
    draw_chaos()
    draw_state()
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run the command in the arguments."""
    match arguments:
        case ["measure", name] if name in MEASURES:
            measure(name)
        case ["draw"]:
            draw()
        case _:
            sys.stderr.write(f"expected measure {'|'.join(MEASURES)}, or draw\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
