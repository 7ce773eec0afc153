"""Measure the results in docs/learn/questions.md, and make its pictures and tables.

    python docs/scripts/questions.py measure           # all of them
    python docs/scripts/questions.py measure biases    # clipping, truncation, chaos, state or cells
    python docs/scripts/questions.py draw              # pictures and tables from the measurements

Each measurement is stored in docs/measurements/NAME.json, with the date, the versions and the text.
Pictures and tables are made from these files only, by answers.py.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from pages import MEASUREMENTS, save, versions
from threadpoolctl import threadpool_limits

import concise_rnn
import scratch_rnn
from compare import build_models
from compare.bench.results.result import round_numbers
from compare.mistakes import find_bug
from compare.parity import read_parameters, write_parameters
from scratch_rnn.train import loss_and_gradients

# The lecture's configuration.
B, T, H, LR, MAX_NORM, TOKENS = 32, 35, 256, 0.1, 1.0, 10_000
EQUAL_UPDATES = 240


# Measuring ------------------------------------------------------------------------------------


def measure_biases() -> dict[str, Any]:
    """Train with two biases, and with gradients for only one of them; compare with PyTorch."""
    batches, vocab = scratch_rnn.load_time_machine(B, T)
    packages = {"two": scratch_rnn, "one": find_bug("one-bias-learns").load()}
    result: dict[str, Any] = {"text": batches.text.name, "updates": [1, 10, 100]}
    for name, package in packages.items():
        ours, theirs = build_models(len(vocab), H)
        rng = np.random.default_rng(0)
        model = package.RNNModel(package.RNN(len(vocab), H, rng=rng), len(vocab), rng=rng)
        write_parameters(model, ours.parameters)
        begin = {key: p.copy() for key, p in model.parameters.items()}
        optimizer = package.SGD(model.parameters, LR)
        torch_optimizer = torch.optim.SGD(theirs.parameters(), LR)
        differences, norms, moved = [], [], []
        stream = (batch for epoch in range(20) for batch in batches.epoch(epoch))
        for update, batch in zip(range(1, 101), stream, strict=False):
            step = package.train_step(model, batch, None, optimizer)
            other = concise_rnn.train_step(theirs, batch, None, torch_optimizer)
            if update in result["updates"]:
                arrays = read_parameters(theirs)
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
    batches, vocab = scratch_rnn.load_time_machine(B, T)
    result: dict[str, Any] = {"text": batches.text.name, "updates": 400, "max_norm": MAX_NORM}
    for lr in (0.1, 1.0):
        model = _new_model(len(vocab))
        optimizer = scratch_rnn.SGD(model.parameters, lr)
        state = None
        norms, cosines = [], {"all together": [], "each tensor": [], "each entry": []}
        for update, batch in enumerate(_stream(batches, 50)):
            if update % len(batches) == 0 or state is None:
                state = model.begin_state(B)
            _, gradients, state, _ = loss_and_gradients(model, batch, state)
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
    lr, epochs, steps = 0.5, 60, (5, 10, 20, 35, 70)
    result: dict[str, Any] = {"lr": lr, "epochs": epochs, "num_steps": list(steps)}
    curves = []
    for num_steps in steps:
        batches, vocab = scratch_rnn.load_time_machine(B, num_steps)
        model = _new_model(len(vocab))
        epochs_done = scratch_rnn.train(model, batches, lr, epochs, carry_state=True)
        curves.append([epoch.perplexity for epoch in epochs_done])
        if num_steps == T:
            trained = model
    result |= {"text": batches.text.name, "perplexities": curves}

    S = 140
    batches, vocab = scratch_rnn.load_time_machine(B, S)
    long = next(batches.epoch(0))
    for name, model in (("untrained", _new_model(len(vocab))), ("trained", trained)):
        whole = _gradient_in_pieces(model, long, S)
        lost = []
        for num_steps in steps:
            cut = _gradient_in_pieces(model, long, num_steps)
            difference = {key: whole[key] - cut[key] for key in whole}
            lost.append(_norm(difference, "rnn.") / _norm(whole, "rnn."))
        result[name] = {"lost": lost, "reach": _reach(model, long, S), "S": S}
    return result


def _norm(gradients: dict[str, np.ndarray], prefix: str) -> float:
    return float(
        np.sqrt(sum(float((g * g).sum()) for k, g in gradients.items() if k.startswith(prefix)))
    )


def _gradient_in_pieces(model: Any, batch: Any, num_steps: int) -> Any:
    """Return the gradient of the mean loss, truncated every `num_steps`; states are carried."""
    S = batch.inputs.shape[1]
    state = model.begin_state(len(batch.inputs))
    total = {name: np.zeros_like(p) for name, p in model.parameters.items()}
    for begin in range(0, S, num_steps):
        piece = slice(begin, begin + num_steps)
        inputs, targets = batch.inputs[:, piece], batch.targets[:, piece]
        logits, state, tape = model.forward(np.ascontiguousarray(inputs), state)
        _, d_logits = scratch_rnn.cross_entropy(logits, targets.T.reshape(-1))
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


CHAOS = (("SGD", 0.1), ("SGD", 1.0), ("Adam", 0.001))
"""The optimizers and learning rates of the trainings that are compared."""


def measure_chaos() -> dict[str, Any]:
    """Train scratch, PyTorch, and scratch with one weight moved by one ulp; compare them."""
    updates = 1000
    batches, vocab = scratch_rnn.load_time_machine(B, T)
    result: dict[str, Any] = {"text": batches.text.name, "updates": updates, "runs": []}
    for name, lr in CHAOS:
        for dtype in ("float32", "float64"):
            ours, theirs = build_models(len(vocab), H, dtype=dtype)
            moved, _ = build_models(len(vocab), H, dtype=dtype)
            weight = moved.parameters["rnn.weight_hh_l0"]
            weight[0, 0] = np.nextafter(weight[0, 0], np.asarray(np.inf, weight.dtype))
            optimizers = [getattr(scratch_rnn, name)(m.parameters, lr) for m in (ours, moved)]
            torch_optimizer = getattr(torch.optim, name)(theirs.parameters(), lr)
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
                arrays = read_parameters(theirs)
                from_torch.append(_apart(ours.parameters, arrays))
                from_moved.append(_apart(ours.parameters, moved.parameters))
                losses.append([steps[0].loss, steps[1].loss, other.loss])
            result["runs"].append(
                {
                    "optimizer": name,
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
    epochs = 500
    result: dict[str, Any] = {"lr": LR, "epochs": epochs}
    for name, carry in (("reset", False), ("carried", True)):
        batches, vocab = scratch_rnn.load_time_machine(B, T)
        model = _new_model(len(vocab))
        done = scratch_rnn.train(model, batches, LR, epochs, carry_state=carry)
        result[name] = [epoch.perplexity for epoch in done]
    return result | {"text": batches.text.name}


def measure_cells() -> dict[str, Any]:
    """Train each cell with both optimizers; measure how far the last loss's gradient reaches."""
    epochs, S = 100, 101
    batches, vocab = scratch_rnn.load_time_machine(B, T)
    long = next(scratch_rnn.load_time_machine(B, S)[0].epoch(0))
    result: dict[str, Any] = {"epochs": epochs, "steps": list(REACH)}
    for name, (cell, forget_bias) in REACHING.items():
        result[name] = {}
        for trained, lr in TRAININGS.items():
            model, _ = build_models(len(vocab), H, cell=cell, forget_bias=forget_bias)
            result[name]["untrained"] = _measure_gradient(model, long)
            kind = getattr(scratch_rnn, trained)
            done = scratch_rnn.train(
                model, batches, lr, epochs, make_optimizer=kind, carry_state=True
            )
            own = {"perplexity": done[-1].perplexity, "lr": lr}
            result[name][trained] = _measure_gradient(model, long) | own
    return result | {"text": batches.text.name}


def _measure_gradient(model: Any, batch: Any) -> dict[str, Any]:
    """Return how far it reaches, and the root mean square of its entries for W_hh."""
    _, gradients, _, _ = loss_and_gradients(model, batch, model.begin_state(len(batch.inputs)))
    rms = float(np.sqrt(np.mean(gradients["rnn.weight_hh_l0"] ** 2)))
    return {"reach": _reach_of_state(model, batch), "rms": rms}


REACHING = {
    "RNN": ("rnn", None),
    "GRU": ("gru", None),
    "LSTM": ("lstm", None),
    "LSTM, forget bias 3": ("lstm", 3.0),
}
TRAININGS = {"SGD": 1.0, "Adam": 0.001}
"""The learning rate of each optimizer."""
REACH = (1, 2, 5, 10, 20, 35, 50, 100)


def _reach_of_state(model: Any, batch: Any) -> list[float]:
    """Return |dL_S / d state_{S-d}| for each d of `REACH`, relative to d = 1; c counts too."""
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


def _new_model(V: int) -> Any:
    rng = np.random.default_rng(0)
    return scratch_rnn.RNNModel(scratch_rnn.RNN(V, H, rng=rng), V, rng=rng)


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
    torch.set_num_threads(1)
    with threadpool_limits(1):
        result = MEASURES[name]()
    about = {
        "command": f"python docs/scripts/questions.py measure {name}",
        **versions(),
        "threads": 1,
        "batch_size": B,
        "num_steps": T,
        "hidden_size": H,
    }
    MEASUREMENTS.mkdir(exist_ok=True)
    measured = round_numbers({"about": about, **result}, digits=6)
    save(MEASUREMENTS / f"{name}.json", measured)


def main(arguments: list[str]) -> int:
    """Run the command in the arguments."""
    match arguments:
        case ["measure", *names] if set(names) <= MEASURES.keys():
            for name in names or MEASURES:
                measure(name)
        case ["draw"]:
            from answers import draw

            draw()
        case _:
            sys.stderr.write(f"expected measure {'|'.join(MEASURES)}, or draw\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
