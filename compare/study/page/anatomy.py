"""All numbers of both models while they read one text: forward and backward, one layer.

A text of T tokens is read from a zero state. For t = 1 … T, with f either tanh or ReLU:

    a_t = W_ih x_t + b_ih + b_hh      u_t = W_hh h_{t-1}      z_t = a_t + u_t      h_t = f(z_t)
    y_t = W h_t + b                   p_t = softmax(y_t)      L_t = -log p_t[next token]

The last token has no next token, so there are K = T - 1 losses. Backward, for each of them:

    dL_k/dh_k = W^T (p_k - onehot)    dL_k/dh_{t-1} = W_hh^T (dL_k/dh_t ⊙ f'(z_t))

The NumPy numbers come from `scratch_rnn`'s own functions; single terms are computed in the same
order of operations. The PyTorch numbers come from nn.RNN. It does not return a, u and z, so they
are computed with the operations that nn.RNN uses.
"""

import copy

import numpy as np
import torch
from jaxtyping import Float, Int
from torch.nn import functional as F

import concise_rnn
import scratch_rnn
from compare.implementations import Array
from compare.parity import Move, convert_tensor, measure_tolerances, perturb_loss, write_parameters
from scratch_rnn import linear
from scratch_rnn.cells import elman
from scratch_rnn.fast import lookup
from scratch_rnn.fast.product import Times

Numbers = dict[str, Array]


def read_weights(model: scratch_rnn.RNNModel) -> elman.Weights:
    """Return the weights of the model's only layer."""
    return elman.Weights(*model.rnn.parameters.values())


def scratch_forward(model: scratch_rnn.RNNModel, ids: Int[Array, "T"]) -> Numbers:
    """Read the tokens with the NumPy model.

    The results are "h" (T+1, H), where h[0] is the state before the first step; "y" and "p" (T, V);
    for an Elman network also "a", "u" and "z" (T, H).
    """
    logits, _, tape = model.forward(ids[None], model.begin_state())
    h = np.concatenate([np.zeros_like(tape.h[:1]), tape.h])  # (T+1, H)
    sums = scratch_sums(model, ids, h) if is_elman(model) else {}
    return sums | {"h": h, "y": logits, "p": softmax(logits)}


def is_elman(model: scratch_rnn.RNNModel) -> bool:
    """Return whether the cell is Elman's. Sums and gradients are only recorded for this cell."""
    return isinstance(model.rnn, scratch_rnn.RNN)


def scratch_sums(
    model: scratch_rnn.RNNModel, ids: Int[Array, "T"], h: Float[Array, "N H"]
) -> Numbers:
    """Return the sums a, u and z from which h is computed; N is T + 1."""
    W_ih, W_hh, b_ih, b_hh = model.rnn.parameters.values()
    a = np.empty_like(h[1:])  # (T, H)
    lookup.rows(W_ih.T + (b_ih + b_hh), ids, out=a)
    times_W_hh_T = Times(W_hh.T, 1)
    u = np.concatenate([times_W_hh_T(h[t : t + 1]).copy() for t in range(len(ids))])  # (T, H)
    return {"a": a, "u": u, "z": a + u}


def softmax(logits: Float[Array, "N V"]) -> Float[Array, "N V"]:
    """Return p as scratch_rnn.loss computes it. The function returns only δy = p - onehot(k).

    In δy all entries except entry k equal p's. So two different k give all entries of p.
    """
    p = np.empty_like(logits)
    for n in range(len(logits)):
        _, p[n] = scratch_rnn.cross_entropy(logits[n : n + 1], np.array([0]))
        _, [d_y] = scratch_rnn.cross_entropy(logits[n : n + 1], np.array([1]))
        p[n, 0] = d_y[0]
    return p


@torch.no_grad()
def concise_forward(model: concise_rnn.RNNModel, ids: Int[Array, "T"]) -> Numbers:
    """Read the tokens with the PyTorch model; the names and shapes of `scratch_forward`."""
    x = torch.from_numpy(ids)
    states: list[torch.Tensor] = []
    hook = model.linear.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    y, _ = model(x[None], model.begin_state())
    hook.remove()
    h = torch.cat([torch.zeros_like(states[0][:1]), states[0]])  # (T+1, H)
    sums = concise_sums(model, x, h) if type(model.rnn) is torch.nn.RNN else {}
    tensors = sums | {"h": h, "y": y, "p": torch.softmax(y, dim=1)}
    return {name: convert_tensor(tensor) for name, tensor in tensors.items()}


def concise_sums(
    model: concise_rnn.RNNModel, x: torch.Tensor, h: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the sums a, u and z, computed with the operations that nn.RNN uses."""
    W_ih, W_hh, b_ih, b_hh = model.rnn.parameters()  # in torch's own order
    X = F.one_hot(x[:, None], model.vocab_size).to(W_ih.dtype)  # (T, 1, V)
    a_without_b_hh = F.linear(X, W_ih, b_ih)[:, 0]  # nn.RNN adds b_hh to the other product
    steps = [h[t : t + 1] for t in range(len(x))]  # one row at a time, as nn.RNN takes them
    u = torch.cat([F.linear(h_t, W_hh) for h_t in steps])
    z = a_without_b_hh + torch.cat([F.linear(h_t, W_hh, b_hh) for h_t in steps])
    return {"a": a_without_b_hh + b_hh, "u": u, "z": z}


def scratch_losses(
    logits: Float[Array, "K V"], targets: Int[Array, "K"]
) -> tuple[Float[Array, "K"], Float[Array, "K V"]]:
    """Return each L_k, and dL_k/dy_k."""
    pairs = [
        scratch_rnn.cross_entropy(logits[k : k + 1], targets[k : k + 1])
        for k in range(len(targets))
    ]
    losses = np.array([loss for loss, _ in pairs], logits.dtype)
    d_logits = np.concatenate([d_y for _, d_y in pairs]) if pairs else logits[:0].copy()
    return losses, d_logits


def concise_losses(logits: Float[Array, "K V"], targets: Int[Array, "K"]) -> Float[Array, "K"]:
    """Return each L_k from PyTorch's cross-entropy."""
    losses = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets), reduction="none")
    return convert_tensor(losses)


def forward_tolerances(model: scratch_rnn.RNNModel, ids: Int[Array, "T"]) -> dict[str, float]:
    """Return the tolerance of each array of the forward pass, and of "L".

    The page shows one number for each array: the largest tolerance of its entries.
    """
    moved = copy.deepcopy(model)

    def compute(move: Move) -> Numbers:
        write_parameters(moved, move(model.parameters))
        numbers = scratch_forward(moved, ids)
        y, targets = move(numbers["y"]), ids[1:]
        losses = [
            perturb_loss(y[k : k + 1], targets[k : k + 1], move)[0] for k in range(len(targets))
        ]
        return numbers | {"L": np.array(losses, y.dtype)}

    return {name: float(a.max(initial=0)) for name, a in measure_tolerances(compute).items()}


def scratch_backward(
    model: scratch_rnn.RNNModel, ids: Int[Array, "T"], d_logits: Float[Array, "K V"]
) -> Numbers:
    """Return the gradients of each loss with respect to each earlier state.

    The K losses are the rows of a batch; all rows read the same text. `elman.backward` goes back
    one step for all rows at once. Row k is zero for t > k, because loss k does not depend on h_t.

    - "norms" (K, K): ‖dL_k/dh_t‖ in row k - 1 and column t - 1, zero for t > k.
    - "d_h" (K, H): dL/dh_t for the mean loss L = Σ_k L_k / K.
    - "gradient_norms" (K+1,): norm of the gradient of all parameters together, as it is used for
      clipping: for each L_k, and at the end for L.
    """
    K, dtype = len(d_logits), model.rnn.dtype
    _, _, tape = model.forward(ids[None], model.begin_state())
    h, weights = tape.rnn.recurrences[0].h, read_weights(model)
    of_own_loss = linear.backward(d_logits, tape.h[:K], model.parameters["linear.weight"]).h
    norms, d_h = np.zeros((K, K), dtype), np.zeros_like(of_own_loss)  # (K, H)
    of_losses = np.zeros_like(d_h)  # dL_k/dh_t for all k at once
    for t in reversed(range(1, K + 1)):
        of_losses[t - 1] = of_own_loss[t - 1]
        norms[:, t - 1] = np.linalg.norm(of_losses, axis=1)
        d_h[t - 1] = of_losses.sum(axis=0) / dtype.type(K)
        step = elman.Tape(np.full((1, K), ids[t - 1]), np.repeat(h[t - 1 : t + 1], K, axis=1))
        nothing = np.zeros((1, *d_h.shape), dtype)
        _, of_losses, _ = elman.backward(step, weights, nothing, of_losses, *model.rnn.options)

    def gradient_norm(d_y: Float[Array, "K V"]) -> float:
        _, _, tape = model.forward(ids[None, :K], model.begin_state())
        return scratch_rnn.clip_grad_norm(model.backward(tape, d_y), float("inf"))

    d_of_each_loss = [d_logits * (np.arange(K) == k)[:, None] for k in range(K)]
    mean = [d_logits / dtype.type(K)] if K else []
    gradient_norms = np.array([gradient_norm(d_y) for d_y in d_of_each_loss + mean], dtype)
    return {"norms": norms, "d_h": d_h, "gradient_norms": gradient_norms}


def spectral_radius(W: Float[Array, "H H"]) -> float:
    """Return the largest magnitude of an eigenvalue."""
    return float(np.abs(np.linalg.eigvals(W.astype(np.float64))).max())


def largest_singular_value(W: Float[Array, "H H"]) -> float:
    """Return max ‖W x‖ / ‖x‖. It is the same for W^T."""
    return float(np.linalg.norm(W.astype(np.float64), ord=2))


def units_by_change(h: Float[Array, "T H"]) -> list[int]:
    """Return all units, sorted by the standard deviation of their state over t, largest first."""
    return [int(i) for i in np.argsort(-h.std(axis=0), kind="stable")]


def write_on(model: scratch_rnn.RNNModel, ids: Int[Array, "T"], num_preds: int) -> list[int]:
    """Return the tokens that the model adds; each is the most likely next token.

    Unlike in `scratch_rnn.predict`, the text may start with <unk>.
    """
    written: list[int] = []
    logits, state = model(ids[None], model.begin_state())
    while len(written) < num_preds:
        written.append(int(logits[-1].argmax()))
        logits, state = model(np.array([written[-1:]]), state)
    return written
