"""Exercise 11: what a gradient check finds, and what it cannot find.

`rnn-parity explain --cell rnn` writes the page. Its panel "Edit one weight" compares the gradient with
the slope of the loss, which it measures. That is a gradient check. In the game at the end of the
page, a bug is put into the page's code: look at this panel, too. Try a weight of each parameter,
because a bug can leave the gradients of some of them right.

1. Write the measured slope.
2. The check compares the slope of a code's own loss with the code's own gradient. Which of these
   bugs does it find? `print(find_bug(NAME).diff)` shows what a bug changes. Write True or False.

Check it:  python 11_gradient_check.py
"""

import numpy as np

from compare.mistakes import find_bug

FINDS = {
    "no-carry-back": None,
    "tanh-derivative": None,
    "weights-not-transposed": None,
    "state-ignored": None,
    "uphill": None,
    "clip-per-tensor": None,
}


def slope(loss, w, epsilon=1e-5):
    """Return the slope of the function `loss` at the number w, from two values of it."""
    raise NotImplementedError


def is_found(bug):
    """Return whether slope and gradient differ for any weight, if the code has this bug."""
    package, rng = find_bug(bug).load(), np.random.default_rng(0)
    model = package.RNNModel(package.RNN(5, 4, dtype=np.float64, rng=rng), 5, rng=rng)
    inputs, targets = rng.integers(0, 5, (2, 3, 6))
    state = rng.normal(size=(1, 3, 4))
    logits, _, tape = model.forward(inputs, state)
    gradients = model.backward(tape, package.cross_entropy(logits, targets.T.reshape(-1))[1])
    for name, parameter in model.parameters.items():
        for index in np.ndindex(parameter.shape):

            def loss(w, parameter=parameter, index=index):
                before, parameter[index] = parameter[index], w
                found = package.cross_entropy(model(inputs, state)[0], targets.T.reshape(-1))[0]
                parameter[index] = before
                return found

            if abs(slope(loss, parameter[index]) - gradients[name][index]) > 1e-7:
                return True
    return False


def check():
    """Try the slope and then each bug; return the verdict on each answer, by name."""
    try:
        is_right = abs(slope(np.sin, 1.0) - np.cos(1.0)) < 1e-9
    except NotImplementedError:
        return {"slope": "missing"}
    if not is_right:
        return {"slope": "wrong"}
    verdicts = {"slope": "right"}
    for bug, answer in FINDS.items():
        is_right = answer is is_found(bug)
        verdicts[bug] = "missing" if answer is None else "right" if is_right else "wrong"
    return verdicts


if __name__ == "__main__":
    verdicts = check()
    for name, each in verdicts.items():
        print(f"{name:22}  {each}")
    raise SystemExit(set(verdicts.values()) != {"right"})
