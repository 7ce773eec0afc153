"""Change lines of our own source in memory, and import the changed copy.

The patched package is a second copy beside the real one, under another name. The files do not
change, and neither do the modules that are already imported.

>>> patch = Patch("scratch_rnn/cells/elman.py", "h[0] = h_0", "h[0] = 0")
>>> careless = load_patched("scratch_rnn", [patch], "careless")        # doctest: +SKIP
>>> careless.RNN(3, 4)                                                 # doctest: +SKIP
"""

import builtins
import difflib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.resources.abc import TraversableResources
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]  # directory of the packages


class PatchError(ValueError):
    """A patch does not fit the source; the message is one line."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One change: in `file`, the text `old`, which occurs once, becomes `new`."""

    file: str  # from the root, such as "scratch_rnn/cells/elman.py"
    old: str
    new: str

    @property
    def package(self) -> str:
        """The package whose file it is."""
        return self.file.split("/")[0]

    @property
    def first_line(self) -> tuple[int, str]:
        """The first of the lines that are changed, as they are: its number and its text."""
        before, _, _ = read_source(self.file).partition(self.old)
        number = before.count("\n") + 1
        return number, read_source(self.file).splitlines()[number - 1].strip()


def read_source(file: str) -> str:
    """Return the text of a file, named from the root."""
    return (ROOT / file).read_text(encoding="utf-8")


def patch_source(file: str, patches: Iterable[Patch]) -> str:
    """Return the text of a file with its patches; PatchError unless each fits exactly once."""
    source = read_source(file)
    for patch in patches:
        if patch.file == file:
            count = source.count(patch.old)
            if count != 1:
                raise PatchError(f"expected {patch.old!r} once in {file}, got it {count} times")
            source = source.replace(patch.old, patch.new)
    return source


def diff(patches: Sequence[Patch], context: int = 2) -> str:
    """Return the change as ``diff -u`` shows it, with `context` lines around each place."""
    lines: list[str] = []
    for file in dict.fromkeys(patch.file for patch in patches):
        before = read_source(file).splitlines()
        after = patch_source(file, patches).splitlines()
        lines += difflib.unified_diff(before, after, f"a/{file}", f"b/{file}", "", "", context, "")
    return "\n".join(lines)


def load_patched(package: str, patches: Sequence[Patch], name: str) -> ModuleType:
    """Import a patched copy of a package, a new one each time; PatchError if a patch misfits."""
    package_patches = [patch for patch in patches if patch.package == package]
    for file in {patch.file for patch in package_patches}:
        try:  # raise here, not in the middle of an import
            _compile(patch_source(file, package_patches), file)
        except SyntaxError as error:
            raise PatchError(f"expected {file} to be Python when patched, got {error}") from error
    alias = f"{package}__{name.replace('-', '_')}"
    for module in [m for m in sys.modules if m == alias or m.startswith(f"{alias}.")]:
        del sys.modules[module]
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _finder.copies[alias] = package, tuple(package_patches)
    importlib.invalidate_caches()
    return importlib.import_module(alias)


class _Finder(MetaPathFinder):
    """Finds the modules of a patched copy among the files of the real package."""

    def __init__(self) -> None:
        self.copies: dict[str, tuple[str, tuple[Patch, ...]]] = {}

    def find_spec(
        self, fullname: str, path: Iterable[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        alias, _, rest = fullname.partition(".")
        if alias not in self.copies:
            return None
        package, patches = self.copies[alias]
        place = Path(package, *filter(None, rest.split(".")))
        is_package = (ROOT / place / "__init__.py").is_file()
        file = place / "__init__.py" if is_package else place.with_suffix(".py")
        if not (ROOT / file).is_file():
            return None
        loader = _PatchedLoader(package, alias, patches, file.as_posix())
        return importlib.util.spec_from_loader(fullname, loader, is_package=is_package)


@dataclass(frozen=True)
class _PatchedLoader(Loader):
    """Runs the patched source of one module, with imports from the copy."""

    package: str  # the real one
    alias: str
    patches: tuple[Patch, ...]
    file: str

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(ROOT / self.file)
        # exec takes `import` from here, and so do all functions of the module.
        module.__dict__["__builtins__"] = vars(builtins) | {"__import__": self._import}
        exec(_compile(patch_source(self.file, self.patches), self.file), module.__dict__)

    def get_resource_reader(self, _: str) -> "_Reader":
        return _Reader((ROOT / self.file).parent)

    def _import(self, name: str, *more: Any) -> ModuleType:
        head, dot, rest = name.partition(".")
        return __import__(f"{self.alias}{dot}{rest}" if head == self.package else name, *more)


@dataclass(frozen=True)
class _Reader(TraversableResources):
    """Finds the data of a package of the copy where that of the real one is."""

    folder: Path

    def files(self) -> Path:
        return self.folder


@functools.cache
def _compile(source: str, file: str) -> CodeType:
    return compile(source, f"{file} (patched)", "exec", dont_inherit=True)


_finder = _Finder()
