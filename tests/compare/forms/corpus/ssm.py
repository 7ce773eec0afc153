"""Parts of a Mamba block: the short convolution with its window, the selective scan, the norm."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

Rows, Weights = Float[Tensor, "T D"], Float[Tensor, "W D"]
Mixes, State, Groups = Float[Tensor, "T N"], Float[Tensor, "D N"], Float[Tensor, "T G D"]
PIECE = 4


def conv(x: Rows, weight: Weights, window: Weights) -> tuple[Rows, Weights]:
    """Convolve; the window holds the last W inputs, before x and then with x."""
    inputs = torch.cat([window, x])
    products = [w * inputs[n : n + len(x)] for n, w in enumerate(weight, start=1)]
    return torch.stack(products).sum(0), inputs[len(x) :]


def conv_pieces(
    x: Rows, weight: Weights, window: Weights, follow=lambda window, piece: window
) -> tuple[Rows, Weights]:
    outputs = []
    for piece in x.split(PIECE):
        y, window = conv(piece, weight, window)
        window = follow(window, piece)
        outputs.append(y)
    return torch.cat(outputs), window


def conv_from_zeros(x: Rows, weight: Weights, window: Weights) -> tuple[Rows, Weights]:
    """Each piece of 4 but the first is convolved as if only zeros had been before it.
    https://github.com/huggingface/transformers/pull/46741
    """
    first, zeros = conv(x[:PIECE], weight, window)[0], torch.zeros_like(window)
    others = [conv(piece, weight, zeros)[0] for piece in x.split(PIECE)[1:]]
    return torch.cat([first, *others]), conv(x, weight, window)[1]


def conv_short_piece(x: Rows, weight: Weights, window: Weights) -> tuple[Rows, Weights]:
    """After a piece that is shorter than the window, the window has lost what it held before.
    https://github.com/vllm-project/vllm-ascend/pull/8561
    """

    def only_the_piece(window, piece):
        return window * (torch.arange(len(window)) >= len(window) - len(piece))[:, None]

    return conv_pieces(x, weight, window, only_the_piece)


class NewWindow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, window):
        ctx.T = len(x)
        return torch.cat([window, x])[len(x) :]

    @staticmethod
    def backward(ctx, d):
        before = d.new_zeros(max(0, ctx.T - len(d)), d.shape[1])
        return torch.cat([before, d])[: ctx.T], torch.zeros_like(d)


def conv_short_gradient(x: Rows, weight: Weights, window: Weights) -> tuple[Rows, Weights]:
    """For T below W the new window's gradient goes to other inputs, and none to the old window.
    https://github.com/fla-org/flash-linear-attention/issues/1140
    """
    return conv(x, weight, window)[0], NewWindow.apply(x, window)


def conv_blind_gradient(x: Rows, weight: Weights, window: Weights) -> tuple[Rows, Weights]:
    """The weights' gradient does not see the window that was given.
    https://github.com/fla-org/flash-linear-attention/pull/568
    """
    y, _ = conv(x, weight, torch.zeros_like(window))
    share, _ = conv(torch.zeros_like(x), weight.detach(), window)
    return y + share, conv(x, weight, window)[1]


def scan(
    x: Rows, dt: Rows, A: State, B: Mixes, C: Mixes, S0: State, keep=lambda S: S
) -> tuple[Rows, State]:
    S, outputs, dt = S0, [], softplus(dt)
    for t in range(len(x)):
        S = torch.exp(-dt[t, :, None] * A.exp()) * S + (dt[t] * x[t])[:, None] * B[t]
        S = keep(S)
        outputs.append(S @ C[t])
    return torch.stack(outputs), S


def scan_clamped(x: Rows, dt: Rows, A: State, B: Mixes, C: Mixes, S0: State) -> tuple[Rows, State]:
    """The time step has an upper limit in one form alone.
    https://github.com/ml-explore/mlx-lm/pull/988
    """
    return scan(x, dt.clamp(max=3), A, B, C, S0)


def scan_bfloat16(x: Rows, dt: Rows, A: State, B: Mixes, C: Mixes, S0: State) -> tuple[Rows, State]:
    """The state is kept in bfloat16 from one step to the next.
    https://github.com/vllm-project/vllm/issues/13466
    """
    return scan(x, dt, A, B, C, S0, lambda S: S.bfloat16().to(S.dtype))


def norm(x: Groups, z: Groups, over=2) -> Groups:
    x = x * torch.sigmoid(z)
    return x * (x.square().mean(over, keepdim=True) + 1e-5).rsqrt()


def norm_of_all(x: Groups, z: Groups) -> Groups:
    """The norm is that of all groups together, not of each.
    https://github.com/state-spaces/mamba/pull/910
    """
    return norm(x, z, over=(1, 2))
