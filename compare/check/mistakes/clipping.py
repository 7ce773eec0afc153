"""Mistakes of clipping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from compare.check.functions.equations import Array
from compare.check.mistakes.mistake import mistake

CLIP = ("clip_grad_norm",)


def _clip(
    gradients: list[Array],
    max_norm: float,
    *,
    norm: Callable[[list[Array]], Any] | None = None,
    scale: Callable[[Any, float], Any] | None = None,
    told: Callable[[Any, Any], Any] = lambda norm, scale: norm,
) -> Any:
    """Clip, with a part of it changed."""
    total = norm(gradients) if norm else np.sqrt(sum((g * g).sum() for g in gradients))
    factor = scale(total, max_norm) if scale else np.minimum(1, max_norm / (total + 1e-6))
    for gradient in gradients:
        gradient *= factor
    return told(total, factor)


def _each(gradients: list[Array], change: Callable[[Array], Array]) -> Any:
    norm = np.sqrt(sum((g * g).sum() for g in gradients))
    for gradient in gradients:
        gradient[...] = change(gradient)
    return norm


def _rule(norm: Any, max_norm: float) -> Any:
    return np.minimum(1, max_norm / (norm + 1e-6))


OF_CLIPPING = (
    mistake(
        "each gradient is clipped by its own norm",
        CLIP,
        clip_grad_norm=lambda self, g, m: _each(g, lambda a: a * _rule(np.sqrt((a * a).sum()), m)),
    ),
    mistake(
        "each gradient is clipped by its own norm, and the largest of them returned",
        CLIP,
        clip_grad_norm=lambda self, g, m: [
            max(np.sqrt((a * a).sum()) for a in g),
            _each(g, lambda a: a * _rule(np.sqrt((a * a).sum()), m)),
        ][0],
    ),
    mistake(
        "each element is cut off at ±max_norm by itself",
        CLIP,
        clip_grad_norm=lambda self, g, m: _each(g, lambda a: np.clip(a, -m, m)),
    ),
    mistake(
        "gradients are scaled to max_norm even if they are shorter",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: m / (n + 1e-6)),
    ),
    mistake(
        "gradients are scaled to max_norm even if they are shorter, without the 1e-6",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: m / n),
    ),
    mistake(
        "the 1e-6 is left out",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: min(1, m / n)),
    ),
    mistake(
        "the 1e-6 is left out (and 0 / 0 with it)",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: m / n if n > m else 1),
    ),
    mistake(
        "the 1e-6 is subtracted",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: min(1, m / (n - 1e-6))),
    ),
    mistake(
        "the 1e-6 is 1e-8",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: min(1, m / (n + 1e-8))),
    ),
    mistake(
        "the 1e-6 is 1e-5",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: min(1, m / (n + 1e-5))),
    ),
    mistake(
        "the 1e-6 is 1e-12",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: min(1, m / (n + 1e-12))),
    ),
    mistake(
        "the 1e-6 is added to the norm that is returned, too",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, told=lambda n, s: n + 1e-6),
    ),
    mistake(
        "the square root is missing: it is the norm's square",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, norm=lambda g: sum((a * a).sum() for a in g)),
    ),
    mistake(
        "it is the sum of the norms, not the root of the sum of their squares",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, norm=lambda g: sum(np.sqrt((a * a).sum()) for a in g)
        ),
    ),
    mistake(
        "it is the sum of absolute values, not the square root of squares",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, norm=lambda g: sum(np.abs(a).sum() for a in g)
        ),
    ),
    mistake(
        "it is the largest absolute value, not the norm",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, norm=lambda g: max(np.abs(a).max() for a in g)
        ),
    ),
    mistake(
        "the mean of the squares is taken, not their sum",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, norm=lambda g: np.sqrt(sum((a * a).sum() for a in g) / sum(a.size for a in g))
        ),
    ),
    mistake(
        "the mean of each gradient's squares is taken, not their sum",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, norm=lambda g: np.sqrt(sum((a * a).mean() for a in g))
        ),
    ),
    mistake(
        "the norm is that of the first gradient alone",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, norm=lambda g: np.sqrt((g[0] ** 2).sum())),
    ),
    mistake(
        "the norm is that of the last gradient alone",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, norm=lambda g: np.sqrt((g[-1] ** 2).sum())),
    ),
    mistake(
        "the largest of the gradients' norms stands for the norm of all",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, norm=lambda g: max(np.sqrt((a * a).sum()) for a in g)
        ),
    ),
    mistake(
        "each matrix's spectral norm is taken",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, norm=lambda g: np.sqrt(sum(np.linalg.norm(a, 2) ** 2 for a in g))
        ),
    ),
    mistake(
        "the gradients are not changed in place",
        CLIP,
        clip_grad_norm=lambda self, g, m: np.sqrt(sum((a * a).sum() for a in g)),
    ),
    mistake(
        "only the first gradient is scaled", CLIP, clip_grad_norm=lambda self, g, m: _only(g, m, 0)
    ),
    mistake(
        "only the last gradient is scaled", CLIP, clip_grad_norm=lambda self, g, m: _only(g, m, -1)
    ),
    mistake(
        "the norm after clipping is returned, not the one before",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, told=lambda n, s: n * s),
    ),
    mistake(
        "the norm is measured after clipping",
        CLIP,
        clip_grad_norm=lambda self, g, m: [_clip(g, m), np.sqrt(sum((a * a).sum() for a in g))][1],
    ),
    mistake(
        "the smaller of norm and max_norm is returned, not the norm",
        CLIP,
        clip_grad_norm=lambda self, g, m: min(_clip(g, m), m),
    ),
    mistake(
        "the factor is returned, not the norm",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, told=lambda n, s: s),
    ),
    mistake(
        "the factor is turned upside down: norm / max_norm",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(g, m, scale=lambda n, m: max(1, n / m)),
    ),
    mistake("max_norm is taken to be 1", CLIP, clip_grad_norm=lambda self, g, m: _clip(g, 1.0)),
    mistake(
        "the comparison is the wrong way round: short gradients are scaled, long ones are not",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, scale=lambda n, m: m / (n + 1e-6) if n < m else 1
        ),
    ),
    mistake(
        "the gradients are divided by their norm: max_norm is missing",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, scale=lambda n, m: 1 / (n + 1e-6) if n > m else 1
        ),
    ),
    mistake(
        "the factor is the square root of max_norm / norm",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, scale=lambda n, m: np.sqrt(min(1, m / (n + 1e-6)))
        ),
    ),
    mistake(
        "max_norm is subtracted, not scaled to",
        CLIP,
        clip_grad_norm=lambda self, g, m: _clip(
            g, m, scale=lambda n, m: (n - m) / n if n > m else 1
        ),
    ),
)


def _only(gradients: list[Array], max_norm: float, k: int) -> Any:
    norm = np.sqrt(sum((a * a).sum() for a in gradients))
    gradients[k] *= _rule(norm, max_norm)
    return norm
