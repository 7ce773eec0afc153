"""The subject of a layer, which has three parts: forward, and two kinds of gradients.

Our own layer computes the right results in float64, and the tolerance in the layer's dtype.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Self

import numpy as np

from compare.check.cases.boundaries import SIZES
from compare.check.cases.choices import GAPS
from compare.check.cases.expected import Expected
from compare.check.cases.layer_case import SURFACE, LayerCase, Surface, make_case
from compare.check.cases.layer_results import (
    OF_ARGUMENTS,
    OUTPUTS,
    backward,
    build,
    expect,
    forward,
    run,
)
from compare.check.cases.levels import Trial, describe_levels, list_trials, make_trials
from compare.check.core.deep_search import DrawnCase
from compare.check.core.likely_mistake import Observation, gives
from compare.check.core.results import Attempt, Case, Item, ItemResult
from compare.check.core.subject import Outcome, RunCase, Subject, try_items
from compare.check.core.symptoms import explain_tensor
from compare.implementations import (
    CELLS,
    HOPELESS,
    INITIAL,
    LAST,
    CallFailed,
    LayerClass,
    Results,
    UserLayerFactory,
    Verdict,
    detect_conventions,
    list_equations,
)
from compare.kernels import Launch
from compare.mistakes import Mistake, list_layer_mistakes
from compare.parity import PERTURBATIONS, Comparison, Move

MOST_OPERATIONS = 1_000_000
"""The number of operations, 20 to 30 s, after which no `OPTIONAL` case is interpreted."""

PARTS = ("forward", "gradients of the parameters", "gradients of x and the state")

OPTIONS = {"nonlinearity", "bias", "L", "bidirectional", "batch_first", "projected", "dtype"}
"""The fields of a case that are arguments of the constructor; the others are passed to calls."""

NOT_SEARCHED = ("T", "B", "V", "H", "seed", "cell", "precision", "one_bias", "lacks")


@dataclass(frozen=True, slots=True)
class Passes:
    """The results of both passes of a layer on a case; with failure, only those before it."""

    got: Results
    expected: Expected
    failure: CallFailed | None


@dataclass
class LayerSubject(Subject):
    """A layer of a user's class, and the cases on which it is tried."""

    layers: UserLayerFactory
    seed: int
    trials: Sequence[Trial] = field(default_factory=list_trials)
    changes: Mapping[str, object] = field(default_factory=dict)  # fields of a case, for a feature
    surface: Surface = field(default_factory=dict)  # for the search
    other: LayerClass | None = None  # of another cell, whose results are right
    optional: Collection[Trial] = ()  # are left out if the interpreter takes too long
    _cases: dict[Trial, Case] = field(default_factory=dict)
    _passes: dict[Case, Passes | CallFailed] = field(default_factory=dict)
    _no_backward: CallFailed | None = None  # why a backward pass gave no result
    launched: dict[Case, Sequence[Launch]] = field(default_factory=dict)  # Triton's kernels
    left_out: dict[Case, None] = field(default_factory=dict)  # as the interpreter takes too long

    def __post_init__(self) -> None:
        self.cell = self.layers.cell
        self.is_slow = bool(self.layers.submission.source.interpreter)

    @property
    def items(self) -> Sequence[Item]:
        """The parts; of a layer without a backward pass only the first."""
        return list_parts(self.cell)[: 1 if self.layers.forward_only else None]

    @property
    def fields(self) -> Surface:
        """The choices of a drawn case."""
        return {name: tuple(v) for name, v in self.surface.items() if name not in NOT_SEARCHED}

    def draw(self, item: Item) -> Iterator[Case]:
        """Draw the cases, without those that would take the interpreter too long."""
        is_narrow = self.layers.precision or self.layers.dtype in GAPS
        for trial in dict.fromkeys(self.trials):
            if is_narrow and trial[1]:
                continue  # levels have float32's range
            if trial not in self._cases:
                self._cases[trial] = self._describe_trial(trial)
            if not self._takes_too_long(trial):
                yield self._cases[trial]

    def _describe_trial(self, trial: Trial) -> Case:
        (T, B, V, H), levels = trial
        case = build_case(self.layers, trial[0], self.seed, levels=levels, **self.changes)
        argument_levels = case.argument_levels
        description = ", ".join(
            filter(None, (f"T {T}, B {B}, V {V}, H {H}", describe_levels(argument_levels)))
        )
        letters = {"T": T, "B": B, "V": V, "H": H, "L": case.L}
        return Case(
            description,
            {"sizes": trial[0], "levels": levels},
            sizes=letters,
            levels=argument_levels,
        )

    def _takes_too_long(self, trial: Trial) -> bool:
        """Return whether the kernels have taken so long that an optional case is left out."""
        case = self._cases[trial]
        is_optional = trial in self.optional and case not in self._passes
        if is_optional and self.layers.submission.notes.operations > MOST_OPERATIONS:
            self.left_out[case] = None
        return case in self.left_out

    def make_layer_case(self, case: Case) -> LayerCase:
        """Return the pass through a layer that a case describes."""
        sizes, levels = case.inputs["sizes"], case.inputs["levels"]
        return build_case(self.layers, sizes, self.seed, levels=levels, **self.changes)

    @contextmanager
    def open(self, attempt: Attempt) -> Iterator[RunCase]:
        """Give what runs the layer on a case; its process has been started before."""
        yield self._run

    def _run(self, item: Item, case: Case) -> Outcome:
        """Run a part on a case; an argument of a call that a feature needs may be missing."""
        try:
            done = self._run_passes(case)
            if done.failure is not None and item.name != PARTS[0]:
                raise done.failure
        except CallFailed as failure:
            is_refusal = failure.kinds or "unbatched" in self.changes  # PyTorch may end the process
            if self.changes and is_refusal and not OPTIONS & self.changes.keys():
                failure.verdict = Verdict.MISSING
            raise
        return _select(done, item.name)

    def _run_passes(self, case: Case) -> Passes:
        """Run both passes on a case, once; CallFailed if the first one gives no result."""
        done = self._passes.get(case)
        if done is None:
            notes = self.layers.submission.notes
            notes.launched_here = []
            try:
                done = self._compute_passes(case)
            except CallFailed as failure:
                done = failure
            self._passes[case], self.launched[case] = done, notes.launched_here
        if isinstance(done, CallFailed):
            raise done
        return done

    def _compute_passes(self, case: Case) -> Passes:
        """Run both passes; after a backward pass without a result only the forward pass."""
        if not self.layers.conventions.names:
            self.layers.learn(*case.inputs["sizes"][2:])
        layer_case = self.make_layer_case(case)
        layer = build(self.layers, layer_case)
        got, tape = forward(layer, layer_case)
        if self._no_backward is None:
            try:
                got = got | backward(layer, layer_case, tape)
            except CallFailed as error:
                self._no_backward = error
        return Passes(got, expect(layer_case, self.other), self._no_backward)

    def gather(self, item: Item, case: Case, run: RunCase) -> Outcome:
        """Return all results with which a mistake of a part has to agree."""
        done = self._run_passes(case)
        if item.name == PARTS[0]:
            return _select(done, PARTS[0])
        if done.failure is not None:
            raise done.failure
        return done.got, done.expected

    def list_mistakes(self, item: Item, wrong: Comparison) -> Iterator[Mistake]:
        """Yield the catalogue's mistakes; copies of the package come last."""
        conventions = self.layers.conventions
        mistakes = list_layer_mistakes(
            self.cell,
            is_forward=item.name == PARTS[0],
            bidirectional=bool(self.changes.get("bidirectional")),
            copies=not wrong.problem,
            transposed=conventions.transposed,
        )
        is_stated = conventions.has_named_gates(self.cell)  # then no other order is meant
        return (replace(m, gates="") for m in mistakes) if is_stated else mistakes

    def compute(self, mistake: Mistake, item: Item, case: Case, move: Move) -> Results:
        """Return the results of a layer with a mistake on a case."""
        return run(mistake.layer, self.make_layer_case(case), move)

    def confirms(self, case: Case, wrong: Case) -> bool:
        """Return whether a case can confirm a mistake; none of a coarse arithmetic can."""
        one, other = self.make_layer_case(case), self.make_layer_case(wrong)
        return not one.precision and one.largest <= max(100.0, other.largest)

    def extend(self, drawn: DrawnCase, *, alone: bool) -> Self:
        """Return the subject with one more case, of other fields."""
        trials = ((drawn.sizes, drawn.levels), *make_trials(() if alone else SIZES[:4]))
        return self.vary(trials, drawn.fields, seed=drawn.seed)

    def vary(
        self, trials: Sequence[Trial], changes: Mapping[str, object], seed: int | None = None
    ) -> Self:
        """Return the layer with other cases."""
        return replace(
            self,
            trials=trials,
            changes=changes,
            seed=self.seed if seed is None else seed,
            _cases={},
            _passes={},
            _no_backward=None,
            launched={},
            left_out={},
        )

    def refuses(self, drawn: DrawnCase, verdicts: set[Verdict]) -> bool:
        """Return whether the layer refuses a combination of features, also at small sizes."""
        if not verdicts & {Verdict.ERROR, Verdict.MISSING}:
            return False
        small = self.extend(replace(drawn, sizes=SIZES[0], levels=()), alone=True)
        return any(result.verdict != Verdict.RIGHT for result in try_items(small))


def _select(done: Passes, part: str) -> Outcome:
    """Return the results of one part, and the right results."""
    got = {name: array for name, array in done.got.items() if find_part(name) == part}
    right = done.expected.results
    right_of_part = {name: array for name, array in right.items() if find_part(name) == part}
    return got, replace(done.expected, results=right_of_part)


@lru_cache
def list_parts(cell: str) -> tuple[Item, ...]:
    """Return the parts of a layer, with the cell's equations."""
    record = CELLS[cell]
    forward, backward = list_equations(record.forward), list_equations(record.backward)
    return tuple(Item(name, backward if "gradient" in name else forward) for name in PARTS)


def find_part(tensor: str) -> str:
    """Return the part that a tensor belongs to."""
    if tensor in OUTPUTS:
        return PARTS[0]
    return PARTS[2] if tensor in OF_ARGUMENTS else PARTS[1]


def build_case(
    layers: UserLayerFactory, sizes: Sequence[int], seed: int, **fields: object
) -> LayerCase:
    """Return a case for a user's layer."""
    dtype = layers.dtype or layers.own_dtype
    is_wide = dtype in ("float32", "float64")
    choices = {
        "cell": layers.cell,
        "dtype": dtype if is_wide else "float32",
        "precision": layers.precision if is_wide else dtype,
        "one_bias": layers.conventions.one_bias,
        "lacks": layers.conventions.lacks,
        "seed": seed,
        **list_fixed(layers),
    }
    choices |= dict(zip("TBVH", sizes, strict=True))
    return make_case(**(choices | fields))


def list_fixed(layers: UserLayerFactory) -> dict[str, object]:
    """Return the fields of each case that follow from what a layer lacks."""
    lacks = layers.conventions.lacks
    no_state = {"h0": False} if INITIAL in lacks else {}
    return no_state | ({"upstream": "output"} if LAST in lacks else {})


def name_mistake(passes: Sequence[tuple[LayerCase, Results]], *, transposed: bool = False) -> str:
    """Return the likely mistake of a layer that gives these results; empty if none is known.

    The first case shows the mistake; the others, of moderate size, confirm it.
    """
    case, got = passes[0]
    compared = [
        c for c in expect(case).compare(got) if c.tensor in got
    ]  # it may have no last state
    wrong = next((c for c in compared if not c.ok), None)
    if wrong is None:
        return ""
    part = find_part(wrong.tensor)
    observed = [_observe(layer_case, results, part) for layer_case, results in passes]
    mistakes = list_layer_mistakes(
        case.cell,
        is_forward=part == PARTS[0],
        bidirectional=case.bidirectional,
        copies=not wrong.problem,
        transposed=transposed,
    )
    for mistake in mistakes:
        computations = [partial(run, mistake.layer, layer_case) for layer_case, _ in passes]
        if all(map(gives, computations, observed)):
            return mistake.describe(names_option=False)
    diagnosis = explain_tensor(wrong.expected, wrong.got, float(np.max(wrong.allowed)))
    return diagnosis.words if diagnosis else ""


def _observe(case: LayerCase, got: Results, part: str) -> Observation:
    """Return the results with which a mistake of a part has to agree: later ones follow."""
    right = expect(case)
    observed = {n: a for n, a in got.items() if part != PARTS[0] or find_part(n) == part}
    return Observation(
        Case(case.describe()), right.results, right.tolerance(PERTURBATIONS), observed
    )


def find_layout(subject: LayerSubject) -> list[ItemResult]:
    """Detect the layout of a layer and try it; UsageError if a flag states another one."""
    try:
        detect_conventions(subject.layers)
    except CallFailed as failure:
        if failure.verdict in HOPELESS:  # each case would end so
            return [ItemResult.from_failure(item, failure) for item in subject.items]
    return try_items(subject)


def list_surface(layers: UserLayerFactory, missing: Sequence[Mapping[str, object]]) -> Surface:
    """Return the values of a case's fields for a layer without some features, given as fields."""
    simplest = build_case(layers, SIZES[0], 0)
    surface: dict[str, Sequence[object]] = dict(SURFACE)
    for name in ("cell", "precision", "one_bias", "lacks", *list_fixed(layers)):
        surface[name] = (getattr(simplest, name),)
    if layers.dtype:
        surface["dtype"] = (simplest.dtype,)
    for feature in missing:
        (name, value), *more = feature.items()
        if "dropout" in feature:
            surface["dropout"] = (0.0,)
        elif not more:
            default = getattr(simplest, name)
            surface[name] = tuple(v for v in surface[name] if v != value or v == default)
    return surface
