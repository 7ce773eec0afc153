"""``rnn-parity check``: its messages and its exit codes."""

import os
import shlex
from pathlib import Path

import pytest

from compare.check import command
from compare.check.report.report import check_can_write
from compare.cli import COMMANDS, main
from tests.compare.check.corpus import files, right_source
from tests.tables import cases, messages


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the files, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    for name, text in {**files(), "right.py": right_source()}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)))
    return tmp_path


def run(arguments, capsys):
    """Return exit code, output and error of the command."""
    code = main(["check", *shlex.split(arguments)])
    return (code, *capsys.readouterr())


REFUSED = [(2, *row) for row in messages("check").items()]
REFUSED += [(3, *row) for row in messages("files of check").items()]


@pytest.mark.parametrize(("code", "arguments", "message"), REFUSED)
def test_a_wrong_command_is_refused_in_one_line(code, arguments, message, folder, capsys):
    before = {path.name for path in folder.iterdir()}
    found, output, error = run(arguments, capsys)
    assert (found, error.count("\n")) == (code, 1), error
    assert error.startswith(f"rnn-parity: {message}"), error
    assert output == "" or ":" in arguments or "--stage" in arguments  # the code was loaded
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == before


@pytest.mark.parametrize(("arguments", "summary", "shown"), cases("check")["wrong"])
def test_wrong_code_ends_with_code_1_and_a_summary(arguments, summary, shown, capsys):
    code, output, error = run(arguments, capsys)
    assert (code, error.count("\n")) == (1, 1)
    assert error.startswith(f"rnn-parity: {summary}"), error
    assert [part for part in shown if output.count(part) != 1] == [], output
    assert output.count("note: a class is") == sum("a class is" in part for part in shown)
    if "Consuming" not in arguments:
        assert "Detected" not in output
    assert "printed" not in output


@pytest.mark.parametrize(("arguments", "code", "shown", "absent"), cases("check")["stated"])
def test_what_is_stated_or_detected_is_not_asked_for(arguments, code, shown, absent, capsys):
    found, output, _ = run(arguments, capsys)
    assert (found, shown in output, absent in output) == (code, True, False)


@pytest.mark.parametrize(("name", "flag", "cell"), cases("check")["new"])
def test_the_cell_of_a_new_file_is_that_of_its_name_or_of_the_flag(name, flag, cell, capsys):
    code, output, _ = run(f"--new {name} {flag}", capsys)
    assert code == 0
    assert f"def {cell}_step(" in Path(name).read_text(encoding="utf-8")
    assert f"six functions (cell {cell})" in output


def test_results_are_written_only_when_there_are_some(capsys):
    Path("old.json").write_text("{}", encoding="utf-8")
    for name in ("old.json", "new.json"):
        assert run(f"right.py --stage nothing --json {name}", capsys)[0] == 2
    assert Path("old.json").read_text(encoding="utf-8") == "{}"
    assert not Path("new.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="expected links, which need rights on Windows")
def test_a_link_to_nowhere_stays_one(tmp_path):
    link = tmp_path / "folder" / "link.json"
    link.parent.mkdir()
    link.symlink_to("nowhere.json")
    check_can_write(link)
    assert [path.name for path in link.parent.iterdir()] == ["link.json"]


def test_help_says_what_a_class_is(capsys):
    code, output, _ = run("--help", capsys)
    words = " ".join(output.split())
    assert code == 0
    for part in ("CLASS(input_size, hidden_size)", "forward(x, h0) -> (output, h_n, tape)"):
        assert part in words
    assert "backward(tape, d_output, d_h_n) -> (d_x, d_h0, dict" in words


def test_no_help_shows_a_none_among_the_choices(capsys):
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
    assert "{None" not in capsys.readouterr().out


def test_a_file_is_checked_whenever_it_is_saved(monkeypatch, capsys):
    file, checked = Path("right.py"), []
    saved = [lambda: None, lambda: os.utime(file, (7, 7)), file.unlink, lambda: 1 / 0]
    monkeypatch.setattr(command, "_examine", lambda *_: checked.append(file.stat().st_mtime))
    monkeypatch.setattr(command.time, "sleep", lambda seconds: saved.pop(0)())
    with pytest.raises(ZeroDivisionError):  # in the place of Ctrl-C
        main(["check", "right.py", "--watch"])
    assert (len(checked), checked[1]) == (2, 7)
    line = "Waiting for the file to be saved; Ctrl-C ends this."
    assert capsys.readouterr().out == f"\n{line}\n" * 2
