"""Layers with a mistake of their two directions, in the forward pass."""

from typing import Any

import numpy as np

from compare.implementations import Array, FunctionsLayer

Weights = tuple[Array | None, ...]
"""The parameters of one direction."""


class SharedWeights(FunctionsLayer):
    """A layer whose directions both compute with the weights of the forward one."""

    def weights(self, i: int) -> Weights:
        """Return the parameters of i = layer · 2 + direction, without the direction."""
        return super().weights(i - i % 2)


class SwappedWeights(FunctionsLayer):
    """A layer whose directions compute with each other's weights."""

    def weights(self, i: int) -> Weights:
        """Return the parameters of i = layer · 2 + direction, with the other direction."""
        return super().weights(i + 1 - 2 * (i % 2))


class SwappedOutput(FunctionsLayer):
    """A layer whose output has the reverse direction first."""

    def forward(self, *arguments: Any, **more: Any) -> Any:
        """Return output, last state and tape."""
        output, last, tape = super().forward(*arguments, **more)
        return np.concatenate(np.split(output, 2, axis=2)[::-1], axis=2), last, tape


WRONG_DIRECTIONS: dict[type[FunctionsLayer], str] = {
    SharedWeights: "Both directions compute with the weights of the forward one.",
    SwappedWeights: "The directions compute with each other's weights.",
    SwappedOutput: "output has the reverse direction before the forward one.",
}
"""The mistake of each layer, in one sentence."""
