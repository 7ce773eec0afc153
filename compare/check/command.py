"""``rnn-parity check``: is this RNN right, what is wrong and where, and which mistake is likely."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

from compare.check.cases.parts import PartResult
from compare.check.config import CheckConfig, check_device
from compare.check.report.explanation import reason
from compare.check.report.folder import check_folder, folder_of
from compare.check.report.page import check_page, write_page
from compare.check.report.report import Report, check_can_write, notes_of, show, write_json
from compare.check.subjects.cs231n import CS231N_STAGES
from compare.check.subjects.diagnosis import (
    likely_mistake,
    lines_of_mistake,
    name_mistakes,
    with_remark,
)
from compare.check.subjects.features import missing_of, search_layer, try_features
from compare.check.subjects.layer import find_conventions, parts_of
from compare.check.subjects.properties import try_error_handling, try_properties
from compare.check.subjects.stages import STAGES, Stage, StageResult
from compare.check.subjects.symptoms import without_numbers
from compare.check.subjects.template import template_of
from compare.check.subjects.training import TrainingResult, train
from compare.check.subjects.trying import (
    cases_of,
    reference,
    search_stage,
    try_all,
)
from compare.files import naming
from compare.implementations import (
    CELLS,
    FITTING,
    TABLE,
    Flags,
    Layers,
    Notes,
    Source,
    Submission,
    SubmissionFunctions,
    Trouble,
    clean,
    compile_launches,
    describe_kernel,
    fits,
    guess_cell_of_class,
    guess_cell_of_functions,
    parse_order,
    parse_target,
    write_adapter,
)
from compare.terminal import (
    CommandError,
    Terminal,
    UsageError,
    flag_of,
    plural,
    refuse_options,
)

__all__ = ["CheckConfig", "CheckError", "check", "examine", "train_functions"]

Load = Callable[[], Submission]


class CheckError(CommandError):
    """Something that is required is missing or wrong."""


def check(config: CheckConfig, terminal: Terminal | None = None) -> Report | None:
    """Check a file or a class and print the report; with --new write a template.

    CheckError if something that is required is missing or wrong; UsageError, DeviceError or OSError
    if a flag, a file, a module or the device is not valid.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    if config.new is not None:
        cell = config.cell or guess_cell_of_class([config.new.stem]) or next(iter(CELLS))
        with naming(config.new):
            config.new.write_text(template_of(cell, config.new.name), encoding="utf-8")
        terminal.line(f"Written to {config.new}: six functions (cell {cell}). Fill in one, then:")
        terminal.line(f"  rnn-parity check {config.new}", "bold", whole=True)
        return None
    for path in filter(None, (config.json, config.gradescope)):
        check_can_write(path)
    if config.explain is not None:
        check_page(config.explain)
    if (folder := folder_of(str(config.target))) is not None:
        for name in ("gradescope", "watch", "explain"):
            if getattr(config, name):
                raise UsageError(f"expected a file with --{name}, got {config.target}")
        rows = check_folder(config, folder, terminal)
        right = sum(row["ok"] for row in rows)
        if right < len(rows):
            raise CheckError(f"{right} of {plural(len(rows), 'file')} are right")
        return None
    refuse_options(config, ["jobs"], "a folder with --jobs")
    source = source_of(config)
    if config.watch:
        watch(config, source, terminal)
    report = examine(config, terminal, source)
    if not report.ok:
        raise CheckError(report.summary if terminal.console.quiet else report.summary_below)
    return report


def examine(config: CheckConfig, terminal: Terminal, source: Source | None = None) -> Report:
    """Check a file or a class, and print the report."""
    source = source or source_of(config)
    notes = Notes()
    load = loader(config, source, notes)
    report = (examine_class if source.name else examine_functions)(config, load, terminal)
    if not report.adapter:
        report.notes += notes_of(notes)
    if config.no_equations:
        report.hide_equations()
    show(report, terminal)
    if config.json is not None:
        write_json(config.json, report.to_json())
    if config.gradescope is not None:
        write_json(config.gradescope, report.to_gradescope())
    if config.explain is not None:
        write_page(report, config.explain)
        terminal.line(f"  Written to {config.explain}: open it in a browser.", "dim", whole=True)
    return report


def watch(config: CheckConfig, source: Source, terminal: Terminal) -> None:
    """Check the file whenever it has changed, until Ctrl-C."""
    if not source.file:
        raise UsageError(f"expected a file with --watch, got {config.target}")
    seen = None
    while True:
        changed = Path(source.file).stat().st_mtime_ns if Path(source.file).exists() else seen
        if changed != seen:
            seen = changed
            examine(config, terminal, source)
            terminal.line()
            terminal.line("Waiting for the file to be saved; Ctrl-C ends this.", "dim")
        time.sleep(0.3)


# The target -------------------------------------------------------------------------------------


def source_of(config: CheckConfig) -> Source:
    """Return the source of the target; UsageError if a flag does not fit to it."""
    target = str(config.target)
    interpret = config.interpret or config.compile_for is not None
    calls = 300 if interpret else 30
    try:
        source = parse_target(
            target,
            numpy_only=config.numpy_only,
            interpret=interpret,
            seconds=config.timeout,
            total=config.total_timeout or calls * config.timeout,
            gibibytes=config.memory,
        )
    except FileNotFoundError:
        raise _no_such(target, "; --new FILE writes a template") from None
    if source.file and spec_from_file_location("", source.file) is None:
        raise UsageError(f"expected a file of Python, such as my_rnn.py, got {target}")
    of_class = ("layout", "bias", "names", "device", "dtype", "tf32", "interpret", "compile_for")
    for name in (*of_class, "strict"):
        if getattr(config, name) and not source.name:
            flag = flag_of(name)
            raise UsageError(f"expected FILE:CLASS or MODULE:CLASS with {flag}, got {target}")
    if config.device:
        check_device(config.device)
    for name in ("stage", "no_train", "text"):
        if getattr(config, name) and source.name:
            raise UsageError(f"expected a file of functions with {flag_of(name)}, got {target}")
    return source


def _no_such(target: str, more: str) -> UsageError:
    got = f"{target!r}" + ", which does not exist" * target.endswith(".py")
    return UsageError(f"expected a file, FILE:CLASS or MODULE:CLASS, got {got}{more}")


def loader(config: CheckConfig, source: Source, notes: Notes | None = None) -> Load:
    """Return a function that loads the user's code in a new process."""

    def load() -> Submission:
        try:
            return Submission(source, partial(reference, order=config.gates), notes)
        except Trouble as trouble:
            missing = re.match(r"ModuleNotFoundError: No module named '([\w.]+)'", trouble.got)
            if missing and f"{source.module}.".startswith(f"{missing[1]}."):
                raise _no_such(str(config.target), f": no module named {missing[1]!r}") from None
            raise

    return load


# Functions --------------------------------------------------------------------------------------


def examine_functions(config: CheckConfig, load: Load, terminal: Terminal) -> Report:
    """Check the functions of a file."""
    cell = config.cell or next(iter(CELLS))
    report = Report(str(config.target), "functions", cell, config.seed, [])
    stages: tuple[Stage, ...] = STAGES[cell]
    trouble = None
    try:
        with load() as submission:
            names = submission.names
        report.cell = config.cell or guess_cell_of_functions(names)
        stages = STAGES[report.cell]
        if f"{report.cell}_step_forward" in names and report.cell in CS231N_STAGES:
            report.form, stages = "cs231n", CS231N_STAGES[report.cell]
        if not any(stage.name in names for stage in stages):
            report.notes.append(
                f"the file has none of them; for a class, give {config.target}:CLASS"
            )
    except Trouble as error:
        trouble = error
    chosen = _chosen(stages, config.stage)
    what = f"six functions of {CELLS[report.cell].title}"
    what = "CS231n's four functions" if report.form == "cs231n" else what
    what += f", gates in the order {config.gates} (as --gates says)" if config.gates else ""
    terminal.line(f"{clean(str(config.target))}: {what}, seed {config.seed}")
    if trouble is not None:
        report.stages = [PartResult.without(stage, trouble) for stage in chosen]
        return report
    try:
        with _spinner(terminal):
            report.stages = try_chosen(load, stages, chosen, config)
        if report.form == "functions" and report.score == len(stages) and not config.no_train:
            report.training = _train(config, report.cell, load, terminal)
    except Trouble as error:
        report.stages = [PartResult.without(stage, error) for stage in chosen]
    return report


def train_functions(config: CheckConfig, cell: str) -> TrainingResult:
    """Train six right functions in lock-step with PyTorch."""
    return _train(config, cell, loader(config, source_of(config)), Terminal(quiet=True))


def _train(config: CheckConfig, cell: str, load: Load, terminal: Terminal) -> TrainingResult:
    with load() as submission:
        functions = SubmissionFunctions(submission, cell, parse_order(config.gates, cell))
        return train(cell, functions, config.text, terminal)


def _spinner(terminal: Terminal) -> AbstractContextManager[Any]:
    return terminal.console.status("trying …") if terminal.live else nullcontext()


def _chosen(stages: tuple[Stage, ...], name: str | None) -> tuple[Stage, ...]:
    chosen = tuple(stage for stage in stages if name in (None, stage.name))
    if not chosen:
        names = ", ".join(stage.name for stage in stages)
        raise UsageError(f"expected --stage to be one of {names}, got {name!r}")
    return chosen


def try_chosen(
    load: Load, stages: tuple[Stage, ...], chosen: tuple[Stage, ...], config: CheckConfig
) -> list[PartResult]:
    """Try the chosen stages, after those whose functions they may call: ours may replace them."""
    helpers = {name for stage in chosen for name in stage.helped_by}
    tried = tuple(stage for stage in stages if stage in chosen or stage.name in helpers)
    return [result for result in try_stages(load, tried, config) if result.stage in chosen]


def try_stages(load: Load, stages: tuple[Stage, ...], config: CheckConfig) -> list[StageResult]:
    """Try stages, search further with `deep`, and find the likely mistake of each wrong one."""
    order = parse_order(config.gates, stages[0].cell)
    results = try_all(load, stages, config.seed, order)
    for k, (stage, result) in enumerate(zip(stages, results, strict=True)):
        result.tried = [case.sizes for case, _ in cases_of(stage, config.seed)[: result.cases]]
        if config.deep and result.verdict == "right":
            with load() as submission:
                results[k] = result = search_stage(result, submission, config.seed, order=order)
        result.likely = without_numbers(result)
        if result.wrong is not None:
            with suppress(Trouble), load() as submission:
                functions = SubmissionFunctions(submission, stage.cell, order, result.replaced)
                words = likely_mistake(result, functions, config.seed)
                result.likely_lines = lines_of_mistake(words, stage.cell)
                result.likely = with_remark(words)
        result.stage = stage
    return results


# A class ----------------------------------------------------------------------------------------


def examine_class(config: CheckConfig, load: Load, terminal: Terminal) -> Report:
    """Check a recurrent layer: its three parts, then features, properties and error handling."""
    cell = config.cell or next(iter(CELLS))
    report = Report(str(config.target), "class", cell, config.seed, [], strict=config.strict)
    terminal.line(f"{clean(str(config.target))}: a recurrent layer, seed {config.seed}")
    try:
        with _spinner(terminal), load() as submission:
            report.adapter = submission.adapter
            report.form = "torch" if submission.adapter == "torch_module" else "class"
            report.cell = config.cell or guess_cell_of_class(submission.kinds) or cell
            order = parse_order(config.gates, report.cell)
            flags = Flags.parse(config.layout, config.bias, config.names, order)
            precision = "tf32" if config.tf32 else ""
            layers = Layers(submission, report.cell, config.dtype, config.device, precision, flags)
            report.stages = find_conventions(layers, config.seed)
            forward = report.stages[0]
            if layers.conventions.names:
                conventions = "; ".join([layers.conventions.describe(flags), *layers.look("forms")])
                terminal.line(f"Detected: cell {report.cell}, {conventions}", "dim")
            else:
                report.failed = reason(forward)
            lacks_something = forward.got.startswith(("TypeError", "AttributeError"))
            needed = TABLE["needed"].get(report.adapter or "numpy")
            if lacks_something and needed:
                report.notes.append(needed)
            arguments = layers.arguments()
            if forward.verdict != "right" and arguments and not fits(arguments):
                file, _, name = str(config.target).rpartition(":")
                lines = write_adapter(name, file, arguments)
                report.notes.append("\n  ".join([FITTING, *lines]))
            transposed = layers.conventions.is_transposed
            name_mistakes(report.stages, report.cell, transposed=transposed)
            if forward.verdict == "right":
                _examine_more(report, layers, config)
            if submission.source.interpreter:
                report.kernels = examine_kernels(submission, config)
            if layers.forward_only and not report.adapter:
                without = Trouble("missing", "no method backward")
                gradients = parts_of(report.cell)[1:]
                report.stages += [PartResult.without(part, without) for part in gradients]
            elif layers.forward_only:
                report.notes.append("forward only: gradients are not checked")
    except Trouble as trouble:
        parts = parts_of(report.cell)
        report.stages = report.stages or [PartResult.without(part, trouble) for part in parts]
        report.failed = str(trouble)
    return report


def examine_kernels(submission: Submission, config: CheckConfig) -> list[dict[str, str]]:
    """Compile the kernels that the module has launched, and return an entry for each."""
    submission.revive()
    launches = submission.launches()
    if not launches:
        return [{"name": "kernels", "verdict": "wrong", "found": "no Triton kernel was launched"}]
    if config.compile_for is None:
        return []
    used = compile_launches(launches, config.compile_for, submission.source.folders)
    return [describe_kernel(one, config.compile_for, tf32=config.tf32) for one in used]


def _examine_more(report: Report, layers: Layers, config: CheckConfig) -> None:
    """Check features; if all parts are right, also properties and error handling."""
    right = [result.stage.name for result in report.stages if result.verdict == "right"]
    report.features = try_features(layers, config.seed, config.deep, right)
    if len(right) == len(report.stages):
        missing = missing_of(report.features)
        if config.deep:
            report.stages = search_layer(layers, report.stages, missing, config.seed)
            name_mistakes(report.stages, report.cell, transposed=layers.conventions.is_transposed)
        report.properties = try_properties(layers, missing, config.seed, config.deep)
        report.error_handling = try_error_handling(layers, report.properties)
