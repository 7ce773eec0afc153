"""The autograder of `check --autograder FILE.zip`: all that Gradescope needs, in one file.

    setup.sh          makes a virtual environment with the packages of requirements.txt
    run_autograder    checks the student's file
    requirements.txt  the versions that are installed here
    packages/         this project

The check of functions needs no PyTorch, so the machine is ready in a minute.
"""

import importlib.metadata
import io
import re
import secrets
import shlex
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from string import Template

import compare
from compare.check.config import CheckConfig
from compare.check.subjects.examination import choose_stage
from compare.check.subjects.stages import STAGES
from compare.check.subjects.variants import choose_variant
from compare.files import Output, resource, write_output
from compare.implementations import CELLS

NEEDED = ("jaxtyping", "lazy_loader", "numpy", "psutil", "rich", "safetensors", "tyro")
"""What the check of functions imports."""

PACKAGES = ("compare", "concise_rnn", "scratch_rnn")
MOST_SEEDS = 10**6
EXECUTABLE, READABLE = 0o755, 0o644


def write_autograder(config: CheckConfig, path: Path) -> int:
    """Write the autograder; return the seed of its cases, which students do not know."""
    seed = config.seed or 1 + secrets.randbelow(MOST_SEEDS)
    cell = config.cell or next(iter(CELLS))
    if config.variant:
        choose_variant(cell, config.variant, "")  # refuses what is no seed
    names = [stage.name for stage in choose_stage(STAGES[cell], config.stage)]
    options = ["--cell", cell, "--stages", ",".join(names), "--seed", str(seed)]
    options += ["--numpy-only", "--no-train"]
    options += ["--before-deadline"] if config.before_deadline else []
    options += ["--variant", config.variant] if config.variant else []
    values = {
        "functions": "|".join(names),
        "options": shlex.join(options),
        "python": f"python3.{sys.version_info.minor}",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("setup.sh", "run_autograder"):
            text = Template(resource(__package__, f"{name}.txt")).safe_substitute(values)
            _add(archive, name, text.encode(), EXECUTABLE)
        _add(archive, "requirements.txt", "\n".join([*list_pins(), ""]).encode())
        root = Path(compare.__file__).parents[1]
        for package in PACKAGES:
            for file in sorted((root / package).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    inside = f"packages/{file.relative_to(root).as_posix()}"
                    _add(archive, inside, file.read_bytes())
    write_output(path, content.getvalue())
    return seed


def output_of_autograder(path: Path) -> Output:
    """Return the output of --autograder."""
    return Output("--autograder", path, "an older autograder", _is_autograder)


def _is_autograder(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return {"setup.sh", "run_autograder", "packages/compare/cli.py"} <= {*archive.namelist()}


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = READABLE) -> None:
    entry = zipfile.ZipInfo(name)  # of 1980: the same settings give the same file
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def list_pins() -> Iterator[str]:
    """Yield the installed version of each package that is needed, and of what these need."""
    found: dict[str, str] = {}
    names = [*NEEDED]
    while names:
        name = names.pop()
        try:
            about = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:  # of another system, or another Python
            continue
        if about.name not in found:
            found[about.name] = about.version
            needed = [text for text in about.requires or () if "extra ==" not in text]
            names += [match[0] for text in needed if (match := re.match(r"[\w.-]+", text))]
    yield from (f"{name}=={version}" for name, version in sorted(found.items()))
