"""Whoever types what has left gets one line that says what to use instead."""

import pytest

from compare.cli import COMMANDS, REMOVED, main

TYPED = [f"{spelling}{value}" for spelling in REMOVED for value in ("", " 1")]
TYPED += [f"{spelling}=1" for spelling in REMOVED if spelling.count(" ") == 1]


@pytest.mark.parametrize("typed", TYPED)
def test_an_old_spelling_gets_one_line_that_says_what_to_use(typed, capsys):
    assert main(typed.split()) == 2
    out, err = capsys.readouterr()
    spelling = typed.removesuffix(" 1").removesuffix("=1")
    assert (out, err) == ("", f"rnn-parity: {spelling} was removed; use {REMOVED[spelling]}\n")


def test_nothing_that_was_removed_is_a_command():
    assert REMOVED.keys() & COMMANDS.keys() == set()


def test_a_process_of_torchrun_gets_the_same_line(monkeypatch, capsys):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert main(["train", "--model", "concise"]) == 2
    expected = f"rnn-parity: torchrun was removed; use {REMOVED['torchrun']}\n"
    assert capsys.readouterr() == ("", expected)
