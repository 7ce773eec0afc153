"""Examine a submission: try what is graded, name the likely mistakes, and try the rest."""

import re
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from compare.check.cases.boundaries import Trial, fill_sizes
from compare.check.cases.results import Item, ItemResult
from compare.check.config import CheckConfig, check_device
from compare.check.subjects.copies import find_copies
from compare.check.subjects.diagnosis import explain_results
from compare.check.subjects.explanation import describe_problem
from compare.check.subjects.features import (
    find_surface,
    find_wrong_combination,
    try_feature,
    try_features,
)
from compare.check.subjects.functions import (
    FunctionsSubject,
    call_reference,
    choose_stages,
    list_unfilled,
)
from compare.check.subjects.kernels import describe_left_out, examine_kernels, explain_stages
from compare.check.subjects.layer import (
    OF_KERNELS,
    OPTIONAL,
    TRIALS,
    LayerSubject,
    find_layout,
    list_parts,
)
from compare.check.subjects.properties import try_error_handling, try_properties
from compare.check.subjects.report import Report
from compare.check.subjects.stages import Stage
from compare.check.subjects.subject import Subject, search_further, try_items
from compare.check.subjects.training import TrainingResult, train
from compare.implementations import (
    CELLS,
    FITTING,
    TABLE,
    Flags,
    Layers,
    Notes,
    Source,
    Start,
    Submission,
    SubmissionFunctions,
    Trouble,
    Verdict,
    clean,
    demand_python,
    detect_cell,
    find_file_adapter,
    fits,
    parse_order,
    parse_target,
    read_layers,
    refuse_target,
    split_target,
    write_adapter,
)
from compare.terminal import CommandError, Terminal, UsageError, flag_of, read_sizes

Load = Callable[[], Submission]

OF_CLASSES = ("layout", "bias", "names", "device", "dtype", "tf32", "interpret", "compile_for")
"""The options that files of functions do not have, beside --strict."""


def find_source(config: CheckConfig) -> Source:
    """Return the source of the target; UsageError if a flag does not fit to it.

    RecordError if it is a layer in a file that cannot be read.
    """
    target = config.target
    if find_folder(target):
        raise UsageError(f"expected a file or a layer, got a folder: rnn-parity grade {target}")
    if find_file_adapter(target):
        read_layers(Path(split_target(target)[0]))  # RecordError if it cannot be read
    interpret = config.interpret or config.compile_for is not None
    calls, slowness = (300, 6) if interpret else (30, 1)  # a GPU's work, on the CPU
    try:
        source = parse_target(
            target,
            numpy_only=config.numpy_only,
            interpret=interpret,
            seconds=slowness * config.timeout,
            total=config.total_timeout or calls * config.timeout,
            gibibytes=config.memory,
        )
    except FileNotFoundError:
        missing = ", which does not exist" * target.endswith(".py")
        raise refuse_target(target, f"{missing}; rnn-parity new FILE writes a template") from None
    demand_python(source, target)
    for name in (*OF_CLASSES, "strict"):
        if getattr(config, name) and not source.name:
            flag = flag_of(name)
            raise UsageError(f"expected FILE:CLASS or MODULE:CLASS with {flag}, got {target}")
    if config.device:
        check_device(config.device)
    for name in ("stage", "no_train", "text", "optimizer"):
        if getattr(config, name) and source.name:
            raise UsageError(f"expected a file of functions with {flag_of(name)}, got {target}")
    return source


def find_folder(target: str) -> Path | None:
    """Return the folder of DIR or DIR:CLASS; None if the target is something else."""
    name, class_name = split_target(target)
    is_package = bool(class_name) and (Path(name) / "__init__.py").is_file()  # MODULE:CLASS
    return Path(name) if target and Path(name).is_dir() and not is_package else None


def make_loader(
    config: CheckConfig,
    source: Source,
    notes: Notes | None = None,
    start: Start | None = None,
) -> Load:
    """Return a function that loads the user's code in a new process, or in what `start` starts."""
    unfilled = list_unfilled(Path(source.file)) if source.file and not source.name else set()

    def load() -> Submission:
        try:
            ours = partial(call_reference, order=config.gates)
            found = Submission(source, ours, notes, start)
            found.names = [name for name in found.names if name not in unfilled]
            return found
        except Trouble as trouble:
            missing = re.match(r"ModuleNotFoundError: No module named '([\w.]+)'", trouble.got)
            if missing and f"{source.module}.".startswith(f"{missing[1]}."):
                why = f": no module named {missing[1]!r}"
                raise refuse_target(config.target, why) from None
            raise

    return load


def _show_spinner(terminal: Terminal) -> AbstractContextManager[object]:
    return terminal.console.status("trying …") if terminal.live else nullcontext()


def _without_results(items: Sequence[Item], trouble: Trouble) -> list[ItemResult]:
    return [ItemResult.from_trouble(item, trouble) for item in items]


def _find_trouble(error: Exception) -> Trouble:
    """Return why there is no result; a fault of the check itself is one, too."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, CommandError | OSError):
        raise error
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    message = clean(f"{type(error).__name__}: {error} ({where})")
    return Trouble("error", f"expected a result that the check can read, got {message}")


# Functions --------------------------------------------------------------------------------------


def examine_functions(config: CheckConfig, load: Load, terminal: Terminal) -> Report:
    """Check the functions of a file."""
    report = Report(config.target, "functions", config.cell or next(iter(CELLS)), config.seed)
    names: list[str] = []
    trouble = None
    try:
        with load() as submission:
            names = submission.names
    except Trouble as error:
        trouble = error
    report.form, report.cell, stages = choose_stages(names, config.cell)
    if trouble is None and not any(stage.name in names for stage in stages):
        report.notes.append(f"the file has none of them; for a class, give {config.target}:CLASS")
    order = parse_order(config.gates, report.cell)
    stated = read_sizes(config.size)
    if "layers" in stated:
        raise UsageError(f"expected a class with layers in --size, got functions: {config.target}")
    sizes = fill_sizes(stated) if stated else None
    subject = FunctionsSubject(load, report.cell, order, stages, config.seed, sizes=sizes)
    chosen = choose_stage(stages, config.stage)
    what = f"six functions of {CELLS[report.cell].title}"
    what = "CS231n's four functions" if report.form == "cs231n" else what
    filled = sum(stage.name in names for stage in stages)
    what = f"{filled} of the {what}" if 0 < filled < len(stages) else what
    what += f", gates in the order {config.gates} (as --gates says)" if config.gates else ""
    terminal.line(f"{clean(config.target)}: {what}, seed {config.seed}")
    if trouble is not None:
        report.stages = _without_results(chosen, trouble)
        return report
    try:
        with _show_spinner(terminal):
            report.stages = try_stages(subject, chosen, deep=config.deep)
        is_trained = report.form == "functions" and not config.no_train
        if is_trained and report.score == len(stages):
            report.training = _train(config, report.cell, load, terminal)
    except Exception as error:
        report.stages = _without_results(chosen, _find_trouble(error))
    _note_copies(config, report)
    return report


def _note_copies(config: CheckConfig, report: Report) -> None:
    """Note copies of the plain version; with --numpy-only they get no point."""
    copies = find_copies(Path(config.target))
    for source in dict.fromkeys(copies.values()):
        names = ", ".join(name for name, of in copies.items() if of == source)
        refused = "" if config.numpy_only else " (--numpy-only refuses that)"
        report.notes.append(f"copied from {source}, names aside: {names}{refused}")
    for k, result in enumerate(report.stages):
        if config.numpy_only and result.name in copies:
            words = f"a copy of {copies[result.name]}, which --numpy-only refuses"
            report.stages[k] = ItemResult.from_trouble(result.item, Trouble("error", words))


def choose_stage(stages: Sequence[Stage], names: str | None) -> list[Stage]:
    """Return all stages, or those of these names; UsageError if there is none of a name."""
    known = [stage.name for stage in stages]
    chosen = known if names is None else names.replace(" ", "").split(",")
    for name in chosen:
        if name not in known:
            raise UsageError(f"expected --stage to be one of {', '.join(known)}, got {name!r}")
    return [stage for stage in stages if stage.name in chosen]


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


def _train(config: CheckConfig, cell: str, load: Load, terminal: Terminal) -> TrainingResult:
    with load() as submission:
        functions = SubmissionFunctions(submission, cell, parse_order(config.gates, cell))
        return train(cell, functions, config.text, terminal, config.optimizer or "sgd")


# A class ----------------------------------------------------------------------------------------


def examine_class(config: CheckConfig, load: Load, terminal: Terminal) -> Report:
    """Check a recurrent layer: its three parts, then features, properties and error handling."""
    cell = config.cell or next(iter(CELLS))
    report = Report(config.target, "class", cell, config.seed, strict=config.strict)
    terminal.line(f"{clean(config.target)}: a recurrent layer, seed {config.seed}")
    submission = None
    try:
        with _show_spinner(terminal), load() as submission:
            submission.enter_model()
            report.notes += [submission.model] if submission.model else []
            report.adapter = submission.adapter
            report.form = "torch" if submission.adapter == "torch_module" else "class"
            report.cell = config.cell or detect_cell(submission) or cell
            layers = _make_layers(config, submission, report.cell)
            has_kernels = bool(submission.source.interpreter)
            trials = list_trials(config, OF_KERNELS if has_kernels else TRIALS)
            optional = {*OPTIONAL} - {*list_trials(config, ())}
            subject = LayerSubject(layers, config.seed, trials, optional=optional)
            report.stages = find_layout(subject)
            _describe_layout(config, subject.layers, report, terminal)
            explain_results(subject, report.stages)
            if has_kernels:
                explain_stages(report.stages, submission.notes.launched, subject.launched)
                operations = submission.notes.operations
                report.notes += describe_left_out(subject.left_out, operations)
            if report.stages[0].verdict == Verdict.RIGHT:
                _examine_more(config, subject, report)
            if subject.layers.forward_only and not report.adapter:
                without = Trouble("missing", "no method backward")
                report.stages += _without_results(list_parts(report.cell)[1:], without)
            elif subject.layers.forward_only:
                report.notes.append("forward only: gradients are not checked")
    except Exception as error:
        trouble = _find_trouble(error)
        report.stages = report.stages or _without_results(list_parts(report.cell), trouble)
        report.failed = str(trouble)
    if submission is not None and submission.source.interpreter:
        report.kernels = examine_kernels(report, submission.notes, submission.source, config)
    return report


def list_trials(config: CheckConfig, trials: Sequence[Trial]) -> Sequence[Trial]:
    """Return the cases of the simplest layer; those of --size come last."""
    stated = read_sizes(config.size)
    return (*trials, (fill_sizes(stated), "")) if {*stated} - {"layers"} else trials


def _make_layers(config: CheckConfig, submission: Submission, cell: str) -> Layers:
    order = parse_order(config.gates, cell)
    flags = Flags.parse(config.layout, config.bias, config.names, order)
    precision = "tf32" if config.tf32 else ""
    return Layers(submission, cell, config.dtype, config.device, precision, flags)


def _describe_layout(
    config: CheckConfig, layers: Layers, report: Report, terminal: Terminal
) -> None:
    """Print the layout that was detected; note what a class without results lacks."""
    forward = report.stages[0]
    if layers.conventions.names:
        words = "; ".join([layers.conventions.describe(layers.flags), *layers.look("forms")])
        terminal.line(f"Detected: cell {report.cell}, {words}", "dim")
    else:
        report.failed = describe_problem(forward)
    lacks_something = forward.got.startswith(("TypeError", "AttributeError"))
    needed = TABLE["needed"].get(report.adapter or "numpy")
    if lacks_something and needed:
        report.notes.append(needed)
    arguments = layers.arguments()
    if forward.verdict != Verdict.RIGHT and arguments and not fits(arguments):
        file, _, name = config.target.rpartition(":")
        report.notes.append("\n  ".join([FITTING, *write_adapter(name, file, arguments)]))


def _examine_more(config: CheckConfig, subject: LayerSubject, report: Report) -> None:
    """Check features; if all parts are right, also properties and error handling."""
    right = [result.name for result in report.stages if result.verdict == Verdict.RIGHT]
    report.features = try_features(subject, config.deep, right)
    report.features += find_wrong_combination(subject, report.features, right)
    stated = read_sizes(config.size)
    if stated.get("layers", 1) > 1:
        own = subject.vary([(fill_sizes(stated), "")], {"L": stated["layers"]})
        report.features.append(try_feature(own, f"{stated['layers']} layers of --size", right))
    if len(right) < len(report.stages):
        return
    if config.deep:
        subject.surface = find_surface(subject.layers, report.features)
        searched, report.stages = search_further(subject, report.stages)
        explain_results(searched, report.stages)
    report.properties = try_properties(subject.layers, report.features, config.seed, config.deep)
    report.error_handling = try_error_handling(subject.layers, report.properties)
