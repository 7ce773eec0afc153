"""The page of `check --explain`: the numbers of the report, and the step where both part."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from compare.check import STYLES, CheckConfig, command
from compare.check.core.result_text import summarize
from compare.check.report.page import AGAIN, describe_stage
from compare.check.report.printing import FAILED
from compare.implementations.worker.local_process import LocalProcess
from compare.terminal import Terminal
from tests.annotations import unchecked
from tests.compare.check.corpus import replaced
from tests.compare.check.test_check_functions import RIGHT
from tests.compare.study.pages import Opened, axe_violations

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
    r"\w+(?:\[(.*)\])?: expected (.*), yours (.*)\. Difference (.*); the tolerance is (.*)\."
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a file with these faults, checked in this process; its page is written."""
    file = tmp_path_factory.mktemp("page") / "mine.py"
    file.write_text(replaced(RIGHT, FAULTS.items()), encoding="utf-8")
    config = CheckConfig(target=str(file), explain=file.with_suffix(".html"))
    with unchecked():
        return command.examine(config, Terminal(quiet=True), start=LocalProcess)


def rounded(number):
    return float(f"{number:.4g}")


def test_the_numbers_of_the_page_are_those_of_the_report(report, tab):
    requests, complaints = [], []
    listeners = {"request": lambda sent: requests.append(sent.url)}
    listeners |= dict.fromkeys(("console", "pageerror"), lambda said: complaints.append(said))
    for event, listener in listeners.items():
        tab.on(event, listener)
    tab.set_viewport_size({"width": 400, "height": 900})
    tab.emulate_media(color_scheme="dark")
    page = Path(report.target).with_suffix(".html").as_uri()
    tab.goto(page)
    assert tab.title().endswith("mine.py: 3 of 6 functions are right")
    assert HOSTILE in tab.inner_text("main")
    rows = [(each.item.name, each.verdict, summarize(each)) for each in report.stages]
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
    assert [result.item.name for _, result in found] == ["rnn_step", "rnn_backward"]
    for k, result in found:
        wrong, seen, stars = result.wrong, {}, set()
        section = tab.locator(f"#stage-{k}")
        words = section.inner_text()
        assert result.case.description in words
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
                text, *list_numbers = SAID.findall(words)[0]
                at = tuple(map(int, text.split(", ")))
                seen[at] = tuple(map(float, list_numbers))
                blue = float(re.findall(r"oklab\(\S+ \S+ (\S+)\)", drawn)[0]) < 0
                assert blue == (wrong.got[at] < 0) or abs(wrong.got[at]) < 0.1
                heads = (str(at[2]), f"t = {at[0] + 1}") if blocks else (str(at[0]), str(at[1]))
                assert (row, column) == heads
                assert framed == number.endswith("*")
                assert f"{float(number.rstrip('*')):.3g}" == f"{wrong.got[at]:.3g}"
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


@pytest.mark.parametrize(
    ("stage", "right", "wrong"),
    [
        ("clip_grad_norm", "return float(norm)", "return 2 * float(norm)"),
        ("cross_entropy", "return float(loss)", "return np.nan * loss"),
    ],
)
def test_a_wrong_scalar_has_its_numbers(stage, right, wrong, tmp_path, tab):
    file = tmp_path / "mine.py"
    file.write_text(RIGHT.replace(right, wrong), encoding="utf-8")
    config = CheckConfig(target=str(file), stage=stage, explain=file.with_suffix(".html"))
    complaints = []

    def listen(error):
        complaints.append(error)

    with unchecked():
        [result] = command.examine(config, Terminal(quiet=True), start=LocalProcess).stages
    tab.on("pageerror", listen)
    tab.goto(config.explain.as_uri())
    tab.remove_listener("pageerror", listen)
    assert complaints == []
    [(at, expected, got, _, _)] = SAID.findall(tab.inner_text("#stage-0 .readout"))
    found = result.wrong
    assert at == ""
    assert float(expected) == pytest.approx(float(found.expected), rel=1e-15)
    assert float(got.lower()) == pytest.approx(float(found.got), rel=1e-15, nan_ok=True)
    assert f"{found.tensor} of shape (): 1 wrong number." in tab.inner_text("#stage-0")


def write_page_of(text, stage, folder):
    """Check a file in this process, and return the address of its page."""
    (folder / "mine.py").write_text(text, encoding="utf-8")
    config = CheckConfig(target=str(folder / "mine.py"), stage=stage, explain=folder / "mine.html")
    with unchecked():
        command.examine(config, Terminal(quiet=True), start=LocalProcess)
    return config.explain.as_uri()


def test_a_file_that_cannot_be_read_is_said_once_with_its_line(tmp_path, tab):
    tab.goto(write_page_of("x = 1\ndef rnn_step(x)\n    pass\n", None, tmp_path))
    why = "SyntaxError: expected ':' in `def rnn_step(x)` (line 2)"
    assert tab.inner_text("#lead") == f"The file cannot be imported: {why}."
    assert tab.inner_text("body").count("SyntaxError") == 1


def test_wrong_numbers_have_as_many_digits_as_differ(tmp_path, tab):
    exponentials = "np.sign(z_t) * (1 - np.exp(-2 * abs(z_t))) / (1 + np.exp(-2 * abs(z_t)))"
    text = replaced(RIGHT, [("np.tanh(z_t)", exponentials)])
    tab.goto(write_page_of(text, "rnn_step", tmp_path))
    maps = tab.locator("#stage-0 .maps table").all()[:2]
    expected, got = (each.locator("td:has(i)").all_inner_texts() for each in maps)
    pairs = [*zip(expected, got, strict=True)]
    assert any(other.endswith("*") for _, other in pairs)
    assert all(f"{one}*" != other for one, other in pairs)
    assert re.search(r"\. Right in \d+ cases, wrong in \d+", tab.inner_text("#stage-0"))


ON_ONE_SCALE = """(maps) => {
  const cells = maps.slice(0, 2).flatMap((map) => [...map.querySelectorAll("td:has(i)")]);
  const most = Math.max(...cells.map((cell) => Math.abs(parseFloat(cell.textContent))));
  const ideal = document.body.appendChild(document.createElement("i"));
  const drawn = (element) => getComputedStyle(element).backgroundColor;
  const pairs = cells.map((cell) => {
    ideal.style.background = colour(parseFloat(cell.textContent) / most);
    return [drawn(cell.firstChild), drawn(ideal)];
  });
  ideal.remove();
  return pairs;
}"""
STRONGEST = """(table) => {
  const size = (cell) => Math.abs(parseFloat(cell.textContent)) || 0;
  const most = [...table.querySelectorAll("td:has(i)")].sort((a, b) => size(b) - size(a))[0];
  const scale = getComputedStyle(document.documentElement).getPropertyValue("--scale");
  const end = scale.trim().split(/\\s+/).at(most.textContent.startsWith("-") ? 0 : -1);
  const ideal = document.body.appendChild(document.createElement("i"));
  ideal.style.background = `color-mix(in oklab, ${end} 100%, ${end})`;
  const colours = [most.firstChild, ideal].map((each) => getComputedStyle(each).backgroundColor);
  ideal.remove();
  return colours;
}"""


WRONG_LAST = """(k) => {
  const { tensors, wrong } = record.stages[k];
  const right = { ...tensors[0], name: "before", ok: true };
  const [choice] = drawTensors({ wrong, tensors: [right, ...tensors.filter((each) => !each.ok)] });
  return choice.querySelector("[aria-pressed=true]").textContent;
}"""
"""What is pressed first where a right tensor stands before the wrong one."""


def test_what_can_be_chosen_on_the_page(report, tab):
    tab.emulate_media(color_scheme="light")
    tab.goto(Path(report.target).with_suffix(".html").as_uri())
    for first, others, lead in (
        ("right", "right", "Nothing is wrong, so this page has no numbers to compare."),
        ("right", "missing", "Nothing that is there is wrong."),
        ("missing", "missing", "Nothing is written yet: begin with rnn_step."),
    ):
        tab.evaluate(
            "([first, others]) => { record.summary = 'nothing is written yet: begin with rnn_step';"
            "record.stages.forEach((stage, k) => { stage.verdict = k ? others : first; });"
            "$('lead').replaceChildren(); drawBeginning(); }",
            [first, others],
        )
        assert tab.inner_text("#lead") == lead
    for theme in ("Dark", "Light"):
        assert tab.inner_text("#theme") == f"{theme} theme"
        tab.click("#theme")
        assert tab.get_attribute("html", "data-theme") == theme.lower()
    for k, result in enumerate(report.stages):
        if result.wrong is None:
            continue
        section, wrong = tab.locator(f"#stage-{k}"), result.wrong
        names = {c.tensor: c.ok for c in result.comparisons if not c.tensor.endswith(AGAIN)}
        pressed = section.get_by_role("group", name="Result").locator("[aria-pressed=true]")
        buttons = section.get_by_role("group", name="Result").get_by_role("button")
        if len(names) > 1:
            assert buttons.all_inner_texts() == [n if ok else f"{n} *" for n, ok in names.items()]
            assert pressed.all_inner_texts() == [f"{wrong.tensor} *"]
        if wrong.got.ndim == 3:
            sequences = section.get_by_role("group", name="Sequence").get_by_role("button")
            B = wrong.got.shape[1]
            assert sequences.all_inner_texts() == [f"sequence {n}" for n in range(B)]
        begun = tab.evaluate(WRONG_LAST, k)
        assert begun == f"{wrong.tensor} *"
        assert f"{int(wrong.wrong_entries.sum())} wrong numbers.\n" in section.inner_text()
        mistaken, computed = HERE[result.item.name]
        assert section.locator("pre .here").inner_text().startswith(mistaken)
        assert tab.evaluate(OF_TENSOR, k).startswith(computed)
        maps = section.locator(".maps table")
        for pair in maps.evaluate_all(ON_ONE_SCALE):
            drawn, ideal = (list(map(float, re.findall(r"-?\d+\.\d+", each))) for each in pair)
            assert drawn == pytest.approx(ideal, abs=0.01)
        drawn, end = maps.nth(2).evaluate(STRONGEST)
        assert drawn == end
        section.locator(".maps td:has(i)").first.click()
        readout = section.locator(".readout")
        before = SAID.findall(readout.inner_text())[0][0].split(", ")
        section.locator(".scroller").first.focus()
        tab.keyboard.press("ArrowDown")
        after = SAID.findall(readout.inner_text())[0][0].split(", ")
        row = 2 if wrong.got.ndim == 3 else 0
        assert int(after[row]) == int(before[row]) + 1


HERE = {
    "rnn_step": ("z_t = W_ih x_t + b_ih + W_hh", "h_t = tanh(z_t) "),
    "rnn_backward": ("δh_{t-1} = W_hh^T δz_t ", "δx_t = W_ih^T δz_t"),
}
"""The equation that the likely mistake changes, and that of the wrong tensor."""

OF_TENSOR = """(k) => markEquation(record.stages[k].equation, { ...record.stages[k], lines: [] })
  .find((line) => line.className === "here").textContent"""
"""The equation that is marked without a likely mistake."""


def test_the_code_of_the_case_runs_and_the_way_is_that_of_the_first_step(report, monkeypatch):
    monkeypatch.syspath_prepend(Path(report.target).parent)
    monkeypatch.delitem(sys.modules, "mine", raising=False)  # of another test
    step, backward = (result for result in report.stages if result.wrong is not None)
    printed = []
    for result in (step, backward):
        code = describe_stage(result, report)["code"]  # what a reader copies from the page
        exec(code, {"print": printed.append})
    np.testing.assert_allclose(printed[0], step.wrong.got, rtol=1e-5, atol=1e-7)
    assert printed[1][0].shape == backward.case.inputs["x"].shape
    values = {
        value["name"]: value["numbers"] for value in describe_stage(backward, report)["values"]
    }
    right = {c.tensor: c.expected for c in backward.comparisons}["d_x"][-1]
    found = values["d_z_t"] @ backward.case.inputs["W_ih"]
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-9)
