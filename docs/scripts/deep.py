"""Merge the records of all parts of `make deep`, and write them into docs/trust/deep.md.

python docs/scripts/deep.py DIR
"""

import json
import sys
from collections import Counter
from pathlib import Path

from pages import DOCS, fill, table

from tests.counts import sums
from tests.counts import table as table_of_counts
from tests.shards import lines

PAGE = DOCS / "trust" / "deep.md"


def merge(directory: Path) -> str:
    """Return the text of all records: the runs, the properties, the counts.

    Raises
    ------
    SystemExit
        If a part is missing. The message names it.
    """
    paths = sorted(directory.rglob("*-of-*.jsonl"))
    found: Counter[str] = Counter(path.stem for path in paths)
    sizes = {int(name.rpartition("-")[2]) for name in found}
    wanted = {f"{k}-of-{n}" for n in sizes for k in range(1, n + 1)}
    if len(sizes) != 1 or wanted - found.keys():
        missing = ", ".join(sorted(wanted - found.keys())) or "nothing"
        raise SystemExit(f"expected all parts of one division in {directory}, missing: {missing}")
    last = {line["test"]: line for path in paths for line in lines(path)}
    outcomes = Counter(line["outcome"] for line in last.values())
    abouts = {json.dumps(line["about"]): line["about"] for line in last.values()}
    rows = [
        (test, line["counted"]["counts"])
        for test, line in sorted(last.items())
        if "counts" in line["counted"]
    ]
    share = max((counts["ratio"] for _, counts in rows), default=0.0)
    examples = sum(counts["examples"] for _, counts in rows)
    hours = sum(line["seconds"] for line in last.values()) / 3600
    text = [
        f"{len(last):,} tests in {len(paths)} parts: "
        + ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
        + f"; {len(rows)} properties, {examples:,} examples, largest share {share:.3f}; "
        f"{hours:.1f} hours of one process.",
        "",
    ]
    text += [
        "- {date}, Python {python}, NumPy {numpy}, PyTorch {torch}, Hypothesis {hypothesis}, "
        "profile {profile}, seed {seed}".format(**about)
        for about in abouts.values()
    ]
    cells = []
    for test, counts in rows:
        ratio = f"{counts['ratio']:.3f}" if counts["ratio"] else "–"
        name = test.removeprefix("tests/").replace(".py::", " · ").replace("|", "\\|")
        cells.append([name, f"{counts['examples']:,}", ratio])
    counts = table_of_counts(sums(line["counted"].items() for line in last.values()))
    properties = table(["property", "cases", "largest share of the tolerance"], cells, numbers=2)
    return "\n".join([*text, "", properties, "", "```text", *counts, "```"])


def main(arguments: list[str]) -> int:
    """Write the records of a directory into docs/trust/deep.md."""
    if len(arguments) != 1:
        sys.stderr.write("expected one directory of records\n")
        return 2
    fill(PAGE, {"deep": merge(Path(arguments[0]))})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
