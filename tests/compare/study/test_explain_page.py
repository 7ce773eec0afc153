"""The page of `explain` as a file: no foreign script, no markup from a text, no more bytes."""

import base64
import hashlib
import json
import re

import pytest

from compare.study.page.build import render, title
from compare.study.page.record import record
from tests.compare.study.courses import course
from tests.compare.study.pages import MEGABYTE, Page

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!-- <script> -->",
    "{{record}} {{script}}",
    "a\u2028b \udc80 & \"quotes\" 'n' \\u003c",
]


def test_a_text_never_becomes_markup():
    text = " ".join(HOSTILE)
    made = record("time", course()) | {"text": text, "notes": [text], "source": text}
    made["tokens"][1] = made["shown_tokens"][1] = "</script>"
    plain = Page(render(record("time", course()), most_bytes=MEGABYTE)[0])
    page = Page(render(made, most_bytes=MEGABYTE)[0])
    assert [tag for tag, *_ in page.elements] == [tag for tag, *_ in plain.elements]
    stated = json.loads(page.content("script", id="record"), parse_constant=pytest.fail)
    assert stated["text"] == stated["source"] == stated["notes"][0] == text
    assert stated["tokens"][1] == "</script>"


def test_a_page_allows_its_own_script_and_style_and_nothing_else():
    text, _ = render(record("time", course()), most_bytes=MEGABYTE)
    page = Page(text)
    [policy] = [a["content"] or "" for _, a, _ in page.elements if "http-equiv" in a]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    [script] = [content for tag, a, content in page.elements if tag == "script" and "type" not in a]
    for rule, content in (("script-src", script), ("style-src", page.content("style"))):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "worker-src": "blob:",  # made from the text of a script in the page
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    for _, attributes, _ in page.elements:
        assert not attributes.keys() & {"src", "style", "onclick", "onload", "srcset"}
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert not re.search(
        r"@import|url\((?!#)|\beval\b|innerHTML|insertAdjacentHTML|document\.write", text
    )
    assert text.count("://") == 1  # the name of SVG's namespace


def test_the_title_has_the_text_on_one_line_and_its_beginning():
    assert title({"text": "the\n  time"}) == "“the time” inside a recurrent network"
    long = f"{'a' * 40}b"
    assert title({"text": long}) == f"“{'a' * 40}…” inside a recurrent network"


def test_a_page_is_as_small_as_it_is_to_be():
    """It keeps the last checkpoint, the first, and then whatever is farthest; with weights last."""
    made = record("time traveller", course(80, gains=(1.0, 1.1, 1.2, 1.3, 1.4)))
    _, whole = render(made, most_bytes=MEGABYTE)
    for less, kept, with_weights in (
        (0, (0, 1, 2, 3, 4), (0, 1, 2, 3, 4)),
        (2_001, (0, 1, 2, 3, 4), (0, 2, 3, 4)),  # a byte too much
        (284_000, (0, 2, 3, 4), (4,)),
        (372_000, (0, 2, 4), ()),
    ):
        page, size = render(made, most_bytes=whole.num_bytes + 2_000 - less)
        assert len(page.encode()) == size.num_bytes <= size.most_bytes
        assert (size.kept, size.with_details) == (kept, with_weights)
