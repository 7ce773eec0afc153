"""Print the three answers about two forms, and return them to a command or a test."""

from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from itertools import count

from rich.console import Console

from compare.forms.answer import EXACT, NUM_CASES, Answer, compare_forms
from compare.forms.comparison import CaseResult
from compare.forms.form import FormError
from compare.forms.opening import Subject, make_subject, open_forms
from compare.forms.search import Search
from compare.forms.shapes import Like, make_like
from compare.forms.values import Case, Draws, UsersCase
from compare.implementations import describe_error
from compare.parity import (
    Agreement,
    ParityError,
    ParityReport,
    UndecidableError,
    limited_threads,
    parity_verdict,
    show_parity,
)
from compare.terminal import Terminal, describe_range, plural

SIDES = ("A", "B")


def compare_subjects(
    subjects: tuple[Subject, Subject],
    terminal: Terminal,
    *,
    like: Like,
    case: UsersCase | None = None,
    dtype: str = "float32",
    seed: int = 0,
    devices: tuple[str, str] = ("cpu", "cpu"),
    num_cases: int = NUM_CASES,
) -> ParityReport:
    """Compare two functions, print the answers, and return the rows of the case that is shown.

    ParityError if they differ; UndecidableError if rounding decides; UsageError if they cannot be
    compared.
    """
    with limited_threads(1):
        forms, draws = open_forms(subjects, like, case, devices=devices, dtype=dtype)
        for name, subject in zip(SIDES, subjects, strict=True):
            terminal.line(f"{name}  {subject.title}")
        terminal.line(_describe_arguments(draws, subjects), "dim")
        try:
            answer = compare_forms(
                forms,
                draws,
                dtype=dtype,
                seed=seed,
                num_cases=num_cases,
                report_case=_make_progress(terminal),
                report_exact=lambda search: _show_search(
                    search, EXACT, "the same function", terminal
                ),
            )
        except FormError as error:
            raise ParityError(f"A and B cannot be compared: {error}") from None
    show(answer, terminal)
    demand_sameness(answer)
    return answer.report


def assert_same(
    f: Callable[..., object],
    g: Callable[..., object],
    *,
    like: dict[str, tuple[int | str, ...]] | None = None,
    case: UsersCase | None = None,
    dtype: str = "float32",
    seed: int = 0,
    num_cases: int = NUM_CASES,
) -> None:
    """Assert that two functions, or two classes, are the same function, with all gradients.

    Parameters
    ----------
    f, g : functions or classes
        They take and return arrays of NumPy, PyTorch or JAX.
    like : dict of str to tuple, optional
        The shape of each argument, from one call (``{"q": (2, 64, 4)}``) or with the names of sizes
        (``{"q": ("B", "T", "H")}``). Default: their jaxtyping annotations.
    case : function, optional
        ``case(rng, *, T, …)`` returns the arguments by name, as NumPy arrays, for sizes that are
        drawn. For gates in a range, lengths, positive decays.
    dtype : {"float32", "float64", "float16", "bfloat16"}
        The dtype in which they have to be equally exact.
    seed, num_cases : int
        Seed and number of the random cases.

    Raises
    ------
    AssertionError
        If they differ; its message is the report of ``rnn-parity parity``.
    UsageError
        If they cannot be compared.

    Examples
    --------
    >>> def test_scan():
    ...     assert_same(loop, scan, like={"a": ("T", "H"), "x": ("T", "H")})
    """
    a, b = (make_subject(each, getattr(each, "__name__", repr(each))) for each in (f, g))
    text = StringIO()
    terminal = Terminal(Console(file=text, width=100))
    try:
        compare_subjects(
            (a, b),
            terminal,
            like=make_like(like or {}),
            case=case,
            dtype=dtype,
            seed=seed,
            num_cases=num_cases,
        )
    except ParityError as error:
        raise AssertionError(f"{error}\n\n{text.getvalue()}") from None


def demand_sameness(answer: Answer) -> None:
    """Raise ParityError or UndecidableError unless both forms agree."""
    if answer.verdict is Agreement.DIFFERS:
        search = answer.last
        summary = "; ".join(answer.changes) or "they are not the same function"
        if search.smallest is not None and search.smallest.comparisons:
            summary = parity_verdict(answer.report, SIDES)[0].removeprefix("parity: ")
        raise ParityError(f"A and B: {summary}")
    if answer.verdict is Agreement.UNDECIDABLE:
        why = "rounding decides about a tensor in every case"
        raise UndecidableError(f"A and B: {why if answer.shown else 'no case could be compared'}")


# Output -----------------------------------------------------------------------------------------


def show(answer: Answer, terminal: Terminal) -> None:
    """Print the answers after the first, which is there: as exact, where."""
    if answer.exact is None:
        narrow = [n for n, form in zip(SIDES, answer.forms, strict=True) if not form.is_wide]
        verb = "compute" if len(narrow) == 2 else "computes"
        terminal.line(
            f"{EXACT}  not compared: {' and '.join(narrow)} {verb} in a coarser dtype", "yellow"
        )
    if answer.rounded is not None:
        _show_search(answer.rounded, answer.dtype, "as exact as rounding allows", terminal)
    terminal.line()
    if (shown := answer.shown) is None:
        return
    if answer.last.smallest is not None:
        terminal.line(f"A and B differ in this case, the smallest: {shown.case.describe()}")
    else:
        terminal.line(f"The largest difference is in this case: {shown.case.describe()}")
    if shown.comparisons:
        show_parity(answer.report, terminal, SIDES)
    for sentence in _list_differences(shown):
        terminal.line(sentence)
    for sentence in answer.conditions:
        terminal.line(sentence, "bold")
    if answer.rounded is None and answer.dtype != EXACT:
        terminal.line(f"{answer.dtype} is not compared", "dim")
    for change in answer.changes:
        terminal.line(change, "bold red")


def _show_search(search: Search, dtype: str, same: str, terminal: Terminal) -> None:
    """Print the result of a search in a line, and what kept cases from being compared."""
    if search.smallest is not None:
        terminal.line(f"{dtype}  not {same}", "bold red")
    elif not search.compared:
        terminal.line(f"{dtype}  no case could be compared", "yellow")
    else:
        share = max(result.share for result in search.compared)
        number = plural(len(search.compared), "case")
        sizes = _describe_sizes([result.case for result in search.compared])
        line = f"{dtype}  {same}: {number}, {sizes}; the largest difference is {share:.0%} of the"
        terminal.line(f"{line} tolerance", "green")
    for k, name in enumerate(SIDES):
        refused = [result for result in search.results if result.errors[k]]
        if refused:
            error = refused[0].errors[k]
            assert error is not None
            where = f"{len(refused)} of {len(search.results)} cases"
            terminal.line(
                f"         {name} raises in {where}: {describe_error(error)}; "
                f"first {refused[0].case.describe()}",
                "yellow",
            )


def _list_differences(result: CaseResult) -> Iterator[str]:
    """Yield what one form raised, what is not finite, and the first difference in time order."""
    for name, other, error, tensor in zip(
        SIDES, reversed(SIDES), result.errors, result.not_finite, strict=True
    ):
        if error:
            yield f"{name} raises {describe_error(error)}; {other} does not."
        if tensor:
            yield f"{name} is not finite in {tensor}; {other} is."
    first = next((c for c in result.comparisons if not c.ok), None)
    if first is None:
        return
    step = "" if first.step is None else f" at step {first.step}"
    described = first.describe().replace("expected", "A has").replace("got", "B has")
    yield f"First difference: {first.tensor}{step}, {described}"


def _describe_arguments(draws: Draws, subjects: Sequence[Subject]) -> str:
    """Return in a line the arguments and their shapes, and which ones keep their defaults."""
    if draws.case is not None:
        return f"   arguments from case(rng, {', '.join(draws.sizes)})"
    shapes = [f"{a.name} ({', '.join(map(str, a.axes))})" for a in draws.arguments]
    given = {name for argument in draws.arguments for name in argument.names}
    names = dict.fromkeys(name for subject in subjects for name in subject.call.names)
    left_out = [name for name in names if name not in given]
    words = f"; {', '.join(left_out)} as by default, unless --like has a shape" if left_out else ""
    return f"   {', '.join(shapes)}{words}"


def _describe_sizes(cases: list[Case]) -> str:
    """Return the smallest and the largest of each size in words."""
    return ", ".join(
        describe_range(name, [case.sizes[name] for case in cases]) for name in cases[0].sizes
    )


def _make_progress(terminal: Terminal) -> Callable[[Case], None]:
    """Return a function that is called with each case and prints a line from time to time."""
    numbers = count(1)

    def report_case(case: Case) -> None:
        number = plural(next(numbers), "case")
        terminal.line_at_times(f"{number} so far, now {case.describe()}")

    return report_case
