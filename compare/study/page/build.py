"""Make a page of a record: choose the checkpoints, and fill the template."""

import html
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from compare.files import (
    JsonObject,
    fill_page,
    join_modules,
    json_in_html,
    resource,
    write_output,
)
from compare.mistakes import BUGS
from compare.study.page.packing import pack
from compare.terminal import UsageError

MARK = '<meta name="generator" content="rnn-parity explain">'
"""A tag in the first lines of each page, which distinguishes it from any other file."""

PARTS = ("numbers", "details")
SCRIPTS = "study/page/script"
TABLE = "engine/bugs_table.js"
IMPORTS = """\
import { add, affine, clamp, normOf, transposed } from "./arrays.js";
import { exchanged, gateChanged } from "./bugs.js";
import { lstm } from "./cells/lstm.js";
"""
"""The names that the methods of the catalogue's bugs use."""


@dataclass(frozen=True, slots=True)
class PageSize:
    """The size of a page, and the checkpoints in it."""

    num_bytes: int
    most_bytes: int
    num_checkpoints: int  # of the record
    kept: tuple[int, ...]  # those in the page
    with_details: tuple[int, ...]  # those in the page with their weights
    has_small: bool = False  # whether the page has the small network, too


def write_page(
    record: JsonObject,
    path: Path,
    *,
    most_bytes: int,
    small: JsonObject | None = None,
) -> PageSize:
    """Render a record and write it; a file at the path is replaced.

    `small` is the record of a small network, which the page also has if it is not too large then.
    A UsageError says that the last checkpoint is too large even without its weights.
    """
    page, size = render(record, most_bytes=most_bytes, small=small)
    if size.num_bytes > most_bytes:
        page, size = render(record, most_bytes=most_bytes)
    if size.num_bytes > most_bytes:
        raise UsageError(
            f"expected --megabytes of at least {math.ceil(size.num_bytes / 1e4) / 100:g}, "
            f"which a page of one checkpoint takes, got {most_bytes / 1e6:g}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_output(path, page.encode())
    return size


def render(
    record: JsonObject, *, most_bytes: int, small: JsonObject | None = None
) -> tuple[str, PageSize]:
    """Return the page of a record and its size.

    Weights, then checkpoints, are left out to stay below the limit. The last checkpoint is always
    in the page.
    """
    packed = [_packed(checkpoint) for checkpoint in record["checkpoints"]]
    others = _elements(small, map(_packed, small["checkpoints"]), "small-") if small else ""
    numbers = [len(json_in_html(facts)) + _size(*parts["numbers"]) for facts, parts in packed]
    details = [_size(*parts["details"]) for _, parts in packed]
    bare = _fill(record, _elements(record, []) + others)
    kept, with_details = choose(numbers, details, most_bytes - len(bare.encode()))
    for index, (_, parts) in enumerate(packed):
        if index not in with_details:
            del parts["details"]
    page = _fill(record, _elements(record, [packed[index] for index in kept]) + others)
    kept_of = (len(packed), tuple(kept), tuple(with_details))
    return page, PageSize(len(page.encode()), most_bytes, *kept_of, has_small=bool(small))


def choose(
    numbers: Sequence[int], details: Sequence[int], most_bytes: int
) -> tuple[list[int], list[int]]:
    """Choose the checkpoints of a page of limited size, and those with their weights.

    First the last checkpoint with its weights; then the first checkpoint, then those between, each
    as far as possible from the chosen ones; then weights in the same order. Both lists are in the
    order of the training.
    """
    last, *others = spread(len(numbers))
    left = most_bytes - numbers[last]
    kept: set[int] = {last}
    with_details: set[int] = set()
    for index in [last, *others, *others]:  # first itself, then its weights
        chosen, sizes = (with_details, details) if index in kept else (kept, numbers)
        if sizes[index] <= left:
            chosen.add(index)
            left -= sizes[index]
    return sorted(kept), sorted(with_details)


def spread(count: int) -> list[int]:
    """Return 0 … count-1: the last, the first, then always the one farthest from all before it."""
    order = [count - 1] + [0] * (count > 1)
    while len(order) < count:
        rest = [i for i in range(count) if i not in order]
        order.append(max(rest, key=lambda i: (min(abs(i - j) for j in order), i)))
    return order


def _size(entries: list[JsonObject], text: str) -> int:
    """Return the number of bytes of packed arrays in the page, with their markup."""
    return len(json_in_html(entries)) + len(text) + 100


Packed = tuple[JsonObject, dict[str, tuple[list[JsonObject], str]]]
"""A checkpoint: its JSON values, and its packed arrays."""


def _packed(checkpoint: JsonObject) -> Packed:
    facts = {name: value for name, value in checkpoint.items() if name not in PARTS}
    return facts, {part: pack(checkpoint[part]) for part in PARTS}


def _elements(record: JsonObject, packed: Iterable[Packed], prefix: str = "") -> str:
    """Return the elements of a record: its JSON, and one for the arrays of each checkpoint."""
    blobs: list[str] = []
    checkpoints = []
    for facts, parts in packed:
        for part, (entries, text) in parts.items():
            facts = facts | {part: {"blob": f"{prefix}{len(blobs)}", "entries": entries}}
            blobs.append(text)
        checkpoints.append(facts)
    data = json_in_html(dict(record) | {"checkpoints": checkpoints})
    elements = [f'<script type="application/json" id="{prefix}record">{data}</script>']
    for i, text in enumerate(blobs):
        elements.append(f'<script type="text/plain" id="blob-{prefix}{i}">{text}</script>')
    return "\n".join([*elements, ""])


def _fill(record: JsonObject, elements: str) -> str:
    """Put style, scripts and the elements of the records into the template."""
    values = {
        "mark": MARK,
        "title": html.escape(title(record)),
        "records": elements,
        "worker": _join("worker.js"),
    }
    template, style = (resource(__package__, name) for name in ("template.html", "page.css"))
    return fill_page(template, style, _join("main.js"), values, sources={"worker-src": "blob:"})


def check_cell(cell: str) -> None:
    """Raise a UsageError if the page has no script for this cell."""
    cells = cell_names()
    if cell not in cells:
        known = ", ".join(cells)
        raise UsageError(f"expected a cell that the page has a script for ({known}), got {cell}")


def cell_names() -> list[str]:
    """Return the names of the cells that the page has a script for, as its table has them."""
    table = resource(__package__, "script/engine/cells/table.js")
    names = re.findall(r'from "\./(\w+)\.js"', table)
    return sorted(names)


@cache
def _join(entry: str) -> str:
    """Return the script of a module, with the bugs of the catalogue in the table of bugs."""
    return join_modules(f"{SCRIPTS}/{entry}", {f"{SCRIPTS}/{TABLE}": fill_table_of_bugs()})


def fill_table_of_bugs() -> str:
    """Return the module of the table of bugs, with the bugs of the catalogue."""
    methods = ",\n".join(f'"{bug.name}": {{ {bug.page.methods} }}' for bug in BUGS if bug.page)
    empty = resource(__package__, f"script/{TABLE}")
    return IMPORTS + empty.replace("BUGS = {}", f"BUGS = {{\n{methods}\n}}")


def title(record: JsonObject) -> str:
    """Return the title of the page."""
    text = " ".join(record["text"].encode("utf-8", "replace").decode().split())
    return f"“{text if len(text) <= 40 else text[:40] + '…'}” inside a recurrent network"
