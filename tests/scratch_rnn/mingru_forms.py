"""Both forms of the minGRU with all gradients, for `parity` and `assert_same`."""

from scratch_rnn.plain import mingru


def case(rng, *, T, B, V, H):
    """Draw the arguments: a state that is not zero, and the gradients of both results."""
    shapes = {"x": (T, B, V), "h_0": (B, H), "W_ih": (2 * H, V), "b_ih": (2 * H,)}
    shapes |= {"d_output": (T, B, H), "d_h_n": (B, H)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def mingru_loop(x, h_0, W_ih, b_ih, d_output, d_h_n):
    output, h_n, tape = mingru.mingru_forward(x, h_0, W_ih, b_ih)
    return output, h_n, *mingru.mingru_backward(tape, d_output, d_h_n)


def mingru_scan(x, h_0, W_ih, b_ih, d_output, d_h_n):
    output, h_n, tape = mingru.mingru_scan_forward(x, h_0, W_ih, b_ih)
    return output, h_n, *mingru.mingru_scan_backward(tape, d_output, d_h_n)
