"""A wrong command line gets one line and an exit code, and nothing is done before.

The table has a section for each exit code: what is typed, and the line. A line that ends with `…`
is the beginning of the line.
"""

from types import SimpleNamespace

import pytest
import torch

from compare import parity
from compare.cli import COMMANDS, REMOVED, main
from compare.parity import experiment
from tests.compare.runs.runs import TEXT
from tests.tables import table_of

TABLE = table_of(__file__)
TYPED = {typed: row for section in TABLE for typed, row in TABLE[section].items()}

FILES = {
    "empty.txt": b"",
    "digits.txt": b"12345 67890\n" * 100,
    "latin.txt": b"caf\xe9 au lait\n" * 100,
    "short.txt": b"too short for one batch\n",
    "fox.txt": TEXT.encode(),
    "file": b"",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current directory, with texts that cannot be used."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ("section", "typed"), [(section, typed) for section in TABLE for typed in TABLE[section]]
)
def test_a_wrong_command_line_gets_one_line(section, typed, folder, monkeypatch, refused):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code = int(section.split()[0])
    line = refused(typed, code, prints="--text" in typed)
    expected = TABLE[section][typed]
    end = None if not expected.endswith("…") else len(expected) - 1
    assert line[:end] == expected.removesuffix("…")
    assert {path.name for path in folder.iterdir()} == FILES.keys()


def test_each_command_is_refused_in_some_way():
    assert {typed.split()[0] for typed in TYPED} >= COMMANDS.keys()


def test_weights_and_gradients_of_both_models_have_to_fit_in_memory(fox, monkeypatch, capsys):
    arguments = f"parity --text {fox} --batch-size 4 --num-steps 8 --num-layers 2 --cell gru"
    arguments += " --hidden-size 64"
    model, _ = parity.build_models(28, 64, num_layers=2, cell="gru")
    needed = 4 * sum(p.nbytes for name, p in model.parameters.items() if "weight" in name)
    for available, code in ((needed, 0), (needed - 1, 2)):
        free = SimpleNamespace(available=available)
        monkeypatch.setattr(experiment.psutil, "virtual_memory", lambda free=free: free)
        assert main(arguments.split()) == code
    assert "got a model that takes 0.0 GiB at least" in capsys.readouterr().err


OLD = [f"{spelling}{value}" for spelling in REMOVED for value in ("", " 1")]
OLD += [f"{spelling}=1" for spelling in REMOVED if spelling.count(" ") == 1]
OLD += [s.replace("--rows", "--rows scratch") for s in REMOVED if "--rows" in s]  # behind others


@pytest.mark.parametrize("typed", OLD)
def test_an_old_spelling_gets_one_line_that_says_what_to_use(typed, refused):
    spelling = typed.removesuffix(" 1").removesuffix("=1").replace(" scratch", "")
    assert spelling not in COMMANDS
    assert refused(typed, 2) == f"{spelling} was removed; use {REMOVED[spelling]}"


def test_a_process_of_torchrun_gets_the_same_line(monkeypatch, refused):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    line = refused("train --model concise", 2)
    assert line == f"torchrun was removed; use {REMOVED['torchrun']}"
