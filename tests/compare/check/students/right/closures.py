"""Six right functions with closures: the tape is the function that goes one step back."""

import functools

import numpy as np


def affine(weight, bias, x):
    return np.einsum("bv,hv->bh", x, weight) + bias


def rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh):
    return np.tanh(affine(W_ih, b_ih, x_t) + affine(W_hh, b_hh, h))


def rnn_step_backward(d_h, x_t, h, h_next, W_ih, W_hh):
    d_z = np.multiply(d_h, 1 - np.square(h_next))
    outer = functools.partial(np.einsum, "bh,bk->hk", d_z)
    return d_z @ W_ih, d_z @ W_hh, outer(x_t), outer(h), np.add.reduce(d_z)


def rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh):
    steps = []

    def advance(h, x_t):
        h_next = rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh)
        steps.append(
            functools.partial(rnn_step_backward, x_t=x_t, h=h, h_next=h_next, W_ih=W_ih, W_hh=W_hh)
        )
        return h_next

    h_n, output = h_0, []
    for x_t in x:
        h_n = advance(h_n, x_t)
        output.append(h_n)
    return np.array(output), h_n, tuple(steps)


def rnn_backward(tape, d_output, d_h_n):
    d_h, d_x, sums = d_h_n, [], None
    for back, d in zip(reversed(tape), d_output[::-1], strict=True):
        d_x_t, d_h, *terms = back(d_h + d)
        d_x.insert(0, d_x_t)
        sums = terms if sums is None else [a + b for a, b in zip(sums, terms, strict=True)]
    d_W_ih, d_W_hh, d_b = sums
    return np.array(d_x), d_h, d_W_ih, d_W_hh, d_b, np.array(d_b)


def log_sum_exp(logits):
    largest = np.max(logits, axis=-1, keepdims=True)
    return largest + np.log(np.sum(np.exp(logits - largest), axis=-1, keepdims=True))


def cross_entropy(logits, targets):
    log_p = logits - log_sum_exp(logits)
    picked = np.take_along_axis(log_p, targets[:, None], axis=1)
    d_logits = np.exp(log_p)
    np.put_along_axis(d_logits, targets[:, None], np.expm1(picked), axis=1)
    return -picked.mean(), d_logits / len(logits)


def clip_grad_norm(gradients, max_norm):
    norm = np.linalg.norm([np.linalg.norm(np.ravel(g)) for g in gradients])
    if norm + 1e-6 > max_norm:
        for g in gradients:
            np.multiply(g, max_norm / (norm + 1e-6), out=g)
    return norm
