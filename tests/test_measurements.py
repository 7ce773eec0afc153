"""Tables, pictures and claims of the documents are those of the stored measurements."""

import json
import re

import numpy as np
import pytest

from tests.scripts import ROOT, load_script


def tables_of(name):
    """Return the tables that a script writes into each of its pages."""
    script = load_script(name)
    if name == "figures":
        return {
            page: {table: make() for table, make in tables.items()}
            for page, tables in script.PAGES.items()
        }
    return {script.PAGE: script.tables()}


@pytest.mark.parametrize(
    "name",
    [
        *("answers", "figures", "comparisons", "forms", "form_seconds", "tolerance", "recall"),
        *("pairs", "scan_speed"),
    ],
)
def test_the_tables_of_a_page_are_those_of_its_measurements(name):
    pages = load_script("pages")
    for page, tables in tables_of(name).items():
        text = page.read_text(encoding="utf-8")
        assert pages.fill_blocks(text, tables) == text, f"python docs/scripts/{name}.py draw"
        assert {match[1] for match in pages.BLOCK.findall(text)} == tables.keys()


MEASURED = re.compile(
    r"\d[\d.,]* ?(?:(?:ms|µs|s|[KMG]B|MiB|GFLOP/s|per cent)\b|%)"
    r"|\d\.?\d*e-\d+|(?<!Python )\b\d+\.\d\d\b"
)
"""What somebody has measured: a number with a unit, with a power of ten, or with two decimals."""


def test_each_figure_of_the_readme_comes_from_a_stored_measurement():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = (ROOT / "docs/trust/comparisons.md").read_text(encoding="utf-8")
    shares = dict(re.findall(r"\| ([\w.]+) \| (\d+\.\d+) %", table))
    refused = [f"{float(shares[n]):.0f} %" for n in ("np.allclose", "torch.testing.assert_close")]
    assert MEASURED.findall(load_script("pages").BLOCK.sub("", text)) == refused


def test_a_run_s_figures_are_those_of_its_record(tmp_path):
    figures = load_script("figures")
    record = tmp_path / "20261126-010203-gru-reset-float32"
    record.mkdir()
    result = {"text": "a text", "perplexity": {"scratch": 2.0, "concise": 2.0}, "updates": 8}
    written = {"a": {"scratch": "ab", "concise": "ab"}, "b": {"scratch": "b", "concise": "ba"}}
    result |= {"largest_difference": 1e-7, "parity": True, "written": written, "seconds": 1.0}
    (record / "result.json").write_text(json.dumps(result), encoding="utf-8")
    (record / "environment.json").write_text('{"versions": {"numpy": "2"}}', encoding="utf-8")
    ends = figures.ends(record)
    assert (ends["date"], ends["same_texts"], ends["versions"]) == (
        "2026-11-26",
        False,
        {"numpy": "2"},
    )


def test_the_documents_and_the_explain_page_say_the_same_about_the_experiment():
    recall = load_script("recall", SHOWN=())
    stored = json.loads(recall.LESSON.read_text(encoding="utf-8"))
    networks = stored.pop("networks")
    assert recall.lesson() == stored | {"networks": []}
    assert not {*recall.CHOOSING} & {*recall.SEEDS}  # the first choose the rate of the others
    cells = stored["cells"]
    count = {
        name: [f"{n} of {of}" for n, of in zip(each["learned"], each["trained"], strict=True)]
        for name, each in cells.items()
    }
    figures = [
        f"and {count['RNN'][0]} RNNs",
        f"the fewest updates, {cells['GRU']['updates'][0]:,} in the median",
        f"needed {cells['LSTM']['updates'][0]:,}, but ",
        f"but {cells['LSTM, forget bias 3']['updates'][0]:,} with its forget gates open",
        f"The RNN needed {cells['RNN']['updates'][0]:,}.",
        f"So did {count['RNN'][1]} RNNs; the others were no better than guessing.",
        f"Without the bias, {count['LSTM'][1]} LSTMs learned it in time",
        f"All {cells['GRU']['trained'][2]} GRUs and all {cells['GRU']['trained'][2]} LSTMs",
        f"learned it, and {count['RNN'][2]} RNNs.",
        f"the minGRU needed {cells['minGRU']['updates'][2]} updates in the median, and the delta "
        f"rule {cells['delta rule']['updates'][2]}.",
    ]
    for name in ("GRU", "LSTM", "LSTM, forget bias 1", "LSTM, forget bias 3"):
        assert cells[name]["learned"][0] == cells[name]["trained"][0]
    for name in ("GRU", "LSTM, forget bias 3"):
        assert cells[name]["learned"][1:] == cells[name]["trained"][1:] == [20, 10]
    for name in ("minGRU", "delta rule"):
        found = [recall.find(*place, name)[0] for place in recall.PLACES]
        assert all(len(shares) == 20 and min(shares) >= recall.ENOUGH for shares in found)
    slow = [recall.Stack(*place, "minGRU", 0.003, recall.CHOOSING) for place in recall.PLACES[1:]]
    assert max(max(recall.read_results()[stack.name]["shares"]) for stack in slow) < 0.6
    rnn, lstm = (recall.find("words", 40, name)[0] for name in ("RNN", "LSTM"))
    assert max(rnn[rnn < recall.ENOUGH]) < 0.6
    late = [f"{share:.0%}" for share in sorted(lstm)]
    figures.append(f"{late[0].removesuffix('%')} to {late[-2].removesuffix('%')} % of the recalls")
    anywhere = [recall.find("anywhere", 20, name) for name in cells]
    assert min(min(shares) for shares, _ in anywhere) >= recall.ENOUGH
    assert max(np.median(updates) for _, updates in anywhere) == 1600
    before, after = ([each[when]["norms"][0] for each in networks] for when in ("before", "after"))
    assert max(before) < 1 / 20
    assert min(after) > 1
    shares = [f"1/{round(1 / share, -3 if share > 1e-5 else -4):,.0f}" for share in before[:2]]
    figures += [shares[0], shares[1], f"{before[2]:.1%}".replace("%", " %")]
    document = (ROOT / "docs/learn/memory.md").read_text(encoding="utf-8")
    text = " ".join(document.replace("**", "").split())
    assert [each for each in figures if each not in text] == []
    template = (ROOT / "compare/study/page/template.html").read_text(encoding="utf-8")
    [said] = re.findall(r'<p id="lesson-said"><span>(.*?)</span>', template, re.DOTALL)
    assert " ".join(said.split()) in text


@pytest.mark.parametrize("key", ["parity", "same_texts"])
def test_a_run_whose_models_do_not_agree_is_not_counted(key, monkeypatch):
    figures = load_script("figures")
    data, numbers = figures.read("runs"), []
    one = next(s.name for s in figures.SETTINGS if data[s.name]["parity"])
    for agrees in (True, False):
        monkeypatch.setattr(figures, "read", lambda _: data | {one: data[one] | {key: agrees}})  # noqa: B023
        numbers += map(int, re.findall(r"In (\d+) of \d+ runs both", figures.runs_table()))
    assert numbers[0] == numbers[1] + 1
