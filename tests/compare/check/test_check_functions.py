"""``rnn-parity check FILE``: six functions of a submission, right, wrong, and otherwise."""

import json

import pytest

from compare.check import CheckConfig, CheckError, Report, check
from compare.check.core.result_text import summarize
from compare.check.exercise import examine as examine_file
from compare.check.exercise.examine import try_stages
from compare.check.exercise.stages import STAGES as ALL_STAGES
from compare.check.layers import examine as examine_layer
from compare.check.report.printing import show
from compare.cli import main
from tests.compare.check.corpus import plain_source, replaced, table
from tests.in_process import loader, subject_of, terminal

RIGHT = plain_source("rnn")

MESSAGES = table("forms")["message"]
STAGES = ALL_STAGES["rnn"]
NAMES = [stage.name for stage in STAGES]


pytestmark = pytest.mark.usefixtures("quickly")


def changed(*changes):
    return replaced(RIGHT, changes)


def tried(folder, text, stages=STAGES, *, deep=False):
    """Try a file in this process."""
    subject = subject_of(loader(folder, text), stages)
    return {result.name: result for result in try_stages(subject, stages, deep=deep)}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["new"][:40])
def test_what_beginners_write_is_explained(message, tmp_path):
    text = changed((message["old"], message["new"])) + "\nSUMS = {}\n"
    stage = next(stage for stage in STAGES if stage.name == message["stage"])
    result = tried(tmp_path, text, (stage,))[stage.name]
    assert summarize(result).startswith(message["shown"])
    assert message["likely"] in result.likely
    assert bool(message["likely"]) == bool(result.likely)


def test_deep_searches_further_and_shrinks_what_it_finds(tmp_path):
    shy = changed(
        ("    norm = np", "    if 6 < len(gradients) < 29:\n        return 0.0\n    norm = np")
    )
    right, wrong = (
        tried(tmp_path, shy, STAGES[-1:], deep=deep)["clip_grad_norm"] for deep in (False, True)
    )
    assert (right.verdict, wrong.verdict) == ("right", "wrong")
    assert wrong.case.description.startswith("7 gradients")


def test_a_copy_that_is_scaled_in_the_place_of_a_gradient_is_named(tmp_path):
    flat = changed(
        ("        g *= np.minimum", "        g = g.reshape(-1)\n        g *= np.minimum")
    )
    result = tried(tmp_path, flat, STAGES[-1:])["clip_grad_norm"]
    words = (
        "Gradients in Fortran order stay as they are: `ravel` and `reshape` return a copy of such "
        "an array."
    )
    assert (result.verdict, result.likely) == ("wrong", words)


def test_a_likely_mistake_has_its_line_and_only_another_function_is_the_next_one(tmp_path):
    [step] = tried(tmp_path, changed(("h @ W_hh.T", "h @ W_hh")), STAGES[:1]).values()
    assert step.likely_lines == (
        "wrong  z_t = x_t @ W_ih.T + b_ih + h @ W_hh + b_hh  # (B, H)",
        "right  z_t = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh  # (B, H)",
    )
    for form, many in (("functions", 1), ("class", 2)):
        shown, printed = terminal()
        show(Report("mine.py", form, "rnn", 0, [step] * many), shown)
        assert "--stage" not in printed.getvalue()


def test_a_stage_does_not_wait_for_another(tmp_path):
    """rnn_backward is right though rnn_step is wrong and rnn_forward is not there."""
    text = changed(("h @ W_hh.T", "h @ W_hh"), ("h = [h_0]", "raise NotImplementedError"))
    results = tried(tmp_path, text)
    assert [results[n].verdict for n in NAMES] == ["wrong", "missing", *["right"] * 4]


def test_a_step_that_takes_an_option_is_replaced_too(tmp_path):
    """This rnn_forward passes a name on, which the reference does not take."""
    text = changed(
        ("h @ W_hh.T", "h @ W_hh"),
        ("b_hh: Array) -> Array:", "b_hh: Array, name: str = '') -> Array:"),
        ("b_ih, b_hh))", "b_ih, b_hh, 'tanh'))"),
    )
    results = tried(tmp_path, text)
    assert [results[n].verdict for n in NAMES] == ["wrong", *["right"] * 5]
    assert results["rnn_forward"].notes == ["with the reference's rnn_step instead of yours"]


def test_at_states_that_are_no_numbers_nothing_is_right(tmp_path):
    """rnn_forward gives NaN, so no gradient of the zeros of rnn_backward can be compared."""
    text = changed(
        ("return np.stack(h[1:])", "return np.nan * np.stack(h[1:])"),
        ("d_output[t] + d_h, x[t]", "0 * d_h, x[t]"),
    )
    found = tried(tmp_path, text)
    assert [found[n].verdict for n in ("rnn_forward", "rnn_backward")] == ["wrong", "wrong"]


@pytest.mark.parametrize(
    ("module", "name", "target"),
    [
        (examine_file, "try_stages", "student.py"),
        (examine_layer, "find_layout", "student.py:Layer"),
    ],
)
def test_what_crashes_the_check_is_one_line_in_a_file(
    module, name, target, tmp_path, monkeypatch, capsys
):
    def crash(*_, **__):
        raise AttributeError("no such thing")

    found = tmp_path / "found.json"
    text = "class Layer:\n    pass\n\ndef rnn_step(x):\n    return x\n"
    (tmp_path / "student.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(module, name, crash)
    assert main(["check", str(tmp_path / target), "--json", str(found)]) == 1
    [message] = {stage["got"] for stage in json.loads(found.read_text())["stages"]}
    assert message.startswith("expected a result that the check can read, got AttributeError: no")
    assert capsys.readouterr().out.count(message) == 1


def test_what_it_prints_changes_nothing(tmp_path, capsys):
    noise = "import sys\nfor k in range(20_000):\n    print('a line', k)\nsys.stdout.close()\n"
    (tmp_path / "student.py").write_text(noise + RIGHT, encoding="utf-8")
    command = ["check", str(tmp_path / "student.py"), "--no-train"]  # as in scripts of graders
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "6 of 6" in output
    assert "printed text that begins with 'a line 0'" in output
    sizes = "N 1 to 129, T 1 to 129, B 1 to 129, V 1 to 257, H 1 to 129"
    assert f"  sizes tried: {sizes}\n" in output


def test_in_python_check_raises_what_is_wrong(tmp_path):
    """The lines of a test in docs/use/check.md: a function with its case and the mistake."""
    mine = tmp_path / "mine.py"
    mine.write_text(RIGHT, encoding="utf-8")
    chosen = check(CheckConfig(target=str(mine), stage="rnn_step", seed=7))
    assert (chosen.ok, len(chosen.stages)) == (True, 1)
    mine.write_text(replaced(RIGHT, [("1 - h_t**2", "1 - h_t")]), encoding="utf-8")
    with pytest.raises(CheckError) as wrong:
        check(CheckConfig(target=str(mine), seed=7))
    text = str(wrong.value)
    summary, wrong_line, mistake = text.splitlines()  # and no equations
    assert summary == "5 of 6 functions are right"
    assert wrong_line.startswith("rnn_step_backward on B 2, V 5, H 4: d_x_t: expected ")
    assert mistake == "Likely mistake: The slope of tanh is written 1 - h, without the square."
