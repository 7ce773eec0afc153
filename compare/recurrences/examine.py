"""Try all properties of a recurrence, and say of each in a record how it stands."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compare.forms import Case, CaseResult, Draws, find_conditions, search_cases
from compare.implementations import Target, describe_error, guess_cell_of_class
from compare.recurrences.building import read_recurrence
from compare.recurrences.identity import identify
from compare.recurrences.properties import (
    FEW,
    PROPERTIES,
    Property,
    needs_state,
    padding,
)
from compare.recurrences.record import Examined, Standing
from compare.recurrences.trial import NotTried, Trial
from compare.terminal import UsageError

NUM_CASES = 12


def examine_recurrence(target: Target, cell: str = "", seed: int = 0) -> Examined:
    """Read the recurrence that a target names, and try its properties; NotRead if none is found."""
    recurrence = read_recurrence(target, cell)
    trial = Trial(recurrence)
    named = cell or guess_cell_of_class([recurrence.name.partition("(")[0]])
    return Examined(
        recurrence.form.describe(recurrence.sizes),
        named,
        identify(trial, named),
        [*try_properties(trial, seed)],
        recurrence.name,
        recurrence.others,
    )


def try_properties(
    trial: Trial, seed: int = 0, properties: Sequence[Property] = PROPERTIES
) -> Iterator[Standing]:
    """Yield how each property stands. If outputs read later inputs, no state is accused."""
    is_causal = True
    for each in properties:
        draws = Draws(
            ("T", "B"),
            case=trial.draw,
            dtype="float64",
            longest=each.longest,
            widest=each.longest,
        )
        if each.compare is padding and not trial.recurrence.form.lengths:
            continue
        if why := each.find_lack(trial.recurrence):
            yield Standing(each.name, each.words, "not tried", why)
            continue
        standing = try_property(each, trial, draws, seed)
        is_causal = is_causal and (each.name, standing.verdict) != ("causal", "wrong")
        is_blamed = is_causal or each.find_lack is not needs_state
        yield standing if is_blamed else replace(standing, likely="")


def try_property(each: Property, trial: Trial, draws: Draws, seed: int) -> Standing:
    """Return how a property stands after some cases."""

    def compare(case: Case, quickly: bool) -> CaseResult:
        return each.compare(trial, case, quickly)

    try:
        found = search_cases(draws, compare, num_cases=NUM_CASES, seed=seed)
    except (NotTried, UsageError) as reason:
        return Standing(each.name, each.words, "not tried", str(reason))
    except Exception as error:  # of the user's code, which was read in another call
        why = f"a call raised {describe_error(error)}"
        return Standing(each.name, each.words, "not tried", why)
    smallest = found.smallest
    if smallest is None:
        if not found.compared:
            return Standing(each.name, each.words, "not tried", _explain(found.results))
        return Standing(each.name, each.words, "right", cases=len(found.compared))
    where = [f"They differ in {', '.join(smallest.failures)}."]
    if each.longest > FEW:
        sentences = find_conditions(draws, smallest, compare)
        where = [text for text in sentences if not _is_of_parameter(text, trial)]
    return Standing(
        each.name,
        each.words,
        "wrong",
        cases=len(found.results) + 1,
        case=smallest.case.describe(),
        finding=_describe(smallest),
        where=" ".join(where),
        likely=each.likely,
    )


def _is_of_parameter(condition: str, trial: Trial) -> bool:
    """Return whether a condition is one on the values of a parameter, which says little."""
    names = trial.recurrence.holder.parameters
    return any(condition.startswith(f"They differ only if {name} is ") for name in names)


def _explain(results: list[CaseResult]) -> str:
    """Return why no case was compared."""
    errors = [error for result in results for error in result.errors if error is not None]
    return f"a call raised {describe_error(errors[0])}" if errors else "no result is finite"


def _describe(result: CaseResult) -> str:
    """Return the first difference in time order, in words."""
    first = next((c for c in result.comparisons if not c.ok), None)
    if first is None:
        error = result.crash
        return f"one way raises {describe_error(error)}" if error else "one way is not finite"
    step = "" if first.step is None else f" at step {first.step}"
    return f"{first.tensor}{step}: {first.describe()}"
