"""The page of `check --explain`: the numbers of the report, and the step where both part."""

import re
from pathlib import Path

import numpy as np
import pytest

from compare.check import CheckConfig, command
from compare.check.report.explanation import in_short
from compare.check.report.page import MARK, check_page
from compare.check.report.report import FAILED, STYLES
from compare.cli import main
from compare.terminal import Terminal
from tests import in_process
from tests.annotations import unchecked
from tests.compare.check.corpus import replaced
from tests.compare.check.test_check_functions import RIGHT
from tests.compare.study.pages import Opened, axe_violations
from tests.tables import cases

HOSTILE = "</script><img src=x onerror=alert(1)>{{record}}&"
FAULTS = {
    "h @ W_hh.T": "h @ W_hh",  # in the step
    "d_h = d_h_n": "d_h = 0 * d_h_n",  # from the last step on
    "    norm = np": f"    raise ValueError('{HOSTILE}')\n    norm = np",
}

CLICKED = """(table) => [...table.querySelectorAll("td:has(i)")].map((cell) => {
  cell.click();
  const heads = [cell.parentNode.cells[0], table.rows[0].cells[cell.cellIndex]];
  const said = cell.closest(".maps").nextElementSibling;
  const drawn = getComputedStyle(cell.firstChild).backgroundColor;
  return [...[...heads, cell, said].map((each) => each.textContent), drawn, cell.matches(".wrong")];
})"""
"""Of each number of a table: row, column, what the page says when it is clicked, and the colour."""

SAID = re.compile(
    r"\w+\[(.*)\]: expected (.*), yours (.*)\. Difference (.*); the tolerance is (.*)\."
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a file with these faults, checked in this process; its page is written."""
    file = tmp_path_factory.mktemp("page") / "mine.py"
    file.write_text(replaced(RIGHT, FAULTS.items()), encoding="utf-8")
    config = CheckConfig(target=str(file), explain=file.with_suffix(".html"))
    with pytest.MonkeyPatch.context() as patch, unchecked():
        patch.setattr(command, "Submission", in_process.Submission)
        return command.examine(config, Terminal(quiet=True))


def rounded(number):
    return float(f"{number:.4g}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_numbers_of_the_page_are_those_of_the_report(scheme, report, tab):
    requests, complaints = [], []
    listeners = {"request": lambda sent: requests.append(sent.url)}
    listeners |= dict.fromkeys(("console", "pageerror"), lambda said: complaints.append(said))
    for event, listener in listeners.items():
        tab.on(event, listener)
    tab.set_viewport_size({"width": 400, "height": 900})
    tab.emulate_media(color_scheme=scheme)
    page = Path(report.target).with_suffix(".html").as_uri()
    tab.goto(page)
    assert tab.title().endswith("mine.py: 3 of 6 functions are right")
    assert HOSTILE in tab.inner_text("main")
    rows = [(each.stage.name, each.verdict, in_short(each)) for each in report.stages]
    lead = f"The first that is not right is rnn_step: {rows[0][2]}."
    assert (tab.inner_text("#lead"), tab.inner_text("#notes")) == (lead, "")
    wrong = f"{[*STYLES]}.map((verdict) => isWrong({{ verdict }}))"
    assert tab.evaluate(wrong) == [verdict in FAILED for verdict in STYLES]
    shown = tab.locator("#stages tr").evaluate_all(
        "(all) => all.map((row) => [...row.cells].map((c) => c.innerText))"
    )
    assert [*map(tuple, shown)] == rows
    assert "Blue is negative, orange is positive." in tab.inner_text("footer")
    found = [(k, result) for k, result in enumerate(report.stages) if result.wrong is not None]
    assert [result.stage.name for _, result in found] == ["rnn_step", "rnn_backward"]
    for k, result in found:
        wrong, seen, stars = result.wrong, {}, set()
        section = tab.locator(f"#stage-{k}")
        words = section.inner_text()
        assert result.case.words in words
        assert result.likely in words
        shape, T, many = wrong.got.shape, len(wrong.got), int(wrong.wrong_entries.sum())
        assert f"{wrong.tensor} of shape ({', '.join(map(str, shape))}): {many} wrong" in words
        order = f"read it from right to left. The first step that differs is step {T} of {T}"
        assert (order in words) == (k == 3)
        captions = section.locator(".maps figcaption").all_inner_texts()
        assert captions == ["expected", "yours", "difference"]
        blocks = section.get_by_role("group", name="Sequence").get_by_role("button").all()
        for block in blocks or [None]:
            if block is not None:
                block.click()
            table = section.locator(".maps table").nth(1)
            for row, column, number, words, drawn, framed in table.evaluate(CLICKED):
                text, *numbers = SAID.findall(words)[0]
                at = tuple(map(int, text.split(", ")))
                seen[at] = tuple(map(float, numbers))
                blue = float(re.findall(r"oklab\(\S+ \S+ (\S+)\)", drawn)[0]) < 0
                assert blue == (wrong.got[at] < 0) or abs(wrong.got[at]) < 0.1
                heads = (str(at[2]), f"t = {at[0] + 1}") if blocks else (str(at[0]), str(at[1]))
                assert (row, column) == heads
                assert framed == number.endswith("*")
                assert float(number.rstrip("*")) == float(f"{wrong.got[at]:.3g}")
                stars |= {at} if framed else set()
        assert seen == {
            at: (
                *pair,
                rounded(pair[1] - pair[0]),
                rounded(np.broadcast_to(wrong.allowed, shape)[at]),
            )
            for at, pair in ((at, (wrong.expected[at], wrong.got[at])) for at in np.ndindex(shape))
        }
        assert stars == {*map(tuple, np.argwhere(wrong.wrong_entries).tolist())}
    steps = np.flatnonzero(found[1][1].wrong.wrong_entries.any(axis=(1, 2)))
    assert tab.locator(".maps th.part").first.inner_text() == f"t = {steps.max() + 1}"
    assert tab.evaluate("document.documentElement.scrollWidth") == 400
    assert axe_violations(Opened(tab)) == []
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert (requests, complaints) == ([page], [])


@pytest.mark.parametrize(("target", "out", "code", "said"), cases("check")["pages"])
def test_a_path_that_cannot_be_written_is_refused_before_the_check(
    target, out, code, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(RIGHT, encoding="utf-8")
    assert main(["check", target, "--explain", str(Path(out))]) == code
    assert capsys.readouterr().err.replace("\\", "/").startswith(f"rnn-parity: {said}")
    assert Path("mine.py").read_text(encoding="utf-8") == RIGHT


def test_an_older_page_is_replaced(tmp_path):
    (tmp_path / "out.html").write_text(f"<!doctype html>{MARK}", encoding="utf-8")
    check_page(tmp_path / "out.html")
