"""The numbers of one update of a training, as they are recorded. Nothing here needs PyTorch."""

from dataclasses import dataclass
from typing import Annotated

from compare.files import COUNT, NOT_NEGATIVE, NUMBERED, JsonObject

Index = Annotated[int, NUMBERED]
Metric = Annotated[float | None, NOT_NEGATIVE]
Recalls = Annotated[int | None, NUMBERED]


@dataclass(frozen=True)
class Update:
    """One update, a line of ``metrics.jsonl``; None where a model or the text has no such number.

    Each loss is the mean over the batch's tokens, in nats, before the update.
    """

    epoch: Index  # counted from 0
    update: Index  # counted from 1, over the whole run
    num_tokens: Annotated[int, COUNT]  # tokens of the batch
    num_recalls: Recalls = None  # of the batch
    scratch_loss: Metric = None
    scratch_grad_norm: Metric = None  # before clipping
    scratch_right_recalls: Recalls = None  # before the update
    concise_loss: Metric = None
    concise_grad_norm: Metric = None
    concise_right_recalls: Recalls = None
    largest_difference: Metric = None  # between the parameters of both models, after the update

    def to_json(self) -> JsonObject:
        """Return the numbers that there are, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}
