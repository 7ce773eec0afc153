"""The code that the kernels share: a product in tiles, σ, tanh, and the sizes of tiles.

Many *programs* run a kernel. Each has BB of the B sequences and takes them through all T
steps. A program has arrays of constant size only, so it works on tiles: BH columns of the result at
a time, and BH terms of each sum at a time. So H may be as large as the memory of the card allows.

The sizes of tiles are powers of two. B and H are not, so every load and every store has a mask:
entries that are outside are read as 0 and not written.
"""

import triton
import triton.language as tl

PROGRAMS = 132
"""Programs that run at the same time: an H100 has 132 multiprocessors."""


@triton.jit
def add_product(z, u, W, b, j, B, J, K, by_j, by_k, BH: tl.constexpr, precision: tl.constexpr):
    """Return z_bj + Σ_k u_bk W_jk, a tile (BB, BH).

    u (B, K) has its rows one after the other. W_jk is by_j entries further on in memory than
    W_{j-1,k}, and by_k further on than W_{j,k-1}: (K, 1) reads W, and (1, J) its transpose.
    """
    for first in range(0, K, BH):
        k = first + tl.arange(0, BH)  # (BH,)
        u_inside = (b[:, None] < B) & (k[None, :] < K)  # (BB, BH)
        W_inside = (j[None, :] < J) & (k[:, None] < K)  # (BH, BH)
        u_tile = tl.load(u + b[:, None] * K + k[None, :], u_inside, 0.0)
        W_tile = tl.load(W + j[None, :] * by_j + k[:, None] * by_k, W_inside, 0.0)
        z = tl.dot(u_tile, W_tile, acc=z, input_precision=precision)
    return z


@triton.jit
def load_four(at, apart, inside):
    """Return the tiles at four places, each `apart` entries after the one before."""
    i, f = tl.load(at, inside, 0.0), tl.load(at + apart, inside, 0.0)
    g, o = tl.load(at + 2 * apart, inside, 0.0), tl.load(at + 3 * apart, inside, 0.0)
    return i, f, g, o


@triton.jit
def store_four(at, apart, inside, i, f, g, o):
    """Write four tiles, each `apart` entries after the one before."""
    tl.store(at, i, inside)
    tl.store(at + apart, f, inside)
    tl.store(at + 2 * apart, g, inside)
    tl.store(at + 3 * apart, o, inside)


@triton.jit
def sigmoid(a):
    """Return 1 / (1 + e^-a). Where e^-a overflows, that is 0."""
    return 1.0 / (1.0 + tl.exp(-a))


@triton.jit
def tanh(a):
    """Return tanh(a), within 2 ulp; Triton's own (libdevice.tanh) does not run in its interpreter.

    For small a, 1 - 2 / (e^2a + 1) loses the digits of a. So a polynomial of a² is used, in the
    form of tanhf of the Cephes library.
    """
    s = a * a
    p = ((-0.00571705 * s + 0.02065059) * s - 0.05374350) * s + 0.13331491
    small = a + a * s * (p * s - 0.33333284)
    large = 1.0 - 2.0 / (tl.exp(2.0 * tl.abs(a)) + 1.0)
    return tl.where(tl.abs(a) < 0.625, small, tl.where(a < 0, -large, large))


def side_of(H, BB):
    """Return BH, the side of the tiles of W_hh.

    Rows of W_hh begin at multiples of 64 bytes if H is a multiple of 16. Then a thread loads four
    entries at once, with one address. Otherwise each entry needs an address of its own, in
    registers, and there are enough of these for smaller tiles only; so it is with BB sequences.
    """
    most = 64 if BB == 1 else 32
    most = most if H % 16 == 0 else most // 2
    return min(most, max(16, triton.next_power_of_2(H)))


def launch(kernel, T, B, H, precision, *arrays):
    """Run a kernel on arrays of T steps, B sequences and H units.

    If there are as many multiprocessors as sequences, each program takes one sequence and has the
    least to do in a step. Otherwise they share the sequences evenly, up to 16 to a program.
    """
    BB = min(16, max(1, triton.next_power_of_2(triton.cdiv(B, PROGRAMS))))
    grid = (triton.cdiv(B, BB),)
    kernel[grid](*arrays, T, B, H, BB, side_of(H, BB), precision, num_warps=4)
