"""Both forms of the gated delta rule with all gradients, for `parity` and `assert_same`."""

from scratch_rnn.plain import delta, delta_chunks


def case(rng, *, T, B, V, H):
    """Draw the arguments: a state that is not zero, and the gradients of both results."""
    shapes = {"x": (T, B, V), "S_0": (B, H, H), "W_ih": (3 * H, V), "W_ig": (2, V)}
    shapes |= {"b_ih": (3 * H,), "b_ig": (2,), "d_output": (T, B, H), "d_S_n": (B, H, H)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def delta_loop(x, S_0, W_ih, W_ig, b_ih, b_ig, d_output, d_S_n):
    output, S_n, tape = delta.delta_forward(x, S_0, W_ih, W_ig, b_ih, b_ig)
    return output, S_n, *delta.delta_backward(tape, d_output, d_S_n)


def delta_in_chunks(x, S_0, W_ih, W_ig, b_ih, b_ig, d_output, d_S_n):
    output, S_n, tape = delta_chunks.delta_chunks_forward(x, S_0, W_ih, W_ig, b_ih, b_ig)
    return output, S_n, *delta_chunks.delta_chunks_backward(tape, d_output, d_S_n)
