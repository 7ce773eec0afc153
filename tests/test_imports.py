"""scratch_rnn stands on NumPy alone, and nobody imports what they may not know."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts import ROOT, ended

WITHOUT_TORCH = """
import sys
import scratch_rnn, scratch_rnn.text
print(sorted({"pooch", "threadpoolctl", "requests", "torch"} & set(sys.modules)))
scratch_rnn.set_num_threads(2)
scratch_rnn.text.download.cache_directory()
print(sorted({"pooch", "threadpoolctl"} & set(sys.modules)))
for name in ("torch", "concise_rnn", "compare"):
    sys.modules[name] = None  # from now on, importing it is an ImportError

import numpy as np
from scratch_rnn.text import Batches, Vocab

tokens = list("the time traveller for so it will be convenient to speak of him " * 4)
vocab = Vocab(tokens)
batches = Batches(vocab[tokens], batch_size=2, num_steps=5)
rng = np.random.default_rng(0)
model = scratch_rnn.RNNModel(scratch_rnn.RNN(len(vocab), 8, rng=rng), len(vocab), rng=rng)
results = scratch_rnn.train(model, batches, 0.5, 8)
print(results[0].perplexity > results[-1].perplexity > 1)
print(scratch_rnn.predict("time", 3, model, vocab)[:4])
"""


def test_scratch_rnn_loads_little_and_trains_where_torch_cannot_be_imported():
    code, output, errors = ended("-c", WITHOUT_TORCH)
    assert code == 0, errors
    assert output.split("\n") == ["[]", "['pooch', 'threadpoolctl']", "True", "time", ""]


HELP = """
import sys
from compare.cli import main
print(main([{flag!r}]), file=sys.stderr)
heavy = {{"torch", "matplotlib", "numpy", "concise_rnn", "pooch"}}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_the_command_tells_about_itself_without_a_heavy_library(flag):
    _, output, errors = ended("-c", HELP.format(flag=flag))
    assert errors.split("\n") == ["0", "[]", ""]
    assert "rnn-parity" in output


def test_import_contracts_are_kept():
    lint_imports = shutil.which("lint-imports", path=Path(sys.executable).parent)
    assert lint_imports, "expected import-linter beside this Python; pip install -e '.[dev]'"
    result = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=800
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout
