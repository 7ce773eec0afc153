"""Check the functions of a file: try each, and name the likely mistakes."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from compare.check.cases.boundaries import fill_sizes
from compare.check.core.config import CheckConfig
from compare.check.core.likely_mistake import explain_results
from compare.check.core.loading import (
    find_failure,
    list_without_results,
    make_loader,
    show_spinner,
)
from compare.check.core.report import Report
from compare.check.core.results import ItemResult
from compare.check.core.subject import Subject, search_further, try_items
from compare.check.exercise.form import WAY, Form, find_form
from compare.check.exercise.functions import (
    FunctionsSubject,
    call_reference,
    list_functions,
    read_arguments,
)
from compare.check.exercise.stages import Stage
from compare.implementations import (
    CELLS,
    CallFailed,
    Notes,
    Source,
    Start,
    Submission,
    Verdict,
    clean,
    parse_order,
    read_target,
)
from compare.terminal import Terminal, UsageError, read_sizes


def examine_functions(
    config: CheckConfig,
    source: Source,
    terminal: Terminal,
    notes: Notes | None = None,
    start: Start | None = None,
) -> Report:
    """Check the functions of a file, in one process, which loads it anew for each of them.

    If the source names one of them, it is a stage, or else a loss function.
    """
    functions = list_functions(Path(source.file))
    ours = partial(call_reference, order=config.gates)
    load = make_loader(config, replace(source, name=""), notes, start, ours)
    loaded: dict[str, Submission] = {}
    with ExitStack() as stack:

        def load_again(name: str = "") -> Submission:
            if name not in loaded:
                submission = loaded[name] = stack.enter_context(load(name) if name else load())
            else:
                submission = loaded[name]
                try:
                    submission.load()
                except CallFailed:  # after all that its code has done to its process
                    submission.load()  # in a new one
            submission.names = [name for name in submission.names if functions.get(name, True)]
            return submission

        form = find_form(config, load_again, functions, source.name)
        subject = _make_subject(config, form)
        title = f"{clean(config.target)}: {form.describe(config.gates)}, seed {config.seed}"
        if not form.misfit:
            terminal.line(title)
        if form.detected:
            terminal.line(f"Detected: cell {form.cell}, {form.detected}", "dim")
        with show_spinner(terminal):
            report = _try_form(config, form, subject)
        report.title = title * bool(form.misfit)
        return report


def _make_subject(config: CheckConfig, form: Form) -> FunctionsSubject:
    """Return the subject that draws the cases of a form, with those that --size states."""
    order = parse_order(config.gates, form.cell)
    stated = read_sizes(config.size)
    if "layers" in stated:
        raise UsageError(f"expected a class with layers in --size, got functions: {config.target}")
    sizes = fill_sizes(stated) if stated else None
    return FunctionsSubject(form.load, form.cell, order, form.stages, config.seed, sizes=sizes)


def _try_form(config: CheckConfig, form: Form, subject: FunctionsSubject) -> Report:
    """Try the chosen stages of a form, and return the report."""
    report = Report(config.target, form.name, form.cell, config.seed, notes=form.notes)
    report.misfit, failure = form.misfit, form.failure
    if failure is None:
        try:
            report.stages = try_stages(subject, form.chosen, deep=config.deep)
            failure = find_refusal(report.stages)
            file = read_target(config.target).path
            if failure is None and form.name == "functions":
                failure = find_other_arguments(report.stages, file, form.cell)
            report.misfit = f"{failure}; {_name_way(config, form)}" if failure else ""
        except Exception as error:
            failure = find_failure(error)
    if failure is not None:
        report.stages = list_without_results(form.chosen, failure)
    return report


def _name_way(config: CheckConfig, form: Form) -> str:
    """Return the command for a user whose functions take other arguments."""
    loss = form.loss_function
    return f"rnn-parity check {config.target}:{loss} checks its {loss}" if loss else WAY


def find_refusal(results: Sequence[ItemResult]) -> CallFailed | None:
    """Return why nothing could be tried, if all functions that are there take other arguments."""
    there = [result.got for result in results if result.verdict != Verdict.MISSING]
    names = "|".join(r.name for r in results if f"TypeError: {r.name}() " in r.got)
    refusal = re.compile(rf"TypeError: (({names})\(\) (?:takes|missing) .*argument.*)")
    if not names or not all(map(refusal.match, there)):
        return None
    return CallFailed(Verdict.NOT_TRIED, there[0].removeprefix("TypeError: "))


def find_other_arguments(results: Sequence[ItemResult], file: Path, cell: str) -> CallFailed | None:
    """Return why all that fails may have another form: most of its arguments have other names.

    A known mistake shows that its form is the template's.
    """
    there = [result for result in results if result.verdict != Verdict.MISSING]
    is_unknown = all(
        r.verdict == Verdict.ERROR or (r.verdict == Verdict.WRONG and r.diagnosis is None)
        for r in there
    )
    taken = read_arguments(file)
    for kind in ("step", "forward") if is_unknown else ():
        theirs, ours = taken.get(f"{cell}_{kind}", []), CELLS[cell].list_arguments(kind)
        plain = {name.lower().replace("_", "") for name in theirs}
        known = sum(name.lower().replace("_", "") in plain for name in ours)
        if theirs and known < len(ours) / 2:
            took, takes = ", ".join(theirs), ", ".join(ours)
            why = f"{cell}_{kind} takes ({took}), where the template's takes ({takes})"
            return CallFailed(Verdict.NOT_TRIED, why)
    return None


def try_stages(
    subject: FunctionsSubject, chosen: Sequence[Stage], *, deep: bool = False
) -> list[ItemResult]:
    """Try stages, after those whose functions they may call, and name the mistakes."""
    helpers = {name for stage in chosen for name in stage.helped_by}
    tried = [stage for stage in subject.stages if stage in chosen or stage.name in helpers]
    results = [result for result in try_items(subject, tried) if result.item in chosen]
    for k, result in enumerate(results):
        searched: Subject = subject
        if deep and result.verdict == Verdict.RIGHT:
            searched, [results[k]] = search_further(subject, [result])
        explain_results(searched, [results[k]])
    return results
