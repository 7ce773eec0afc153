"""Losses and right recalls of a training by epoch, and differences between both models by update.

All are small sums, however many updates there are, so they are kept while a training runs and the
metrics need not be read again at its end.
"""

import math
from array import array
from collections.abc import Sequence

from compare.parity import SIDES, Update

Part = tuple[float, int]
"""A sum, and the number of its terms."""

Sums = dict[str, dict[int, Part]]
"""The parts of each side and epoch."""


class History:
    """The curves of a training."""

    def __init__(self) -> None:
        self.updates = array("d")  # those in which both models were trained
        self.differences = array("d")  # the largest one of the parameters, after each of them
        self.updates_per_epoch = 0  # in the first epoch
        self._losses: Sums = {side: {} for side in SIDES}  # summed over the tokens of an epoch
        self._recalls: Sums = {side: {} for side in SIDES}  # right ones

    def add(self, update: Update) -> None:
        """Add one update."""
        epoch, tokens = update.epoch, update.num_tokens
        self.updates_per_epoch += epoch == 0
        for side in SIDES:
            if (loss := getattr(update, f"{side}_loss")) is not None:
                _add(self._losses[side], epoch, loss * tokens, tokens)
            if (right := getattr(update, f"{side}_right_recalls")) is not None:
                _add(self._recalls[side], epoch, right, update.num_recalls or 0)
        if update.largest_difference is not None:
            self.updates.append(update.update)
            self.differences.append(update.largest_difference)

    @property
    def last_difference(self) -> float | None:
        """The largest difference after the last update, None if one model was trained."""
        return self.differences[-1] if self.differences else None

    def first_epoch(self, side: str) -> int:
        """Return the epoch, from 0, in which a model was first trained."""
        return min(self._losses[side])

    def perplexities(self, side: str) -> list[float]:
        """Return the perplexity of each epoch, exp(Σ loss · tokens / Σ tokens) over its updates."""
        return [_perplexity(_mean([part])) for _, part in sorted(self._losses[side].items())]

    def recall_shares(self, side: str) -> list[float]:
        """Return the share of right recalls of each epoch; none if the text has no recalls."""
        return [_mean([part]) for _, part in sorted(self._recalls[side].items())]

    def average_epoch(self, epoch: int, sides: Sequence[str]) -> dict[str, float]:
        """Return the perplexity of an epoch for each model that is trained.

        If one is trained alone, the updates that the other one did before count too.
        """
        losses = _average(self._losses, epoch, sides)
        return {side: _perplexity(loss) for side, loss in losses.items()}

    def average_recalls(self, epoch: int, sides: Sequence[str]) -> dict[str, float]:
        """Return the share of right recalls in an epoch in the same way; none without recalls."""
        return _average(self._recalls, epoch, sides)


def _add(sums: dict[int, Part], epoch: int, value: float, count: int) -> None:
    total, number = sums.get(epoch, (0.0, 0))
    if count:  # a batch can be without a recall
        sums[epoch] = total + value, number + count


def _average(all_sums: Sums, epoch: int, sides: Sequence[str]) -> dict[str, float]:
    sums_of_side = {side: sums[epoch] for side, sums in all_sums.items() if epoch in sums}
    if not sums_of_side:
        return {}
    return {
        side: _mean([sums_of_side[side]] if len(sides) == 2 else list(sums_of_side.values()))
        for side in sides
    }


def _mean(parts: Sequence[Part]) -> float:
    return sum(total for total, _ in parts) / sum(count for _, count in parts)


def _perplexity(loss: float) -> float:
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
