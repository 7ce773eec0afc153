"""The solution of exercise 11: what you write in 11_gradient_check.py."""

FINDS = {
    "no-carry-back": True,
    "tanh-derivative": True,
    "weights-not-transposed": True,
    "state-ignored": False,
    "uphill": False,
    "clip-per-tensor": False,
}


def slope(loss, w, epsilon=1e-5):
    """Return the slope of the function `loss` at the number w, from two values of it."""
    return (loss(w + epsilon) - loss(w - epsilon)) / (2 * epsilon)
