"""The numbers of one update of a training, as they are recorded. Nothing here needs PyTorch."""

from dataclasses import dataclass
from typing import Annotated

from compare.files import COUNT, NOT_NEGATIVE, NUMBERED, JsonObject


@dataclass(frozen=True)
class Update:
    """One update, a line of ``metrics.jsonl``; None where there is no such number."""

    epoch: Annotated[int, NUMBERED]  # counted from 0
    update: Annotated[int, NUMBERED]  # counted from 1, over the whole run
    num_tokens: Annotated[int, COUNT]  # tokens of the batch
    num_recalls: Annotated[int | None, NUMBERED] = None  # of the batch
    scratch_loss: Annotated[float | None, NOT_NEGATIVE] = None  # mean in nats, before the update
    scratch_grad_norm: Annotated[float | None, NOT_NEGATIVE] = None  # before clipping
    scratch_right_recalls: Annotated[int | None, NUMBERED] = None  # before the update
    concise_loss: Annotated[float | None, NOT_NEGATIVE] = None
    concise_grad_norm: Annotated[float | None, NOT_NEGATIVE] = None
    concise_right_recalls: Annotated[int | None, NUMBERED] = None
    largest_difference: Annotated[float | None, NOT_NEGATIVE] = None  # of all parameters, after it

    def to_json(self) -> JsonObject:
        """Return the numbers that there are, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}
