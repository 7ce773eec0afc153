"""Functions of JAX are read, as they are or compiled; JAX sorts the parameters of a dict."""

import pytest

from compare.check import CheckConfig, check

pytest.importorskip("jax")

SOURCE = """
import jax
import jax.numpy as jnp


def gru_step(params, h, x):
    r = jax.nn.sigmoid(x @ params["W_r"] + h @ params["U_r"] + params["b_r"])
    z = jax.nn.sigmoid(x @ params["W_z"] + h @ params["U_z"] + params["b_z"])
    n = jnp.tanh(x @ params["W_n"] + (r * h) @ params["U_n"] + params["b_n"])
    return (1 - z) * n + z * h


@jax.jit
def rnn(params, xs, h):
    def step(h, x):
        h = jnp.tanh(x @ params["Wx"] + h @ params["Wh"] + params["b"])
        return h, h

    h, hs = jax.lax.scan(step, h, xs)
    return hs, h
"""


@pytest.mark.parametrize(
    ("name", "cell", "words"),
    [
        ("gru_step", "gru-reset-before-product", "; 5 of 5 properties hold"),
        ("rnn", "own", "nn.RNN, as its results show; 8 of 8 properties hold"),
    ],
)
def test_a_function_of_jax_is_read(name, cell, words, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(SOURCE, encoding="utf-8")
    report = check(CheckConfig(target=f"{file}:{name}", cell=cell, timeout=60.0))
    assert report.ok
    assert words in report.summary
