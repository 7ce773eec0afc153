"""The six functions from the source of the plain version: perturbed."""

import numpy as np

from compare.mistakes import PlainFunctions

X, H, W, B = np.ones((2, 3)), np.ones((2, 4)), np.ones((4, 3)), np.ones(4)
U = np.ones((4, 4))


def test_the_result_of_each_operation_is_moved():
    moved = []

    def move(value):
        moved.append(value)
        return value

    functions = PlainFunctions("rnn", move=move)
    functions.step(X, H, W, U, B, B)
    assert len(moved) == 6  # two products, three sums and tanh
    moved.clear()
    functions.step_backward(H, X, H, H, W, U)
    assert len(moved) == 8  # three for δz, four products and a sum
    moved.clear()
    functions.clip_grad_norm([X.copy(), H.copy()], 1.0)
    assert len(moved) == 2 * 2 + 2 + 2 * 3  # squares and their sums; sum and root; g *= …/(… + …)


def test_a_result_in_place_is_moved_in_place():
    gradient = X.copy()
    PlainFunctions("rnn", move=lambda value: 2 * value).clip_grad_norm([gradient], 1e9)
    np.testing.assert_array_equal(gradient, 2 * X)
