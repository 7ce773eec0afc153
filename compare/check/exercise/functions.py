"""The subject of six functions, or of CS231n's four: each function is a stage."""

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Self

import numpy as np

from compare.check.cases.boundaries import Sizes
from compare.check.cases.expected import Expected
from compare.check.cases.layer_case import Surface
from compare.check.cases.levels import lay_out
from compare.check.core.deep_search import DrawnCase
from compare.check.core.results import Attempt, Case, Diagnosis, Item, ItemResult
from compare.check.core.subject import Outcome, RunCase, Subject, try_item
from compare.check.core.symptoms import KEPT, explain_memory
from compare.check.exercise.cs231n import CS231N_STAGES
from compare.check.exercise.drawing import DTYPES, MEMORY, Kind
from compare.check.exercise.model import NAME, PARTS, make_stage
from compare.check.exercise.stages import STAGES, Stage, plain, run_quietly
from compare.implementations import (
    CELLS,
    COLUMNS,
    OTHER_CALLS,
    CallFailed,
    Order,
    Results,
    Submission,
    SubmissionFunctions,
    UnexpectedResult,
    Verdict,
    guess_cell_of_functions,
    parse_file,
    parse_order,
    translate_call,
)
from compare.mistakes import Mistake, PlainFunctions, list_mistakes
from compare.parity import Comparison, Move

FIELDS = {"dtype": DTYPES, "memory": MEMORY}  # of a case, for the search


def call_reference(name: str, args: Sequence[object], order: str | None = None) -> object:
    """Call the plain version's function of this name, with the gates in the order of --gates.

    A step has no options: those that a submission passes on to its own are left out.
    """
    cell, _, kind = name.partition("_")
    call = partial(plain(cell).call, name)
    if kind.startswith("step"):
        args = args[: len(CELLS[cell].list_arguments(kind))]
    result: object = translate_call(
        call, name, cell, args, parse_order(order, cell), CELLS[cell].gates
    )
    return result


@lru_cache(maxsize=1024)
def draw_cases(
    stage: Stage, seed: int, kinds: tuple[Kind, ...] = ()
) -> tuple[tuple[Case, Expected], ...]:
    """Draw a stage's cases, or one of each kind, and compute the right results of each."""
    return tuple((case, stage.expected(case)) for case in stage.draw(seed, kinds))


@dataclass
class FunctionsSubject(Subject):
    """Functions of a file, which `load` loads anew."""

    load: Callable[[], Submission]
    cell: str
    order: Order  # of the gates in their weights
    stages: tuple[Stage, ...]  # those that are tried
    seed: int
    drawn: DrawnCase | None = None  # one more case, which comes first
    is_alone: bool = False  # that case has no others after it
    sizes: Sizes | None = None  # of more cases, which come last
    is_called_once: bool = False  # a case makes no other calls before and after its own
    _drawn: dict[Stage, list[Case]] = field(default_factory=dict)
    _expected: dict[Case, Expected] = field(default_factory=dict)

    @property
    def fields(self) -> Surface:
        """The choices of a drawn case: the dtype and the memory."""
        return FIELDS

    @property
    def items(self) -> Sequence[Stage]:
        """The stages."""
        return self.stages

    def draw(self, item: Item) -> Sequence[Case]:
        """Draw the cases of a stage: the one of a search, the stage's own, and --size's."""
        stage = _require_stage(item)
        if stage not in self._drawn:
            cases: list[tuple[Case, Expected]] = []
            if (drawn := self.drawn) is not None:
                dtype, memory = (str(drawn.fields[name]) for name in FIELDS)
                kind = Kind(drawn.sizes, drawn.levels, dtype, memory)
                cases += draw_cases(stage, drawn.seed, (kind,))
            if not self.is_alone:
                cases += draw_cases(stage, self.seed)
            if self.sizes and not self.is_alone and stage.kind != "clip_grad_norm":  # has none
                stated = (Kind(self.sizes, dtype=dtype) for dtype in DTYPES)
                cases += draw_cases(stage, self.seed, (*stated,))
            self._expected |= dict(cases)
            self._drawn[stage] = [case for case, _ in cases]
        return self._drawn[stage]

    @contextmanager
    def open(self, attempt: Attempt) -> Iterator[RunCase]:
        """Load the functions; the reference replaces the functions that the attempt names."""

        def run(item: Item, case: Case) -> Outcome:
            stage, begins_with = _require_stage(item), attempt.begins_with
            functions = SubmissionFunctions(
                submission,
                self.cell,
                self.order,
                attempt.replaced,
                runs_forward_once=begins_with is not None,
            )
            is_alone = self.is_called_once or not case.is_called_again
            functions.other_calls = () if is_alone else OTHER_CALLS
            adapted = stage.adapt(submission) if stage.adapt else functions
            got = run_quietly(stage, adapted, case.inputs, case.memory)
            if begins_with is None:
                return got, self._expected[case]
            return got, _expect_at_own_states(stage, case, functions, begins_with)

        submission = self.load()
        yield run

    def list_mistakes(self, item: Item, wrong: Comparison) -> Iterator[Mistake]:
        """Yield the catalogue's mistakes of a stage, and other orders of the gates."""
        kind = _require_stage(item).kind
        return list_mistakes(self.cell, PARTS if kind == NAME else (kind,))

    def compute(self, mistake: Mistake, item: Item, case: Case, move: Move) -> Results:
        """Return the results of a stage on a case with a mistake."""
        stage = _require_stage(item)
        assert mistake.functions is not None
        inputs = lay_out(case.inputs, case.memory)
        return stage.run(stage.functions(mistake.functions), inputs, move)

    def extend(self, drawn: DrawnCase, *, alone: bool) -> Self:
        """Return the subject with one more case."""
        return replace(self, drawn=drawn, is_alone=alone, _drawn={}, _expected={})

    def try_item(self, item: Item, earlier: Sequence[ItemResult]) -> ItemResult:
        """Try a stage, and again in other ways if it is not right.

        So a mistake is reported once, where it is.
        """
        results: list[ItemResult] = []
        for attempt in self._list_attempts(item, earlier):
            result = try_item(self, item, attempt)
            if result.verdict == Verdict.RIGHT:
                note = self._describe_attempt(attempt)
                result.notes = [note] if note else []
                return result
            if attempt.begins_with is None:
                results.append(result)
            if result.verdict == Verdict.TIMEOUT:  # others would take as long
                break
        return self._choose_result(item, results, earlier)

    def _list_attempts(self, item: Item, earlier: Sequence[ItemResult]) -> Iterator[Attempt]:
        """Yield the ways to try a stage, with the reference in the place of broken helpers.

        A helper that timed out is replaced at once.
        """
        stage = _require_stage(item)
        broken = find_broken(stage, earlier)
        forward = f"{self.cell}_forward"
        steps = tuple(name for name in broken if name != forward)
        if broken.get(forward) == Verdict.TIMEOUT:
            yield Attempt((*steps, forward))
            return
        slow = tuple(name for name in steps if broken[name] == Verdict.TIMEOUT)
        attempts = [Attempt(slow), Attempt(steps)]
        if forward in broken:
            attempts.append(Attempt((*steps, forward)))
            if len(CELLS[self.cell].states) == 1:
                attempts += [Attempt(steps, begins_with) for begins_with in (1.0, 0.0)]
        yield from dict.fromkeys(attempts)

    def _choose_result(
        self, item: Item, results: Sequence[ItemResult], earlier: Sequence[ItemResult]
    ) -> ItemResult:
        """Return the most telling result if no attempt is right."""
        forward = find_broken(_require_stage(item), earlier).get(f"{self.cell}_forward", "")
        first = results[0]
        if forward == Verdict.TIMEOUT and first.wrong is None:  # its tape is another one
            problem = f"no tape, as {self.cell}_forward gives no result in time"
            no_tape = CallFailed(Verdict.TIMEOUT, problem)
            return ItemResult.from_failure(item, no_tape, case=first.case, cases=first.cases)
        if first.verdict in (Verdict.MISSING, Verdict.TIMEOUT):
            return first
        wrong = [r for r in results if r.verdict == Verdict.WRONG and r.wrong is not None]
        return wrong[0 if forward else -1] if wrong else first

    def _describe_attempt(self, attempt: Attempt) -> str:
        """Return what the reference gave to an attempt that is right; empty if nothing."""
        forward = f"{self.cell}_forward"
        if attempt.begins_with is not None:
            return f"as the gradient at the states that your {forward} returned"
        if forward in attempt.replaced:
            tape = ", ".join(CELLS[self.cell].tape)
            return f"with the tape ({tape}) of the reference's {forward}"
        if attempt.replaced:
            names = " and ".join(attempt.replaced)
            return f"with the reference's {names} instead of yours"
        return ""

    def diagnose_calls(self, result: ItemResult) -> Diagnosis | None:
        """Return which array is overwritten, or that something is kept between calls."""
        assert result.case is not None
        if diagnosis := explain_memory(result.comparisons):
            return diagnosis
        try:
            with replace(self, is_called_once=True).open(result.attempt) as run:
                got, expected = run(result.item, result.case)
        except CallFailed:
            return None
        is_right = expected is not None and all(c.ok for c in expected.compare(got))
        return KEPT if is_right else None


def choose_stages(names: Sequence[str], cell: str | None) -> tuple[str, str, tuple[Stage, ...]]:
    """Return the form of a file with these functions, its cell, and its stages."""
    cell = cell or guess_cell_of_functions(names)
    if f"{cell}_step_forward" in names and cell in CS231N_STAGES:
        return "cs231n", cell, CS231N_STAGES[cell]
    is_alone = NAME in names and not any(name.startswith(f"{cell}_") for name in names)
    return "functions", cell, (make_stage(cell),) if is_alone else STAGES[cell]


def list_functions(file: Path) -> dict[str, bool]:
    """Return the functions of a file, and whether each has more than a docstring or `pass`."""
    functions = _read_functions(file)
    return {f.name: bool(f.decorator_list) or not all(map(_is_nothing, f.body)) for f in functions}


def list_loss_functions(file: Path) -> list[str]:
    """Return the functions of a file that may be a lossFun: of inputs, targets and a state."""
    return [
        f.name
        for f in _read_functions(file)
        if len(f.args.args) - len(f.args.defaults) in (3, 4)
        and any(isinstance(s, ast.Return) and isinstance(s.value, ast.Tuple) for s in ast.walk(f))
    ]


def list_in_columns(file: Path) -> list[str]:
    """Return the functions of a file that are a layer, as ``rnn_forward(x, a0, parameters)`` is."""
    arguments = read_arguments(file)
    return [name for name in COLUMNS if arguments.get(name, [])[2:] == ["parameters"]]


def read_arguments(file: Path) -> dict[str, list[str]]:
    """Return the names of the arguments of each function of a file that has a name for each."""
    functions = (f for f in _read_functions(file) if f.args.vararg is None)
    return {f.name: [a.arg for a in f.args.args] for f in functions}


def _read_functions(file: Path) -> list[ast.FunctionDef]:
    try:
        tree = parse_file(file)
    except (OSError, SyntaxError, ValueError):  # the report says so
        return []
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def _is_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Return(None) | ast.Expr(ast.Constant()):  # such as a docstring
            return True
    return False


def find_broken(stage: Stage, earlier: Sequence[ItemResult]) -> dict[str, Verdict]:
    """Return the functions that a stage may call and that are not right, with their verdicts."""
    helpers = [result for result in earlier if result.name in stage.helped_by]
    return {r.name: r.verdict for r in helpers if r.verdict != Verdict.RIGHT}


def _require_stage(item: Item) -> Stage:
    assert isinstance(item, Stage)
    return item


def _expect_at_own_states(
    stage: Stage, case: Case, functions: SubmissionFunctions, begins_with: float
) -> Expected | None:
    """Return the right results at the states of the submission; None if they are not finite."""
    (_, h_0, *_), (output, *_) = functions.forward_pass
    shape = case.inputs["d_output"].shape
    if np.shape(output) != shape:
        raise UnexpectedResult(f"output of shape {shape}", f"{np.shape(output)}")
    states = np.concatenate([begins_with * h_0[None], output])
    if not np.isfinite(states).all():
        return None
    at_states = partial(PlainFunctions, states=states)
    right = stage.expected(case, at_states)
    if np.asarray(output).dtype.itemsize < states.dtype.itemsize:  # states in float32
        inputs = {name: np.asarray(value, np.float32) for name, value in case.inputs.items()}
        coarse = stage.expected(Case(case.description, inputs, "float32"), at_states)
        return replace(coarse, results=right.results)
    return right
