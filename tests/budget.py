"""Count the lines of each package and hold them against its budget: ``python -m tests.budget``.

Lines of Python are counted as they stand, blank lines and docstrings too: a budget is met by a
better design, not by denser code. ``pyproject.toml`` has the budgets, in ``[tool.budget]``; a
change that needs more says there, and in its commit, what it gives up.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def read_budgets(text: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return the most lines of each folder, and the most occurrences of each word."""
    budget = tomllib.loads(text)["tool"]["budget"]
    return budget["lines"], budget["words"]


def count_lines(folder: Path) -> int:
    """Return how many lines of Python a folder has."""
    return sum(path.read_text("utf-8").count("\n") for path in folder.rglob("*.py"))


def count_word(word: str, root: Path) -> int:
    """Return how often a word stands in the Python files of the three packages."""
    files = (f for p in ("scratch_rnn", "concise_rnn", "compare") for f in (root / p).rglob("*.py"))
    return sum(len(re.findall(rf"\b{word}\b", path.read_text("utf-8"))) for path in files)


def main(root: Path = ROOT) -> int:
    """Print all counts; return 1 if one is above its budget."""
    lines, words = read_budgets((root / "pyproject.toml").read_text("utf-8"))
    counts = [(name, count_lines(root / name), most) for name, most in lines.items()]
    counts += [(word, count_word(word, root), most) for word, most in words.items()]
    for name, count, most in counts:
        print(f"{name:24}{count:7,} of {most:6,}{'  too many' * (count > most)}")
    return int(any(count > most for _, count, most in counts))


if __name__ == "__main__":
    sys.exit(main())
