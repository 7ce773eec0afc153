"""The gated delta rule, S = a S + b k (v - k a S), read as o = q S: loop and chunks."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize, pad

Keys, Values = Float[Tensor, "T K"], Float[Tensor, "T V"]
Gate, State = Float[Tensor, "T"], Float[Tensor, "K V"]
Result = tuple[Values, State]
CHUNK = 8


def loop(q: Keys, k: Keys, v: Values, g: Gate, b: Gate, S0: State, write=torch.sigmoid) -> Result:
    S, outputs, k, a, b = S0, [], normalize(k, dim=-1), torch.sigmoid(g), write(b)
    for t in range(len(q)):
        S = a[t] * S
        S = S + b[t] * torch.outer(k[t], v[t] - k[t] @ S)
        outputs.append(q[t] @ S)
    return torch.stack(outputs), S


def loop_bfloat16(q: Keys, k: Keys, v: Values, g: Gate, b: Gate, S0: State) -> Result:
    """The gate b is rounded to bfloat16 and back.
    https://github.com/sgl-project/sglang/issues/38975
    """
    return loop(q, k, v, g, b, S0, lambda b: torch.sigmoid(b).bfloat16().to(b.dtype))


def loop_forgets_late(q: Keys, k: Keys, v: Values, g: Gate, b: Gate, S0: State) -> Result:
    """The error v - k S is that of the state before its decay.
    https://github.com/fla-org/flash-linear-attention/issues/885
    """
    S, outputs, k, a, b = S0, [], normalize(k, dim=-1), torch.sigmoid(g), torch.sigmoid(b)
    for t in range(len(q)):
        S = a[t] * S + b[t] * torch.outer(k[t], v[t] - k[t] @ S)
        outputs.append(q[t] @ S)
    return torch.stack(outputs), S


def decays(total):
    """Return the decay from each step of a chunk to each later one."""
    later = torch.ones(len(total), len(total), dtype=torch.bool).triu(1)
    return (total[:, None] - total).masked_fill(later, -torch.inf).exp()


def solve(k, b, total, right):
    """Solve (1 + the strictly lower part of b k k^T with its decays) y = right."""
    system = (b * (k @ k.T) * decays(total)).tril(-1) + torch.eye(len(k), dtype=k.dtype)
    return torch.linalg.solve_triangular(system, right, upper=False)


def correct(k, v, b, total, S):
    """Return what a chunk writes: its values, less what the state and the chunk hold already."""
    return solve(k, b, total, b * v) - solve(k, b, total, b * k * total.exp()[:, None]) @ S


def read(q, k, total, S, new):
    return (q * total.exp()[:, None]) @ S + (q @ k.T * decays(total)) @ new


def chunks(
    q: Keys, k: Keys, v: Values, g: Gate, b: Gate, S0: State, correct=correct, read=read
) -> Result:
    S, outputs, k, b = S0, [], normalize(k, dim=-1), torch.sigmoid(b)[:, None]
    parts = (array.split(CHUNK) for array in (q, k, v, b, logsigmoid(g)))
    for q, k, v, b, log in zip(*parts, strict=True):
        total = log.cumsum(0)
        new = correct(k, v, b, total, S)
        outputs.append(read(q, k, total, S, new))
        S = total[-1].exp() * S + (k * (total[-1] - total).exp()[:, None]).T @ new
    return torch.cat(outputs), S


def chunks_plain_mask(q: Keys, k: Keys, v: Values, g: Gate, b: Gate, S0: State) -> Result:
    """What a chunk reads of itself has the causal mask without the decays.
    https://github.com/NVlabs/GatedDeltaNet/issues/15
    """

    def read_plainly(q, k, total, S, new):
        return (q * total.exp()[:, None]) @ S + (q @ k.T).tril() @ new

    return chunks(q, k, v, g, b, S0, read=read_plainly)


def chunks_decay_twice(q: Keys, k: Keys, v: Values, g: Gate, b: Gate, S0: State) -> Result:
    """What a chunk takes from the state has the decay within its system, and once more after it.
    https://github.com/NeuraLegion/shainet/pull/170
    """

    def correct_twice(k, v, b, total, S):
        return solve(k, b, total, b * v) - total.exp()[:, None] * solve(k, b, total, b * k) @ S

    return chunks(q, k, v, g, b, S0, correct_twice)


def chunks_cut(q: Keys, k: Keys, v: Values, g: Gate, b: Gate, S0: State) -> Result:
    """The gradient of what a chunk takes from the state is left out.
    https://github.com/tile-ai/TileOPs/issues/632
    """
    return chunks(q, k, v, g, b, S0, lambda k, v, b, n, S: correct(k, v, b, n, S.detach()))


def chunks_filled_up(q: Keys, k: Keys, v: Values, g: Gate, b: Gate, S0: State) -> Result:
    """The last chunk is filled up with zeros, and their gates decay the state.
    https://github.com/huggingface/transformers/pull/46873
    """
    more = -len(q) % CHUNK
    q, k, v = (pad(array, (0, 0, 0, more)) for array in (q, k, v))
    outputs, S = chunks(q, k, v, pad(g, (0, more)), pad(b, (0, more)), S0)
    return outputs[: len(outputs) - more], S
