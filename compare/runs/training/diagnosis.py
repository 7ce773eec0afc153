"""A number of a training that is not finite, and the options that are the likely cause."""

import math

import scratch_rnn
from compare import parity


def name_not_finite(side: str, update: parity.Update) -> str | None:
    """Name the first number of an update that is not finite: loss, perplexity or gradient norm.

    If a parameter is not finite afterwards, the next loss is not, and nothing is saved.
    """
    loss, norm = (getattr(update, f"{side}_{name}") for name in ("loss", "grad_norm"))
    numbers = {"loss": loss, "perplexity": scratch_rnn.perplexity(loss), "gradient norm": norm}
    return next((name for name, number in numbers.items() if not math.isfinite(number)), None)


def name_likely_causes(config: parity.SharedOptions) -> str:
    """Name the options that can make numbers overflow."""
    causes = [f"--lr {config.lr:g}", f"--max-norm {config.max_norm:g}"]
    if config.nonlinearity == "relu":
        causes.append("--nonlinearity relu")  # tanh keeps the states within ±1
    return ", ".join(causes)
