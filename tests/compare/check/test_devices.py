"""Each level, boundary and other call of the cases has a fault that it alone shows.

The levels are those of `cases.toml`, the faults those of `students/devices.toml`: a level without a
fault is red, and so is a fault without its level, or one that other cases show, too.
"""

from collections.abc import Iterator

import pytest

from compare.check import STAGES
from compare.check.cases.boundaries import BLOCKS, CASES
from compare.check.core.results import ARGUMENT, SECOND, Attempt, Case
from compare.check.exercise import functions
from compare.check.exercise.cs231n import CS231N_STAGES
from compare.check.exercise.drawing import ALIASES
from compare.check.exercise.model import make_stage
from compare.implementations import OTHER_CALLS, CallFailed
from tests.compare.check.corpus import plain_source, replaced, table
from tests.compare.check.test_boundaries import FUNCTIONS, find_function
from tests.compare.check.test_loss_function import WHOLE
from tests.in_process import loader, subject_of

pytestmark = pytest.mark.usefixtures("quietly", "without_checks")

FORMS = *STAGES.values(), *CS231N_STAGES.values(), (make_stage("rnn"),)
TABLES = {"": "levels", " of logits": "levels_of_logits", " of gradients": "levels_of_clipping"}
FAULTS = dict(table("devices"))
BLOCKS_OF_FAULTS, CALLS = FAULTS.pop("blocks"), FAULTS.pop("calls")
ROWS = [
    pytest.param(base, argument, level, changes, id=f"{argument} {level}")
    for base, by_argument in FAULTS.items()
    for argument, faults in by_argument.items()
    for level, changes in faults.items()
]
BLOCK_ROWS = [
    (stage, letter, change)
    for stage in ("rnn_backward", "cross_entropy")
    for letter, change in BLOCKS_OF_FAULTS[stage].items()
]


def list_devices() -> Iterator[tuple[str, str]]:
    """Yield each level of each argument, and each row of sizes, but for usual use."""
    for suffix, name in TABLES.items():
        for argument, levels in CASES[name].items():
            own = argument + suffix if argument in ("memory", "form") else argument
            levels = [level.split()[-1] for level in levels] if argument == "form" else levels
            for level in dict.fromkeys(levels):
                if level != ("normal" if "normal" in levels else levels[0]):
                    yield own.replace("form", "dtype"), level
    sizes, small = CASES["sizes"], CASES["cross_entropy"]["boundaries"]
    for row in (*sizes["equal"], *sizes["ones"], *sizes["whole"], *small):
        yield "sizes", " ".join(map(str, row))


def has(case: Case, argument: str, level: str) -> bool:
    """Return whether a case has a level or the sizes of a row."""
    if argument == "sizes":
        sizes = [*case.sizes.values()]
        return sizes == [int(size) for size in level.split()][-len(sizes) :]
    if argument.partition(" ")[0] in ("memory", "dtype"):
        return level == getattr(case, argument.partition(" ")[0])
    by_name = {ALIASES.get(name, name): value for name, value in case.levels.items()}
    kind, _, other = by_name[argument].partition(" ")
    own = f"{kind} {ALIASES.get(other, other)}" if kind == "as" else by_name[argument]
    return own.removesuffix(" times max_norm") == level


def find_wrong(source: str, name: str, folder, most: int | None = None) -> dict[Case, set[str]]:
    """Return the cases of a function for which it is called wrong, and the tensors that are."""
    stages = next(each for each in FORMS if name in [stage.name for stage in each])
    stage = next(each for each in stages if each.name == name)
    subject = subject_of(loader(folder, source), stages)
    wrong: dict[Case, set[str]] = {}
    with subject.open(Attempt()) as run:
        for case in subject.draw(stage)[:most]:
            try:
                got, expected = run(stage, case)
            except CallFailed:
                wrong[case] = {"a result"}
            else:
                wrong[case] = {each.tensor for each in expected.compare(got) if not each.ok}
    return {case: tensors for case, tensors in wrong.items() if tensors}


def test_each_device_has_a_fault_and_each_fault_a_device():
    faults = {(row.values[1], str(row.values[2])) for row in ROWS}
    assert faults == set(list_devices())


@pytest.mark.parametrize(("base", "argument", "level", "changes"), ROWS)
def test_only_cases_of_a_device_show_its_fault(base, argument, level, changes, tmp_path):
    changes = [changes] if isinstance(changes[0], str) else changes
    name = find_function(FUNCTIONS[base], changes[0][0])
    wrong = find_wrong(replaced(FUNCTIONS[base], changes), name, tmp_path)
    assert wrong
    assert [case.description for case in wrong if not has(case, argument, level)] == []


@pytest.mark.parametrize(("stage", "letter", "change"), BLOCK_ROWS)
def test_each_size_of_a_block_shows_a_fault_that_it_alone_has(stage, letter, change, tmp_path):
    blocks = BLOCKS_OF_FAULTS["all"]
    source = replaced(FUNCTIONS["right"], [change]) + f"\n\nBLOCKS = {blocks}\n"
    wrong = find_wrong(source, stage, tmp_path)
    assert {case.sizes[letter] for case in wrong} == {*blocks} == {*BLOCKS}


def test_each_other_call_has_a_fault():
    assert {fault["call"] for fault in CALLS} == {*OTHER_CALLS}


@pytest.mark.parametrize("fault", CALLS, ids=lambda fault: fault["call"])
def test_another_call_alone_shows_its_fault(fault, tmp_path, monkeypatch):
    source = replaced(FUNCTIONS["right"], fault["changes"])
    name = find_function(FUNCTIONS["right"], fault["changes"][-1][0])
    assert find_wrong(source, name, tmp_path)
    monkeypatch.setattr(functions, "OTHER_CALLS", OTHER_CALLS - {fault["call"]})
    assert find_wrong(source, name, tmp_path) == {}


# Arguments --------------------------------------------------------------------------------------

CHANGED = """

def changed(*args, own={name}):
    result = own(*args)
    flat = [a for each in args for a in (each if isinstance(each, list) else [each])]
    [a for a in flat if isinstance(a, np.ndarray)][{number}][...] += 1
    return result


{name} = changed
"""
OF_ARGUMENTS = {
    "rnn_step": ["x_t", "h", "W_ih", "W_hh", "b_ih", "b_hh"],
    "rnn_forward": ["x", "h_0", "W_ih", "W_hh", "b_ih", "b_hh"],
    "rnn_step_backward": ["d_h_next", "x_t", "h", "h_next", "W_ih", "W_hh"],
    "rnn_backward": ["d_output", "d_h_n"],
    "cross_entropy": ["logits", "targets"],
    "rnn_step_forward": ["x", "prev_h", "Wx", "Wh", "b"],
    "loss_and_gradients": [
        *("inputs", "targets", "h_0", "W_ih", "W_hh", "b_ih", "b_hh", "W", "b"),
    ],
}
"""The arguments of each function that are compared after a call."""


@pytest.mark.parametrize(
    ("name", "number"),
    [(name, k) for name, names in OF_ARGUMENTS.items() for k in range(len(names))],
)
def test_an_argument_that_is_changed_is_found_by_itself(name, number, tmp_path):
    base = FUNCTIONS["CS231n" if name == "rnn_step_forward" else "right"]
    if name == "loss_and_gradients":
        base = plain_source("rnn").replace("rnn_", "own_") + WHOLE
    source = base + CHANGED.format(name=name, number=number)
    [tensors] = find_wrong(source, name, tmp_path, 1).values()
    argument = OF_ARGUMENTS[name][number] + ARGUMENT
    assert {tensor for tensor in tensors if not tensor.endswith(SECOND)} == {argument}
