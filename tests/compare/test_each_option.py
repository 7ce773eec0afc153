"""Every option of every command is read, or refused where it would be without effect.

Each command runs once in each of its modes, and notes which of its options it reads. Those that it
does not read are then given another value, which has to be refused with the name of the option.
"""

import shlex
import shutil
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import pytest

import compare.terminal.options
from compare.cli import COMMANDS, parse
from compare.study.writing.build import write_page
from compare.terminal import CommandError, Terminal, UsageError, flag_of
from tests.compare.check.corpus import files
from tests.compare.runs.runs import FLAGS, SMALL

pytestmark = pytest.mark.usefixtures("without_curves", "hasty")

ELSEWHERE = {"dataclasses", "copy", "compare.files.schema", compare.terminal.options.__name__}
"""Modules that read all fields of a dataclass, whatever they are."""


@dataclass(frozen=True)
class Mode:
    """What is typed, and which options have nothing to do although they are of this mode."""

    typed: str
    idle: tuple[str, ...] = ()


TO_A_FILE = ("input", "weights", "like")
"""Options of two targets that name a file, or say what two files are."""


MODES = {  # `grade` is left out: its options are those of the check of each file
    "run": Mode(f"run {FLAGS} --text fox.txt"),
    "parity": Mode(f"parity {SMALL} --text fox.txt"),
    "parity, two targets": Mode("parity scratch torch --size T=2", idle=TO_A_FILE),
    "train": Mode(f"train --model scratch {FLAGS} --text fox.txt"),
    "generate": Mode("generate --run RUN --prefix t"),
    "bisect, a bug": Mode(f"bisect {SMALL} --text fox.txt --bug uphill"),
    "bisect, PyTorch": Mode(f"bisect {SMALL} --text fox.txt --updates 1"),
    "bisect, two targets": Mode("bisect scratch torch --size T=2", idle=TO_A_FILE),
    "explain, the demonstration": Mode("explain --cell rnn --text ab --overwrite"),
    "explain, a run": Mode("explain --checkpoint RUN --text the --overwrite"),
    "explain, the newest run": Mode("explain --text the --overwrite"),
    "write": Mode("write --site ."),
    "convert": Mode("convert layer.npz new.npz"),
    "explain, your own": Mode(
        "explain --weights own.safetensors --vocab own.json --text ab --overwrite"
    ),
    "bench": Mode("bench --shapes shapes.json --rows scratch --phases forward --budget 1e5"),
    "bench, a target": Mode(
        "bench --shapes shapes.json --rows torch.nn:RNN --phases forward --budget 1e5"
    ),
    "bench, again": Mode("bench --plot bench.json"),
    "new": Mode("new new.py"),
    "vectors": Mode("vectors vectors --cell rnn"),
    "check, functions": Mode("check mine.py --stage rnn_step"),
    "check, a class": Mode("check plain.py:Layer"),
}


@pytest.fixture(scope="module")
def folder(records, tmp_path_factory):
    """A folder with the files that the commands read, and a run."""
    folder = tmp_path_factory.mktemp("each_option")
    shutil.copytree(records, folder, dirs_exist_ok=True)
    shutil.copytree(records, folder / "runs" / records.name)
    (folder / "explain.html").write_text("another page")
    (folder / "write").mkdir()
    (folder / "write" / "index.html").write_text(write_page("", [], {}), encoding="utf-8")
    (folder / "plain.py").write_text(files()["Plain.py"])
    return folder


def run(command, config):
    """Run a command; a result that is a failure is a result."""
    try:
        COMMANDS[command].function(config, Terminal(quiet=True))
    except UsageError:
        raise
    except CommandError:
        pass


def typed(mode):
    first = min(map(str, Path("runs").glob("2*")), default="")
    return shlex.split(mode.typed.replace("RUN", first))


def noting(config, read):
    """Return the configuration as one that notes which of its fields are read."""
    kind = type(config)
    names = {field.name for field in fields(kind)}

    class Noting(kind):
        def __getattribute__(self, name):
            caller = sys._getframe(1)
            own = caller.f_code.co_name == "check" and caller.f_locals.get("self") is self
            if name in names and not own and caller.f_globals["__name__"] not in ELSEWHERE:
                read.add(name)
            return super().__getattribute__(name)

    return Noting(**vars(config))


def another(hint, value):
    """Return another value of an option's type."""
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    kinds = [one for one in get_args(kind) if one is not type(None)]
    if get_origin(kind) is Literal:
        return next(one for one in get_args(kind) if one != value)
    if kinds and get_origin(kind) is not tuple:
        return another(kinds[0], value)
    if get_origin(kind) is tuple:
        return ("forward",)
    return {bool: True, int: 3, float: 0.25, str: "x", Path: Path("x")}[kind]


@pytest.mark.parametrize("name", MODES)
def test_each_option_is_read_or_refused(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("socketserver.BaseServer.serve_forever", lambda server: None)
    config, read = parse(typed(MODES[name])), set()
    command = MODES[name].typed.split()[0]
    run(command, noting(config, read))
    hints = get_type_hints(type(config), include_extras=True)
    for option in sorted({*hints} - read - {*MODES[name].idle}):
        value = another(hints[option], getattr(config, option))
        Path("new.py").unlink(missing_ok=True)
        with pytest.raises(UsageError) as refused:
            run(command, type(config)(**(vars(config) | {option: value})))
        assert flag_of(option) in str(refused.value)


def test_each_command_has_its_modes():
    assert {mode.typed.split()[0] for mode in MODES.values()} == {*COMMANDS} - {"grade"}
