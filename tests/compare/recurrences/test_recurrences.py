"""`check` reads any recurrence by calling it, and tries the properties of a cell of its own."""

import re
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from compare.check import CheckConfig, CheckError, check, command
from compare.check.core.report import Report
from compare.check.core.results import Item, ItemResult
from compare.check.layers.own import describe_identity, make_comparison
from compare.cli import main
from compare.forms import Case, CaseResult, Draws
from compare.implementations import CELLS, CallFailed, read_target
from compare.recurrences import Identity, examine_in_process
from compare.recurrences.building import list_candidates, load_module, read_recurrence
from compare.recurrences.examine import Examined, examine_recurrence, try_property
from compare.recurrences.identity import identify
from compare.recurrences.properties import Property, gradient
from compare.recurrences.trial import Trial
from compare.terminal import Terminal, UsageError
from tests.compare.recurrences import authors, cells, forms, script
from tests.compare.recurrences.standings import try_some

pytestmark = pytest.mark.usefixtures("in_this_process")

CELLS_FILE, FORMS_FILE = (Path(__file__).parent / f"{name}.py" for name in ("cells", "forms"))
FORMS = (forms, script, authors)


def examine(name: str) -> Examined:
    return examine_recurrence(read_target(f"{CELLS_FILE}:{name}"))


def list_wrong(examined: Examined) -> list[str]:
    return [s.name for s in examined.standings if s.verdict == "wrong" and s.name != "dtype kept"]


@pytest.mark.parametrize("cell", cells.CELLS, ids=lambda cell: cell.__name__)
def test_a_right_cell_has_all_properties(cell):
    examined = examine(cell.__name__)
    assert examined.identity.cell == ""
    assert {standing.name: standing.verdict for standing in examined.standings} == dict.fromkeys(
        (standing.name for standing in examined.standings), "right"
    )


@pytest.mark.parametrize(
    ("cell", "mistake"),
    [(cell, [*cells.MISTAKES][k % 4]) for k, cell in enumerate(cells.CELLS)],
    ids=lambda kind: kind.__name__,
)
def test_a_mistake_violates_its_property_alone(cell, mistake):
    violated = cells.MISTAKES[mistake]
    expected = [violated, "step"] if violated == "split" else [violated]
    assert list_wrong(examine(f"{cell.__name__}{mistake.__name__}")) == expected


@pytest.mark.parametrize(
    ("name", "violated"),
    [
        ("LooksAhead", "causal"),
        ("Remembers", "repeatable"),
        ("CountsChanges", "repeatable"),
        ("Blends", "repeatable"),
        ("Continues", "repeatable"),
        ("SineInBuffer", "results kept"),
        ("SineInDouble", "dtype kept"),
    ],
)
def test_each_property_finds_what_it_is_about(name, violated):
    standings = try_some(f"{CELLS_FILE}:{name}", violated, "split")
    assert standings[violated].verdict == "wrong"
    if violated == "causal":
        assert (standings["split"].verdict, standings["split"].likely) == ("wrong", "")


def test_a_kink_is_no_wrong_gradient():
    trial = Trial(read_recurrence(read_target(f"{CELLS_FILE}:Rectified")))
    arrays = trial.draw(np.random.default_rng(0), T=2, B=3)
    case = Case({"T": 2, "B": 3}, {}, arrays | {"state": 0 * arrays["state"]})
    point = trial.make_point(case)
    at_kink = point.differ("state", np.eye(3, 8))[0]
    assert at_kink != 0  # where PyTorch has slope 0
    assert not gradient(trial, case, False).differs


def test_a_state_that_does_not_begin_at_zero_is_no_mistake():
    standings = {standing.name: standing for standing in examine("BeginsElsewhere").standings}
    assert standings["default state"].why == "it begins at another state than zero"
    assert not [s for s in standings.values() if s.verdict == "wrong"]


@pytest.mark.parametrize("name", ["SineWithMemory", "SineOnAverage"])
def test_gradients_beside_parameters_and_means_accuse_nobody(name):
    examined = examine(name)
    assert examined.standings[0].verdict == "right"
    assert list_wrong(examined) == []


def test_a_backward_pass_of_numpy_is_read_by_its_numbers():
    assert list_wrong(examine("Sine")) == []
    for name, array in (("SineWithoutLeak", "state"), ("SineHalved", "params.U")):
        examined = examine(name)
        assert list_wrong(examined) == ["gradient"]
        assert examined.standings[0].where == f"They differ in gradient of {array}."


@pytest.mark.parametrize(
    ("file", "name", "row"),
    [(each.__file__, *item) for each in FORMS for item in each.FORMS.items()],
    ids=[name for each in FORMS for name in each.FORMS],
)
def test_a_form_is_read_by_calling_it(file, name, row):
    recurrence = read_recurrence(read_target(f"{file}:{name}"))
    form = recurrence.form
    assert (form.x, form.states, form.attributes) == (row.x, row.states, row.attributes)
    assert identify(Trial(recurrence)).cell == row.cell
    assert recurrence.calls <= row.calls


def test_a_standing_counts_the_cases_up_to_the_one_that_differs():
    compared = []

    def refuse_the_third(trial, case, quickly):
        compared.append(case)
        not_finite = ("output", "") if len(compared) > 2 else ("", "")
        return CaseResult(case, not_finite=not_finite)

    trial = Trial(read_recurrence(read_target(f"{CELLS_FILE}:Sine")))
    draws = Draws(("T", "B"), case=trial.draw)
    standing = try_property(Property(refuse_the_third, ""), trial, draws, 0)
    assert (standing.verdict, standing.cases) == ("wrong", 3)


def test_a_property_that_no_case_shows_is_not_tried():
    def refuse(trial, case, quickly):
        return CaseResult(case, errors=(ValueError("no"), ValueError("no")))

    trial = Trial(read_recurrence(read_target(f"{CELLS_FILE}:Sine")))
    draws = Draws(("T", "B"), case=trial.draw)
    standing = try_property(Property(refuse, ""), trial, draws, 0)
    assert (standing.verdict, standing.why) == ("not tried", "a call raised ValueError: no")


def test_a_recurrence_without_an_end_is_not_tried(monkeypatch):
    monkeypatch.setattr("compare.recurrences.process.SPARE_SECONDS", 0.0)
    with pytest.raises(CallFailed, match="no result within 1 s") as caught:
        examine_in_process(f"{CELLS_FILE}:Sine", "", seed=0, gibibytes=4.0, seconds=1.0)
    assert caught.value.verdict == "not tried"


# Through the command ----------------------------------------------------------------------------


def test_check_says_that_a_cell_of_its_own_has_its_properties():
    report = check(CheckConfig(target=f"{CELLS_FILE}:Leaky"))
    assert report.ok
    assert report.summary == "a cell of its own; 9 of 9 properties hold"


def test_check_shows_the_property_that_a_cell_violates():
    with pytest.raises(CheckError, match="8 of 9 properties hold") as caught:
        check(CheckConfig(target=f"{CELLS_FILE}:LeakyMixesRows"))
    assert "rows on T 1, B 2: output at step 1" in str(caught.value)
    assert "Something is mixed between the sequences of a batch." in str(caught.value)


def test_a_class_that_names_a_cell_and_is_another_one_is_wrong_unless_own_is_asked():
    target = f"{FORMS_FILE}:ScaledGRU"
    with pytest.raises(CheckError, match=r"^not nn.GRU in any of \d+ readings of its parameters; "):
        check(CheckConfig(target=target))
    assert check(CheckConfig(target=target, cell="own")).ok


def test_a_class_that_is_a_variant_of_the_cell_in_its_name_is_right_if_that_is_asked(capsys):
    target, cell = f"{FORMS_FILE}:PositiveMinGRU", "mingru-candidate-positive"
    assert main(["check", target]) == 1
    output = capsys.readouterr().out
    assert "  the minGRU in log space, which is not MinGRU, as its results show; " in output
    assert f"note: if this cell is meant: --cell {cell}\n" in output
    assert check(CheckConfig(target=target, cell=cell)).ok


def test_a_function_is_right_as_the_variant_that_is_asked():
    target, cell = f"{script.__file__}:a_group_for_each_gate", "gru-reset-before-product"
    assert check(CheckConfig(target=target, cell=cell)).ok


def test_a_right_layer_of_a_form_of_its_own_is_compared_with_its_cell():
    report = check(CheckConfig(target=f"{FORMS_FILE}:SeveralAxesLSTM"))
    assert report.summary.startswith("nn.LSTM, as its results show; ")
    assert report.cell == "lstm"


def test_a_file_without_the_template_is_searched_for_a_recurrence(tmp_path):
    """Its first of sequences is checked, as by its name; a step and what makes states are not."""
    file = tmp_path / "several.py"
    source = FORMS_FILE.read_text(encoding="utf-8").partition("ROWS = ")[0]
    file.write_text(
        source[: source.index("class TimeFirst")]
        + """
class Step(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h):
        return self.cell(x, h)


class Layer(Step):
    def forward(self, x, h):
        return torch.stack([h := self.cell(x_t, h) for x_t in x]), h


def init_state(batch_size, num_hiddens):
    return torch.zeros(batch_size, num_hiddens)
""",
        encoding="utf-8",
    )
    report = check(CheckConfig(target=str(file)))
    assert (report.target, report.cell, report.ok) == (f"{file}:Layer", "rnn", True)
    note = "no function of the template's form: Layer was checked; also there, as "
    assert f"{note}{file}:NAME: Step" in report.notes


def test_a_script_without_a_recurrence_is_searched_with_the_files_beside_it(tmp_path):
    (tmp_path / "cells_beside.py").write_bytes(Path(script.__file__).read_bytes())
    for line, name in (
        ("from cells_beside import FixedSizes", "FixedSizes"),
        ("import cells_beside as own", "own.FixedSizes"),
    ):
        file = tmp_path / f"of_{len(name)}.py"
        file.write_text(f"import torch\nfrom torch import nn\n{line}\n", encoding="utf-8")
        assert name in list_candidates(load_module(read_target(str(file))))
    assert "nn" not in list_candidates(load_module(read_target(str(file))))


def test_a_cell_whose_parameters_are_not_read_is_neither_right_nor_wrong():
    target = f"{script.__file__}:OneVectorGRU"
    with pytest.raises(UsageError, match=r"its parameters have no reading as those of nn\.GRU"):
        check(CheckConfig(target=target))
    assert check(CheckConfig(target=target, cell="own")).ok


def test_where_a_cell_of_a_known_name_differs_is_shown_with_its_mistake():
    identity = examine_recurrence(read_target(f"{script.__file__}:SaturatedLSTM")).identity
    assert re.match(r"h: \[.*\]: expected .*, got .* apart", identity.finding)
    assert identity.likely == "The sigmoid is used instead of tanh."
    found = make_comparison(identity, "lstm")
    assert (found.verdict, found.likely) == ("wrong", identity.likely)


def test_rows_that_are_mixed_where_axes_are_joined_are_found():
    examined = examine_recurrence(read_target(f"{FORMS_FILE}:MixedRows"))
    assert {"split", "causal", "rows", "step"} == {*list_wrong(examined)}


def test_what_cannot_be_read_is_not_checked():
    with pytest.raises(UsageError, match="was not checked"):
        check(CheckConfig(target=f"{FORMS_FILE}:NoRecurrence"))
    with pytest.raises(UsageError, match=r"was not checked: none of \d+ calls"):
        check(CheckConfig(target=f"{FORMS_FILE}:NoRecurrence", cell="own"))


@pytest.mark.parametrize(
    ("cell", "named", "is_another"),
    [
        ("gru", "gru", False),
        ("gru", "", False),
        ("lstm", "gru", True),
        ("gru-reset-before-product", "gru", True),
        ("", "", False),
        ("", "gru", True),
    ],
)
def test_a_cell_is_another_one_only_where_one_is_named(cell, named, is_another):
    found = Examined("x (T, B, V)", named, Identity(cell, "a title"))
    assert bool(describe_identity(found, named)[1]) == is_another


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_has_the_package_of_pytorch_in_its_title_if_it_is_there(cell):
    assert CELLS[cell].layer_title.startswith("nn.") == hasattr(nn, CELLS[cell].layer)


@pytest.mark.parametrize(
    ("cell", "score", "kept"), [("rnn", 1, False), ("own", 1, True), ("own", 0, False)]
)
def test_a_report_with_right_parts_gives_way_to_one_on_the_same_cell_alone(
    cell, score, kept, monkeypatch
):
    part = ItemResult(item=Item("forward", ""), verdict="right" if score else "not tried")
    known, own = (Report("a.py:A", "class", each, 0) for each in ("rnn", cell))
    known.stages = [part]
    monkeypatch.setattr(command, "examine_own", lambda *_: own)
    assert (
        command._choose(known, CheckConfig(target="a.py:A"), Terminal(quiet=True)) is known
    ) == kept
