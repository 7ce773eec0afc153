"""The form of a file of functions: which stages it has, and how it is loaded for them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from compare.check.core.config import CheckConfig
from compare.check.core.loading import Load, list_skipped
from compare.check.exercise.cs231n import CS231N_STAGES
from compare.check.exercise.functions import choose_stages, list_loss_functions
from compare.check.exercise.model import LOSS_FUNCTION, NAME, read_loss_function
from compare.check.exercise.stages import STAGES, Stage
from compare.implementations import (
    CELLS,
    COLUMNS,
    CallFailed,
    Verdict,
    detect_cell,
    list_bound,
    parse_file,
    parse_order,
)
from compare.terminal import UsageError

WAY = "rnn-parity new FILE writes the functions that are tried; one that calls yours is enough"

GRADED = {
    *(stage.name for stages in (*STAGES.values(), *CS231N_STAGES.values()) for stage in stages),
    *(NAME, *COLUMNS),
}
"""The functions of all forms, beside loss functions."""

FORMS = {"cs231n": "CS231n's four functions", "loss": "a loss function over global arrays"}
"""Each form in words, beside the functions of the template."""


@dataclass(slots=True)
class Form:
    """The stages that a file has, and how it is loaded for them."""

    name: str  # functions, cs231n, loss
    cell: str
    stages: tuple[Stage, ...]
    chosen: list[Stage]  # those of --stage
    load: Load
    functions: list[str]  # the names of those that it has
    loss_function: str = ""  # the one that has the name of a loss function
    detected: str = ""  # how the arrays of the loss function are read
    notes: list[str] = field(default_factory=list)
    failure: CallFailed | None = None  # why nothing can be tried
    misfit: str = ""  # the same, if the reason is another form

    def describe(self, gates: str | None) -> str:
        """Return in words which functions are tried, and the order of the gates if it is stated."""
        if self.name == "loss" and self.misfit:
            return "a function"
        title = FORMS.get(self.name, f"six functions of {CELLS[self.cell].title}")
        filled = sum(stage.name in self.functions for stage in self.stages)
        if self.name != "loss" and (0 < filled < len(self.stages) or self.misfit):
            title = f"{filled} of the {title}"
        return f"{title}, gates in the order {gates} (as --gates says)" if gates else title


def find_form(config: CheckConfig, load: Load, functions: Collection[str], name: str) -> Form:
    """Return the form of a file with these functions; `name` is the one that the target names."""
    loaded, classes, notes, failure = list[str](), list[str](), list[str](), None
    try:
        submission = load()
        loaded, classes, notes = submission.names, submission.classes, list_skipped(submission)
    except CallFailed as error:
        failure = error
    form_name, cell, stages = choose_stages(loaded, config.base_cell)
    template = {stage.name for stage in stages}
    chosen = choose_stage(stages, name if name in template else config.stage)
    form = Form(form_name, cell, stages, chosen, load, loaded, notes=notes, failure=failure)
    form.loss_function = next(filter(LOSS_FUNCTION.fullmatch, loaded), "")
    form.notes += list_other_cells(form)
    if failure is not None:
        return form
    if not template & {name, *loaded}:
        name = name or form.loss_function
    if name and name not in template:
        _read_loss_function(config, form, name)
    elif not template & {*loaded, *functions} and (functions or config.stage is None):
        form.misfit = list_ways(config.target, classes)
        form.failure = CallFailed(Verdict.NOT_TRIED, form.misfit)
    return form


def list_other_cells(form: Form) -> list[str]:
    """Return a note for each other cell whose functions the file has, too: they are not tried."""
    tried = {stage.name for stage in form.stages}
    notes = []
    for other in CELLS:
        stages = (*STAGES[other], *CS231N_STAGES.get(other, ()))
        names = [s.name for s in stages if s.name in form.functions and s.name not in tried]
        if other != form.cell and names:
            notes.append(f"also there: {', '.join(names)}; --cell {other} checks them")
    return notes


def _read_loss_function(config: CheckConfig, form: Form, name: str) -> None:
    """Make a loss function the only stage of a form; if it is not understood, state why."""
    form.name, form.load = "loss", partial(form.load, name)
    try:
        submission = form.load()
        cell = config.base_cell or detect_cell(submission) or next(iter(CELLS))
        order = parse_order(config.gates, cell)
        stage, form.detected = read_loss_function(submission, cell, order)
    except CallFailed as error:
        form.misfit, form.failure = f"{name} was not understood: {error}; {WAY}", error
        return
    form.cell, form.stages, form.chosen = cell, (stage,), choose_stage([stage], config.stage)
    form.notes.append("gradients stay below 5, where many clip: clipping is not tried")


def list_ways(file: str, classes: Sequence[str]) -> str:
    """Return the commands for a file without a function of the template."""
    commands = " or ".join(f"rnn-parity check {file}:{name}" for name in classes)
    ways = [f"for a class, {commands}"] if classes else []
    if names := ", ".join(list_loss_functions(Path(file))):
        ways.append(f"for a loss function, rnn-parity check {file}:NAME with one of {names}")
    return "; ".join(["it has no function of the template", *ways])


def has_assignment(file: Path, class_name: str = "") -> bool:
    """Return whether a file sets a name that is graded: the class, or else a function of a form.

    Nothing is run. A file that cannot be read may have it.
    """
    try:
        statements = parse_file(file).body if file.is_file() else []
    except (OSError, SyntaxError, ValueError):
        return True
    names = {name for statement in statements for name in list_bound(statement)}
    if class_name:
        return class_name.partition("(")[0] in names
    return bool(names & GRADED) or any(map(LOSS_FUNCTION.fullmatch, names))


def choose_stage(stages: Sequence[Stage], names: str | None) -> list[Stage]:
    """Return all stages, or the stages of these names; UsageError if a name has none."""
    known = [stage.name for stage in stages]
    chosen = known if names is None else names.replace(" ", "").split(",")
    for name in chosen:
        if name not in known:
            raise UsageError(f"expected --stage to be one of {', '.join(known)}, got {name!r}")
    return [stage for stage in stages if stage.name in chosen]
