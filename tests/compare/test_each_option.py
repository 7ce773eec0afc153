"""Every option of every command is read, or refused where it would be without effect.

Each command runs once in each of its modes, and notes which of its options it reads. Those that it
does not read are then given another value, which has to be refused with the name of the option.
"""

import shlex
import shutil
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import pytest

import compare.terminal.options
from compare.cli import COMMANDS, parse
from compare.study.writing.build import write_page
from compare.terminal import CommandError, Terminal, UsageError, flag_of
from tests.compare.check.corpus import files
from tests.compare.runs.runs import FLAGS, SMALL
from tests.tables import table_of

pytestmark = pytest.mark.usefixtures("without_curves", "hasty")

ELSEWHERE = {"dataclasses", "copy", "compare.files.schema", compare.terminal.options.__name__}
"""Modules that read all fields of a dataclass, whatever they are."""


MODES = table_of(__file__)  # `grade` is left out: its options are those of the check of each file


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


def typed(line):
    first = min(map(str, Path("runs").glob("2*")), default="")
    for word, written in {"RUN": first, "FLAGS": FLAGS, "SMALL": SMALL}.items():
        line = line.replace(word, written)
    return shlex.split(line)


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
    line, *idle = MODES[name]
    config, read, command = parse(typed(line)), set(), line.split()[0]
    run(command, noting(config, read))
    hints = get_type_hints(type(config), include_extras=True)
    for option in sorted({*hints} - read - {*idle}):
        value = another(hints[option], getattr(config, option))
        Path("new.py").unlink(missing_ok=True)
        with pytest.raises(UsageError) as refused:
            run(command, type(config)(**(vars(config) | {option: value})))
        assert flag_of(option) in str(refused.value)


def test_each_command_has_its_modes():
    assert {line.split()[0] for line, *_ in MODES.values()} == {*COMMANDS} - {"grade"}
