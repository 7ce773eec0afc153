"""The submissions in a folder: which files are graded, and which are left out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from compare.check import has_assignment
from compare.classroom.config import GradeConfig
from compare.files import name_path
from compare.implementations import is_code
from compare.terminal import UsageError

MOST_NAMES = 8  # of files that are not graded


@dataclass(frozen=True, slots=True)
class Submissions:
    """The files that are graded, by name, the names of those that are not, and all code."""

    files: dict[str, Path]
    left_out: list[str] = field(default_factory=list)
    code: list[Path] = field(default_factory=list)

    @property
    def note(self) -> str:
        """The files that are not graded, in words; empty if there are none."""
        more = len(self.left_out) - MOST_NAMES
        names = ", ".join(self.left_out[:MOST_NAMES]) + f" and {more} more" * (more > 0)
        return f"Not graded: {names}" if names else ""


def find_submissions(config: GradeConfig) -> Submissions:
    """Return the submissions; UsageError if there are none.

    Names that begin with _ or a dot are no submissions, nor is what an earlier `grade` has written.
    """
    folder = config.submissions.path
    own = [path.absolute() for path in (config.report, config.json) if path is not None]
    paths = sorted(folder.rglob("*"))
    names = [
        path.relative_to(folder)
        for path in paths
        if is_code(path)
        or (path.is_file() and not {path.absolute(), *path.absolute().parents} & {*own})
    ]
    names = [name for name in names if not any(p.startswith((".", "_")) for p in name.parts)]
    code = [name for name in names if is_code(name)]
    helpers = {*_list_helpers(folder, code, config.submissions.name)}
    graded = [name for name in code if name not in helpers]
    if not graded:
        raise UsageError(f"expected files of Python in {name_path(folder)}, got none")
    left_out = [name_path(name) for name in names if name not in {*graded}]
    files = {name_path(name): folder / name for name in graded}
    return Submissions(files, left_out, [path for path in paths if is_code(path)])


def _list_helpers(folder: Path, code: Iterable[Path], class_name: str) -> Iterator[Path]:
    """Yield the files of a subfolder without the assignment, if another file there has it."""
    found = {name: has_assignment(folder / name, class_name) for name in code if name.parts[1:]}
    with_it = {name.parent for name, has_it in found.items() if has_it}
    for name, has_it in found.items():
        if not has_it and with_it & {*name.parents}:
            yield name
