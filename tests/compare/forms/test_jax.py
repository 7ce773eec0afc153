"""Two forms in JAX: its gradients are compared, too."""

import pytest

from compare.forms.comparison import compare_exactly
from compare.forms.opening import make_subject, open_forms
from compare.forms.shapes import make_like

jax = pytest.importorskip("jax")


def loop(a, x):
    h, states = jax.numpy.zeros_like(x[0]), []
    for t in range(len(x)):
        h = jax.nn.sigmoid(a[t]) * h + x[t]
        states.append(h)
    return jax.numpy.stack(states)


def scan(a, x):
    def combine(first, then):
        return first[0] * then[0], then[0] * first[1] + then[1]

    return jax.lax.associative_scan(combine, (jax.nn.sigmoid(a), x))[1]


def cut(a, x):
    return loop(jax.lax.stop_gradient(a), x)


def test_forms_of_jax_are_compared_with_their_gradients():
    pairs = [(make_subject(loop, "A"), make_subject(other, "B")) for other in (scan, cut)]
    for pair, failures in zip(pairs, ([], ["gradient of a"]), strict=True):
        forms, draws = open_forms(pair, make_like({"a": ("T", "H"), "x": ("T", "H")}))
        result = compare_exactly(forms, draws.make_example(3))
        assert [c.tensor for c in result.comparisons] == [
            "output",
            "gradient of a",
            "gradient of x",
        ]
        assert result.failures == failures
