"""The losses of a training by epoch, and the differences between both models by update.

Both are small sums, however many updates there are, so they are kept while a training runs and the
metrics need not be read again at its end.
"""

import math
from array import array
from collections.abc import Sequence

from compare.files import JsonObject
from compare.parity import SIDES


class History:
    """The curves of a training."""

    def __init__(self) -> None:
        self.updates = array("d")  # those in which both models were trained
        self.differences = array("d")  # the largest one of the parameters, after each of them
        self.updates_per_epoch = 0  # in the first epoch
        self._sums: dict[str, dict[int, tuple[float, int]]] = {side: {} for side in SIDES}

    def add(self, update: JsonObject) -> None:
        """Add one update, a line of ``metrics.jsonl``."""
        epoch, tokens = update["epoch"], update["num_tokens"]
        self.updates_per_epoch += epoch == 0
        for side, sums in self._sums.items():
            loss = update.get(f"{side}_loss")
            if loss is not None:
                total, count = sums.get(epoch, (0.0, 0))
                sums[epoch] = total + loss * tokens, count + tokens
        if "largest_difference" in update:
            self.updates.append(update["update"])
            self.differences.append(update["largest_difference"])

    @property
    def last_difference(self) -> float | None:
        """The largest difference after the last update, None if one model was trained."""
        return self.differences[-1] if self.differences else None

    def first_epoch(self, side: str) -> int:
        """Return the epoch, from 0, in which a model was first trained."""
        return min(self._sums[side])

    def perplexities(self, side: str) -> list[float]:
        """Return the perplexity of each epoch, exp(Σ loss · tokens / Σ tokens) over its updates."""
        return [_perplexity([sums]) for _, sums in sorted(self._sums[side].items())]

    def average_epoch(self, epoch: int, sides: Sequence[str]) -> dict[str, float]:
        """Return the perplexity of an epoch for each model that is trained.

        If one is trained alone, the updates that the other one did before count too.
        """
        found = {side: sums[epoch] for side, sums in self._sums.items() if epoch in sums}
        return {
            side: _perplexity([found[side]] if len(sides) == 2 else list(found.values()))
            for side in sides
        }


def _perplexity(parts: Sequence[tuple[float, int]]) -> float:
    losses, tokens = zip(*parts, strict=True)
    try:
        return math.exp(sum(losses) / sum(tokens))
    except OverflowError:
        return math.inf
