"""Check a recurrent layer: its three parts, then features, properties and error handling."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from compare.check.cases.boundaries import OF_GPUS, SIZES, SMALL, count_products, fill_sizes
from compare.check.cases.levels import Trial, list_trials, make_trials
from compare.check.core.config import CheckConfig
from compare.check.core.likely_mistake import explain_results, is_right_at_first
from compare.check.core.loading import (
    Load,
    fails_to_load,
    find_failure,
    list_skipped,
    list_without_results,
    show_spinner,
)
from compare.check.core.report import Report
from compare.check.core.result_text import describe_problem, summarize
from compare.check.core.results import ItemResult
from compare.check.core.subject import search_further, try_items
from compare.check.layers.features import (
    find_surface,
    find_wrong_combination,
    try_feature,
    try_features,
)
from compare.check.layers.gate_order import explain_with_other_order
from compare.check.layers.kernels import describe_left_out, examine_kernels, explain_stages
from compare.check.layers.layer import LayerSubject, find_layout, list_parts
from compare.check.layers.properties import try_error_handling, try_properties
from compare.implementations import (
    CELLS,
    COLUMNS,
    FAILED,
    LEFT_OUT,
    TABLE,
    CallFailed,
    UserLayerFactory,
    Verdict,
    clean,
    detect_cell,
    list_readings,
    parse_order,
    read_target,
)
from compare.terminal import Terminal, read_sizes

FURTHER = re.compile(r"(weight|bias)_(ih|hh|hr)_l(\d+_reverse|[1-9]\d*)")
"""PyTorch's names of the parameters of further layers, and of the reverse direction."""


def examine_class(config: CheckConfig, load: Load, terminal: Terminal) -> Report:
    """Check a recurrent layer: its three parts, then features, properties and error handling."""
    cell = config.base_cell or next(iter(CELLS))
    report = Report(config.target, "class", cell, config.seed, strict=config.strict)
    terminal.line(f"{clean(config.target)}: a recurrent layer, seed {config.seed}")
    submission = None
    try:
        with show_spinner(terminal), load() as submission:
            report.notes += [*list_skipped(submission), *filter(None, [submission.rest])]
            report.adapter = submission.adapter
            report.form = "torch" if submission.adapter == "torch_module" else "class"
            report.cell = config.base_cell or detect_cell(submission) or cell
            order = parse_order(config.gates, report.cell)
            options = config.dtype, config.device, "tf32" if config.tf32 else "", order
            layers = UserLayerFactory(submission, report.cell, *options)
            has_kernels = bool(submission.source.interpreter)
            optional = make_trials(sorted(OF_GPUS, key=count_products)) if has_kernels else ()
            few = list_trials((*SIZES[:4], *SMALL), 1)  # to interpret kernels takes long
            stated = _list_stated(config)
            trials = (*((*few, *optional) if has_kernels else list_trials()), *stated)
            subject = LayerSubject(layers, config.seed, trials, optional={*optional} - {*stated})
            report.stages = find_layout(subject)
            explain_results(subject, report.stages)
            subject = _try_other_cell(config, subject, report)
            subject, report.stages = explain_with_other_order(subject, report.stages)
            _describe_layout(config, subject.layers, report, terminal)
            if doubt := _find_doubt(config, subject.layers, report.stages[0]):
                report.misfit = doubt
                failure = CallFailed(Verdict.NOT_TRIED, doubt)
                report.stages = list_without_results(list_parts(report.cell), failure)
            if has_kernels:
                explain_stages(report.stages, submission.notes.launched, subject.launched)
                operations = submission.notes.operations
                report.notes += describe_left_out(subject.left_out, operations)
            if config.target.endswith(COLUMNS):
                report.notes.append("predictions are not compared, nor an LSTM's a0, da0 and c")
            if report.stages[0].verdict == Verdict.RIGHT:
                _examine_more(config, subject, report)
            if subject.layers.forward_only and not report.adapter:
                without = CallFailed("missing", "no method backward")
                report.stages += list_without_results(list_parts(report.cell)[1:], without)
            elif subject.layers.forward_only:
                report.notes.append("forward only: gradients are not checked")
            if config.strict and report.ok and fails_to_load(submission):
                report.failed = list_skipped(submission)[0]
    except Exception as error:
        failure = find_failure(error)
        report.stages = report.stages or list_without_results(list_parts(report.cell), failure)
        report.failed = str(failure)
        report.misfit = report.failed if failure.verdict == Verdict.NOT_TRIED else ""
    if submission is not None and submission.source.interpreter:
        report.kernels = examine_kernels(report, submission.notes, submission.source, config)
    return report


def _list_stated(config: CheckConfig) -> tuple[Trial, ...]:
    """Return the case of --size, if it states a size."""
    stated = read_sizes(config.size)
    return make_trials([fill_sizes(stated)] if {*stated} - {"layers"} else [])


def _describe_layout(
    config: CheckConfig, layers: UserLayerFactory, report: Report, terminal: Terminal
) -> None:
    """Print the layout that was detected; note what a class without results lacks."""
    forward = report.stages[0]
    if layers.conventions.names:
        has_fit = forward.verdict in (Verdict.RIGHT, Verdict.WRONG)
        layout = layers.conventions.describe(of_calls=has_fit)
        terminal.line(f"Detected: cell {report.cell}, {layout}", "dim")
        if forward.verdict == Verdict.WRONG and layers.conventions.unused:
            names = ", ".join(layers.conventions.unused)
            report.notes.append(f"parameters without a place in the layer may be why: {names}")
    else:
        report.failed = describe_problem(forward)
    unfit = [result for result in report.stages if result.verdict == Verdict.NOT_TRIED]
    if unfit and forward.verdict not in FAILED and not layers.submission.source.interpreter:
        ways = _show_ways(config, layers.submission.classes if forward in unfit else ())
        problem = describe_problem(unfit[0])
        report.misfit = problem if LEFT_OUT in problem else f"{problem}; {ways}"
        in_columns = config.target.endswith(COLUMNS)
        needed = TABLE["needed"].get("columns" if in_columns else report.adapter or "numpy")
        report.notes += [needed] if needed else []


def _find_doubt(config: CheckConfig, layers: UserLayerFactory, forward: ItemResult) -> str:
    """Return why wrong numbers may be another cell's; empty if they are a mistake.

    They are one if it is known, if a smaller case is right, or if the code states its form: by
    PyTorch's names, or by --gates. A layer with further layers or directions is not compared with
    one that has none.
    """
    further = [name for name in layers.conventions.unused if FURTHER.fullmatch(name)]
    if forward.verdict == Verdict.WRONG and further:
        needed = "num_layers=1 and bidirectional=False, as arguments, would leave them out"
        return f"it has further layers or directions ({', '.join(further[:2])}, …): {needed}"
    is_mistake = forward.diagnosis is not None or forward.cases > 1
    is_stated = layers.order or not layers.conventions.has_own_names
    if forward.verdict != Verdict.WRONG or is_mistake or is_stated:
        return ""
    several = len([*list_readings(layers.conventions, layers.cell, ())])
    ways = "1 way" if several == 1 else f"{several} ways"
    gates = ",".join(CELLS[layers.cell].gates)
    is_other = config.cell != config.base_cell
    cell = config.cell if is_other else CELLS[layers.cell].layer_title
    way = f"--gates {gates}, in its own order, compares it" if gates else _show_ways(config, ())
    return (
        f"it is not {cell}, with its names read in {ways}, and no known mistake gives its numbers "
        f"({summarize(forward)}): it may be another cell; if not, {way}"
    )


def _try_other_cell(config: CheckConfig, subject: LayerSubject, report: Report) -> LayerSubject:
    """Return the subject; with another cell, if the layer is right as that cell.

    Names of its own may be read in several ways, and each order of the gates is tried.
    """
    layers, forward = subject.layers, report.stages[0]
    if forward.wrong is None or (layers.forward_only and not report.adapter):
        return subject
    learned = layers.conventions
    several = list_readings(learned, layers.cell, layers.order) if learned.has_own_names else ()
    mistakes = subject.list_mistakes(forward.item, forward.wrong)
    others = {m.bug.name: m for m in mistakes if m.bug and m.other_layer}
    for layers.conventions, (name, mistake) in product((learned, *several), others.items()):
        again = replace(subject.vary(subject.trials, subject.changes), other=mistake.other_layer)
        stages = try_items(again) if is_right_at_first(again, forward.item) else []
        if stages and all(result.verdict == Verdict.RIGHT for result in stages):
            report.stages, report.another = stages, mistake.another
            report.is_asked = config.cell == name
            report.notes += [f"if this cell is meant: --cell {name}"] * (not report.is_asked)
            return again
    layers.conventions = learned
    if config.cell not in others:
        return subject
    asked = others[config.cell].other_layer
    subject = replace(subject.vary(subject.trials, subject.changes), other=asked)
    report.stages = try_items(subject)
    report.notes.append(
        f"compared with {config.cell}; the equations are nn.{report.cell.upper()}'s"
    )
    return subject


def _show_ways(config: CheckConfig, classes: Sequence[str]) -> str:
    """Return the commands for a class that does not fit: an adapter's, and those of others."""
    read = read_target(config.target)
    place, name = read.place, read.name.partition("(")[0]  # of an expression
    way = f"rnn-parity new --for {place}:{name} writes an adapter"
    way = "rnn-parity new FILE writes functions of another form" if name in COLUMNS else way
    way = "in an adapter, the comments say what is needed" if name == "Adapted" else way
    others = [f"rnn-parity check {place}:{other}" for other in classes if other != name]
    return f"{way}; other classes are there: {', '.join(others)}" if others else way


def _examine_more(config: CheckConfig, subject: LayerSubject, report: Report) -> None:
    """Check features; if all parts are right, also properties and error handling."""
    right = [result.name for result in report.stages if result.verdict == Verdict.RIGHT]
    report.features = [*try_features(subject, config.deep, right)]
    report.features += find_wrong_combination(subject, report.features, right)
    stated = read_sizes(config.size)
    if stated.get("layers", 1) > 1:
        stated_subject = subject.vary(make_trials([fill_sizes(stated)]), {"L": stated["layers"]})
        report.features.append(
            try_feature(stated_subject, f"{stated['layers']} layers of --size", right)
        )
    if len(right) < len(report.stages):
        return
    if config.deep:
        subject.surface = find_surface(subject.layers, report.features)
        searched, report.stages = search_further(subject, report.stages)
        explain_results(searched, report.stages)
    report.properties = try_properties(subject.layers, report.features, config.seed, config.deep)
    report.error_handling = try_error_handling(subject.layers, report.properties)
