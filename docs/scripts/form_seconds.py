"""Measure how long `parity` needs for four forms of the gated delta rule, each with all gradients.

python docs/scripts/form_seconds.py measure
python docs/scripts/form_seconds.py draw       # write the table in docs/use/forms.md
"""

import subprocess
import sys
import time
from multiprocessing import get_context
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import torch
from form_parity import Parity
from pages import DOCS, ROOT, add, command, fill, name_versions, read, table, versions

from compare.forms.answer import compare_forms
from compare.parity import Agreement
from tests.compare.forms.corpus import Pair
from tests.compare.forms.corpus.delta import chunks, chunks_decay_twice, chunks_plain_mask, loop

PAGE = DOCS / "use" / "forms.md"
IMPORT = "from compare import assert_same"
B = {
    chunks: "chunks of 8",
    chunks_plain_mask: "chunks whose mask lacks the decay",
    chunks_decay_twice: "chunks that decay twice",
}
"""What is compared with the loop, in words: a right form and two wrong ones."""


def measure() -> None:
    """Store the seconds of processor time, of each pair in both orders."""
    pairs = {
        words: {order: time_alone(pair) for order, pair in orders.items()}
        for form, words in B.items()
        for orders in [{"loop first": Pair(loop, form), "loop second": Pair(form, loop)}]
    }
    add("form_seconds", {"about": versions(), "import": time_import(), "pairs": pairs})


def time_import() -> float:
    """Return the seconds of the import, in a process of its own."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, check=True)
    after = getrusage(RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


def time_alone(pair: Pair) -> dict[str, Any]:
    """Time a pair in a process of its own: a first call loads more than later ones."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(time_pair, (pair,))


def time_pair(pair: Pair) -> dict[str, Any]:
    """Return the verdict on a pair, its case, and the seconds after the import."""
    torch.set_num_threads(1)
    first, start = list[float](), time.process_time()
    parity = Parity(pair)
    answer = compare_forms(
        parity.forms, parity.draws, report_exact=lambda _: first.append(time.process_time())
    )
    end, shown = time.process_time(), answer.shown
    assert shown is not None
    return {
        "verdict": answer.verdict.value,
        "case": shown.case.describe(),
        "share": round(shown.share, 2),
        "first": round(first[0] - start, 1),
        "all": round(end - start, 1),
    }


def tables() -> dict[str, str]:
    """Return the table of the page."""
    data = read("form_seconds")
    rows = []
    for words, orders in data["pairs"].items():
        both = orders.values()
        found = orders["loop first"]
        says = f"differs; smallest case {found['case']}"
        if found["verdict"] == Agreement.AGREES.value:
            says = f"the same; at most {100 * found['share']:.0f} % of the tolerance"
        seconds = [f"{max(each[name] for each in both):.1f}" for name in ("first", "all")]
        rows.append([words, says, *seconds])
    about = data["about"]
    source = (
        f"*{about['date']}, {name_versions(about)}, one thread; the slower order of each pair.*"
    )
    imported = f"The import takes {data['import']:.1f} s more."
    head = ["B", "says", "float64, s", "all, s"]
    return {"seconds": f"{table(head, rows, 2)}\n\n{imported} {source}"}


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, lambda: fill(PAGE, tables())))
