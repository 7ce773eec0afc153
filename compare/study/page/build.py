"""From a record to a page: choose what there is room for, and put it into the template.

The page loads nothing: style, script and numbers are in it, and its Content-Security-Policy
allows just this style and this script, by their SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from compare.files import write_file
from compare.study.page.packing import pack
from compare.terminal import UsageError

SCRIPTS = (
    *("record", "cells", "engine", "bugs", "elements", "pictures", "reading", "controls", "panel"),
    *("unrolled", "gates", "step", "flow", "backward", "training", "parity", "game", "main"),
)
"""The parts of the page's script, in the order in which they are joined."""

MARK = '<meta name="generator" content="rnn-parity explain">'
"""Stands near the top of each page, so that a page can be told from any other file."""


@dataclass(frozen=True, slots=True)
class PageSize:
    """How large a page is, and what it has room for."""

    num_bytes: int
    most_bytes: int
    num_checkpoints: int  # of the record
    kept: tuple[int, ...]  # those that are on the page
    with_details: tuple[int, ...]  # those of them that have their weights there


def write_page(record: Mapping[str, Any], path: Path, *, most_bytes: int) -> PageSize:
    """Render a record and write it, over whatever is at the path.

    Raises
    ------
    UsageError
        If not even the last checkpoint without its weights fits.
    OSError
        If it cannot be written; then there is no file, or the one from before.
    """
    page, size = render(record, most_bytes=most_bytes)
    if size.num_bytes > most_bytes:
        raise UsageError(
            f"expected --megabytes of at least {math.ceil(size.num_bytes / 1e4) / 100:g}, "
            f"which a page of one checkpoint takes, got {most_bytes / 1e6:g}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, [page.encode()])
    return size


def is_page(path: Path) -> bool:
    """Whether the file begins as a page does that `write_page` wrote."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        beginning = file.read(500)
    return beginning.startswith(b"<!doctype html>") and MARK.encode() in beginning


def render(record: Mapping[str, Any], *, most_bytes: int) -> tuple[str, PageSize]:
    """Return the page, and what became of it.

    Parameters
    ----------
    record : mapping
        What `compare.study.page.record.record` returns.
    most_bytes : int
        Rather than grow larger, the page leaves out weights, then checkpoints. The last
        checkpoint is always there.
    """
    checkpoints = record["checkpoints"]
    packed = [{part: pack(c[part]) for part in ("numbers", "details")} for c in checkpoints]
    facts = [
        {name: value for name, value in c.items() if name not in ("numbers", "details")}
        for c in checkpoints
    ]
    bare = _fill(record, facts, packed, [], [])
    kept, with_details = choose(
        [
            len(json_in_html(stated)) + _size(*both["numbers"])
            for stated, both in zip(facts, packed, strict=True)
        ],
        [_size(*both["details"]) for both in packed],
        most_bytes - len(bare.encode()),
    )
    page = _fill(record, facts, packed, kept, with_details)
    num_bytes = len(page.encode())
    return page, PageSize(num_bytes, most_bytes, len(packed), tuple(kept), tuple(with_details))


def choose(
    numbers: Sequence[int], details: Sequence[int], room: int
) -> tuple[list[int], list[int]]:
    """Choose the checkpoints that a page has room for, and those whose weights it has room for.

    First the last checkpoint with its weights, then the first one, then those between, each as
    far as possible from those before it; then weights in the same order.

    Returns
    -------
    kept, with_details : list of int
        In the order of the training.
    """
    order = spread(len(numbers))
    kept, with_details = order[:1], []
    room -= numbers[order[0]]
    if details[order[0]] <= room:
        with_details = order[:1]
        room -= details[order[0]]
    for index in order[1:]:
        if numbers[index] <= room:
            kept.append(index)
            room -= numbers[index]
    for index in kept:
        if index not in with_details and details[index] <= room:
            with_details.append(index)
            room -= details[index]
    return sorted(kept), sorted(with_details)


def spread(count: int) -> list[int]:
    """Return 0 … count-1: the last, the first, then always one that is farthest from all those."""
    order = [count - 1] + [0] * (count > 1)
    while len(order) < count:
        rest = [i for i in range(count) if i not in order]
        order.append(max(rest, key=lambda i: (min(abs(i - j) for j in order), i)))
    return order


def _size(entries: list[dict[str, Any]], text: str) -> int:
    """Return how many bytes packed arrays take, with what stands around them."""
    return len(json_in_html(entries)) + len(text) + 100


def _fill(
    record: Mapping[str, Any],
    facts: Sequence[Mapping[str, Any]],
    packed: Sequence[Mapping[str, tuple[list[dict[str, Any]], str]]],
    kept: Sequence[int],
    with_details: Sequence[int],
) -> str:
    """Put style, script and numbers into the template."""
    blobs: list[str] = []
    checkpoints = []
    for index in kept:
        stated = dict(facts[index])
        for part in ("numbers", "details"):
            if part == "numbers" or index in with_details:
                entries, text = packed[index][part]
                stated[part] = {"blob": len(blobs), "entries": entries}
                blobs.append(text)
        checkpoints.append(stated)
    data = dict(record) | {"checkpoints": checkpoints}
    style = _resource("page.css")
    script = "\n".join(_resource(f"script/{name}.js") for name in SCRIPTS)
    return _replace(
        _resource("template.html"),
        {
            "mark": MARK,
            "title": html.escape(title(record)),
            "style-hash": _sha256(style),
            "script-hash": _sha256(script),
            "style": style,
            "script": script,
            "record": json_in_html(data),
            "blobs": "\n".join(
                f'<script type="text/plain" id="blob-{i}">{text}</script>'
                for i, text in enumerate(blobs)
            ),
        },
    )


def title(record: Mapping[str, Any]) -> str:
    """Return what the page is called."""
    text = " ".join(record["text"].encode("utf-8", "replace").decode().split())
    return f"“{text if len(text) <= 40 else text[:40] + '…'}” inside a recurrent network"


def json_in_html(values: Any) -> str:
    """Return JSON that can stand in a script element: no ``<`` is left to end it.

    What JSON has no number for (not a number, infinity) becomes null.
    """
    text = json.dumps(_finite(values), allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _replace(template: str, values: Mapping[str, str]) -> str:
    """Put each value in the place of its {{name}}; what stands in a value is left as it is."""
    pieces = template.split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, rest = piece.split("}}", 1)
        filled += [values[name], rest]
    return "".join(filled)


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _sha256(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
