"""Exercise 9: two directions of memory, as the panel "Memory made visible" of the page shows them.

`rnn-parity explain --cell rnn` writes the page. Its text is "time traveller". In the panel one letter
is changed. Forward in time the panel shows what is left of this change in each later state; backward
in time, what is left of the gradient of the last loss in each earlier state.

1. Let step 3 read "n" instead of "m": choose it in the panel's second list, which begins with "u".
   Guess first: how many steps later is the norm of the change, ‖Δh‖, for the first time smaller than
   a third of what it is at step 3? Then read it from "The norms at each step, as a table".
2. One step is h_next = tanh(W_ih x + W_hh h + b). A small change of h changes h_next by J times
   that change. Write the matrix J, then both directions. They use the same matrices.

Check it:  python 09_memory.py
"""

import json
from contextlib import suppress
from importlib import resources

import numpy as np


def steps_later():
    """Return your answer to 1."""
    raise NotImplementedError


def jacobian(h_next, W_hh):
    """Return J (H, H), from h_next (H,) and W_hh (H, H); its row i is about h_next[i]."""
    raise NotImplementedError


def forward(change, jacobians):
    """Return what is left of a small change of h_0 (H,) in the last state; step 1 has jacobians[0]."""
    raise NotImplementedError


def backward(gradient, jacobians):
    """Return the gradient of h_0 (H,), from that of the last state (H,)."""
    raise NotImplementedError


def states(ids, h, W_ih, W_hh, b):
    """Return the state after each character."""
    found = []
    for k in ids:
        h = np.tanh(W_ih[:, k] + W_hh @ h + b)
        found.append(h)
    return np.array(found)


def moved_by_each(k, h, weights):
    """Return how the state after character k moves with each entry of the state h before it."""
    moves = 1e-30j * np.eye(len(h))
    return np.stack([states([k], h + move, *weights)[0].imag / 1e-30 for move in moves], axis=1)


def demonstration():
    """Return the network that the page shows: its characters, W_ih, W_hh and the sum of both biases."""
    with resources.files("compare.study.page").joinpath("demonstration-rnn.npz").open("rb") as file:
        arrays = dict(np.load(file))
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    W_ih, W_hh, b_ih, b_hh = (arrays[f"1000/rnn.{name}"].astype(float) for name in names)
    return json.loads(str(arrays["facts"]))["vocabulary"], W_ih, W_hh, b_ih + b_hh


def check():
    """Compare each answer with the network; return the verdict on each, by name."""
    vocabulary, *weights = demonstration()
    h_0, W_hh = np.zeros(len(weights[-1])), weights[1]
    read = [[vocabulary.index(c) for c in text] for text in ("time traveller", "tine traveller")]
    one, other = (states(ids, h_0, *weights) for ids in read)
    sizes = np.sqrt(((one - other) ** 2).sum(axis=1))[2:]
    h_before = [h_0, *one[:-1]]
    jacobians = [moved_by_each(k, h, weights) for k, h in zip(read[0], h_before, strict=True)]
    rng = np.random.default_rng(0)
    change, gradient = rng.normal(size=(2, len(h_0)))
    moved = states(read[0], h_0 + 1e-30j * change, *weights)[-1].imag / 1e-30
    answers = {
        "steps_later": lambda: steps_later() == np.argmax(sizes < sizes[0] / 3),
        "jacobian": lambda: np.allclose(jacobian(one[0], W_hh), jacobians[0], rtol=1e-9),
        "forward": lambda: np.allclose(forward(change, jacobians), moved, rtol=1e-9),
        "backward": lambda: np.isclose(
            backward(gradient, jacobians) @ change, gradient @ moved, rtol=1e-9
        ),
    }
    verdicts = dict.fromkeys(answers, "missing")
    for name, is_right in answers.items():
        with suppress(NotImplementedError):
            verdicts[name] = "right" if is_right() else "wrong"
    return verdicts


if __name__ == "__main__":
    verdicts = check()
    for name, each in verdicts.items():
        print(f"{name:12}  {each}")
    raise SystemExit(set(verdicts.values()) != {"right"})
