"""Exercise 10: why the gradient of an LSTM's cell does not vanish, and when it does.

`rnn-parity explain --cell lstm` writes the page. At the end of its panel "What gates change", it trains
all three cells on one text, and draws how much of the gradient of the last loss reaches each earlier step. Its
table has the mean of the forget gate and the factor per step. They are not quite equal: in a network
with weights a part comes back through h, too.

1. Guess, then look at the untrained networks: does the norm of ∂L/∂c fade over the steps? Now move
   the slider, which adds to the bias of the forget gate.
2. Where nothing comes back through h, one step back multiplies ∂L/∂c by a number. Return it for a
   forget gate of which only the bias is not zero.
3. Return the bias with which half of the gradient is left after n steps.

Check it:  python 10_forget_gate.py
"""

from contextlib import suppress

import numpy as np

from scratch_rnn.plain.lstm import lstm_backward, lstm_forward


def fades_untrained():
    """Return your answer to 1: True or False."""
    raise NotImplementedError


def factor(bias):
    """Return the factor of one step back."""
    raise NotImplementedError


def bias_for(n):
    """Return the bias that leaves one half after n steps."""
    raise NotImplementedError


def share_left(bias, n):
    """Return what is left of ∂L/∂c after n steps back, in an LSTM of one unit without weights."""
    biases = np.zeros(4)  # of the gates i, f, g and o
    biases[1] = bias
    x, zeros = np.zeros((n, 1, 1)), np.zeros((1, 1))
    _, _, tape = lstm_forward(
        x, zeros, zeros, np.zeros((4, 1)), np.zeros((4, 1)), biases, 0 * biases
    )
    return lstm_backward(tape, x, zeros, np.ones((1, 1)))[2].item()


def check():
    """Compare each answer with an LSTM; return the verdict on each, by name."""
    answers = {
        "fades_untrained": lambda: fades_untrained() is (share_left(0.0, 20) < 1e-3),
        "factor": lambda: all(
            np.isclose(factor(b), share_left(b, 1)) for b in (-2.0, 0.0, 1.0, 4.0)
        ),
        "bias_for": lambda: all(
            np.isclose(share_left(bias_for(n), n), 0.5) for n in (1, 5, 20, 100)
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
        print(f"{name:15}  {each}")
    raise SystemExit(set(verdicts.values()) != {"right"})
