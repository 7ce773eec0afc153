"""Linear attention, o[t] = sum of (q[t] k[s]) v[s] over s up to t: groups of heads, and divided."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

Keys, Values = Float[Tensor, "T K"], Float[Tensor, "T V"]
HeadKeys, HeadValues = Float[Tensor, "T H K"], Float[Tensor, "T H G V"]


def attend(q, k, v):
    """Return the outputs for q, k of shape (T, H, K) and v of shape (T, H, V)."""
    q, k, v = (array.transpose(0, 1) for array in (q, k, v))
    return ((q @ k.mT).tril() @ v).transpose(0, 1)


def heads(q: HeadKeys, k: HeadKeys, v: HeadValues) -> HeadValues:
    return torch.stack([attend(q, k, values) for values in v.unbind(2)], 2)


def heads_repeated(q: HeadKeys, k: HeadKeys, v: HeadValues) -> HeadValues:
    q, k = (array.repeat_interleave(v.shape[2], 1) for array in (q, k))
    return attend(q, k, v.flatten(1, 2)).view(v.shape)


def heads_tiled(q: HeadKeys, k: HeadKeys, v: HeadValues) -> HeadValues:
    """Keys are repeated as 1 2 1 2, where the heads of the values are 1 1 2 2.
    https://github.com/huggingface/transformers/pull/37533
    """
    q, k = (array.repeat(1, v.shape[2], 1) for array in (q, k))
    return attend(q, k, v.flatten(1, 2)).view(v.shape)


def divided_loop(q: Keys, k: Keys, v: Values) -> Values:
    q, k, outputs = softplus(q), softplus(k), []
    for t in range(len(q)):
        weights = k[: t + 1] @ q[t]
        outputs.append(weights @ v[: t + 1] / weights.sum())
    return torch.stack(outputs)


def divided(q: Keys, k: Keys, v: Values, total=lambda k: k.cumsum(0)) -> Values:
    q, k = softplus(q), softplus(k)
    return (q @ k.T).tril() @ v / (q * total(k)).sum(1, keepdim=True)


def divided_cut(q: Keys, k: Keys, v: Values) -> Values:
    """The keys' gradient does not pass through the sum that outputs are divided by.
    https://github.com/fla-org/flash-linear-attention/pull/875
    """
    return divided(q, k, v, lambda k: k.detach().cumsum(0))
