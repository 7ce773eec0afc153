"""Two forms of a recurrence each: right ones, and wrong ones after bugs that others have reported.

Each wrong form was written for this corpus, and no line of it is copied. Its docstring says what is
wrong, and where the bug was reported.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from . import attention, cells, delta, linear, padded, ssm


class Pair(NamedTuple):
    """A form, another one, and what the cases in which they differ have in common."""

    form: Callable
    other: Callable
    shared: str = ""

    @property
    def name(self):
        return f"{self.other.__module__.rpartition('.')[2]}.{self.other.__name__}"

    @property
    def wrong(self):
        """Say what is wrong with the other form."""
        return " ".join(self.other.__doc__.partition("https:")[0].split())

    @property
    def address(self):
        """Return where the bug was reported."""
        return re.search(r"https:\S+", self.other.__doc__)[0]


RIGHT = [
    Pair(linear.loop, linear.scan),
    Pair(linear.loop, linear.blocks),
    Pair(linear.loop, linear.blocks_at_once),
    Pair(linear.loop, linear.written_out),
    Pair(padded.loop, padded.reads_at_the_end),
    Pair(delta.loop, delta.chunks),
    Pair(attention.heads, attention.heads_repeated),
    Pair(attention.divided_loop, attention.divided),
    Pair(ssm.conv, ssm.conv_pieces),
]

WRONG = [
    Pair(linear.loop, linear.scan_swapped, "T of 2 and more"),
    Pair(linear.loop, linear.scan_rounds_down, "T no power of two"),
    Pair(linear.loop, linear.blocks_start_again, "beyond the first block of 8"),
    Pair(linear.loop, linear.blocks_sum_targets, "an initial state, or T above 8"),
    Pair(linear.loop, linear.blocks_divided, "strong decay, in float32"),
    Pair(linear.loop, linear.logarithms, "an initial state below zero"),
    Pair(linear.with_skip, linear.with_skip_to_64, "beyond the first 64 steps"),
    Pair(linear.loop, linear.writes_into_x, "x is changed, and the gradient of a"),
    Pair(linear.loop, linear.gates_of_the_tail, "the gradient of a, T no multiple of 16"),
    Pair(padded.loop, padded.decays_in_padding, "the last state, lengths below T"),
    Pair(padded.loop, padded.no_mask_for_one, "B 1, a length below T"),
    Pair(padded.backwards, padded.backwards_from_padding, "lengths below T"),
    Pair(padded.backwards, padded.backwards_state, "the last state, T of 2 and more"),
    Pair(padded.packed, padded.packed_early, "a sequence that begins within T"),
    Pair(delta.loop, delta.loop_bfloat16, "rounding, in every dtype"),
    Pair(delta.loop, delta.loop_forgets_late, "an initial state or T of 2 and more"),
    Pair(delta.loop, delta.chunks_plain_mask, "T of 2 and more, decay"),
    Pair(delta.loop, delta.chunks_decay_twice, "a state before the chunk, T of 2 and more"),
    Pair(delta.loop, delta.chunks_cut, "gradients, a state before the chunk"),
    Pair(delta.loop, delta.chunks_filled_up, "the last state, T no multiple of 8"),
    Pair(attention.heads, attention.heads_tiled, "H and G of 2 and more"),
    Pair(attention.divided_loop, attention.divided_cut, "the gradient of k"),
    Pair(ssm.conv, ssm.conv_from_zeros, "beyond the first piece of 4, W of 2 and more"),
    Pair(ssm.conv, ssm.conv_short_piece, "a piece of 4 or less that is shorter than W"),
    Pair(ssm.conv, ssm.conv_short_gradient, "gradients, T below W"),
    Pair(ssm.conv, ssm.conv_blind_gradient, "the gradient of weight, W of 2 and more"),
    Pair(ssm.scan, ssm.scan_clamped, "time steps above 3"),
    Pair(ssm.scan, ssm.scan_bfloat16, "rounding, in every dtype"),
    Pair(ssm.norm, ssm.norm_of_all, "G of 2 and more"),
    Pair(cells.lstm, cells.lstm_last_cell, "gradients, when the last cell state has one"),
    Pair(cells.gru, cells.gru_own_reset, "H of 2 and more"),
]
