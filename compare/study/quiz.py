"""``rnn-parity break``: see what a bug does, guess what it is, and see what catches it."""

from __future__ import annotations

import dataclasses
import random
import sys
from typing import Any

import numpy as np
from rich.text import Text

import scratch_rnn
from compare.check import BUGS, GROUPS, Bug, Finding, find_bug, table_of
from compare.parity import show_parity
from compare.study.config import BreakConfig
from compare.terminal import CommandError, Curve, Terminal, legend, plot
from scratch_rnn.text import load_text
from scratch_rnn.text.corpus import sample_text
from scratch_rnn.text.load import load_corpus

CHOICES = 4
WRITTEN = 30

# The training that is shown: a second's worth, and long enough for a network that learns to write
# words. The state is carried, so that bugs in carrying it can be seen.
B, T, H, TOKENS, LR, EPOCHS = 8, 20, 48, 4_000, 1.0, 30


class NotCaught(CommandError):
    """A bug that no law catches, or another than the catalogue says; the message is one line."""


def break_it(config: BreakConfig, terminal: Terminal | None = None) -> None:
    """Show the catalogue, or one bug.

    Raises
    ------
    UsageError, scratch_rnn.text.DataError
        If there is no such bug or text.
    NotCaught
        If the judge doesn't catch a bug as the catalogue says.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    if config.bug == "list":
        show_list(terminal)
    elif config.bug == "all":
        try_all(terminal)
    else:
        bug = find_bug(config.bug)
        finding = caught(bug)
        show_symptom(bug, finding, config, terminal)
        if not config.yes and terminal.live and sys.stdin.isatty():
            guess(bug, terminal)
        show_answer(bug, finding, terminal)


def caught(bug: Bug) -> Finding:
    """Return what the judge finds.

    Raises
    ------
    NotCaught
        If it finds nothing, or another law broken than the catalogue says.
    """
    finding = bug.judge()
    if finding is None or finding.check.name != bug.caught_by:
        found = "nothing" if finding is None else repr(finding.check.name)
        raise NotCaught(f"expected {bug.name} to be caught by {bug.caught_by!r}, got {found}")
    return finding


# The catalogue --------------------------------------------------------------------------------


def show_list(terminal: Terminal) -> None:
    """Print name, story and law of each bug."""
    for group, members in GROUPS.items():
        terminal.line(group, "bold")
        for bug in members:
            _entry(terminal, bug.name, bug.story, f"caught by {bug.caught_by!r}")
        terminal.line()
    terminal.line(f"{len(BUGS)} bugs. `break NAME` shows one, `break all` tries them all.")


def try_all(terminal: Terminal) -> None:
    """Apply each bug and print what catches it, after how many cases, and where."""
    for number, bug in enumerate(BUGS, start=1):
        finding = caught(bug)
        cases = "1 case" if finding.cases == 1 else f"{finding.cases} cases"
        _entry(
            terminal,
            f"{number:2} {bug.name}",
            f"caught by {finding.check.name!r} after {cases}",
            where(finding),
        )
    terminal.line(f"{len(BUGS)} bugs, each of them caught.", "green")


def _entry(terminal: Terminal, name: str, *details: str) -> None:
    """Print a name, and indented below it what there is to say."""
    terminal.line(name, "cyan")
    for detail in details:
        _wrapped(terminal, Text(detail), 4)


def _paragraph(terminal: Terminal, head: str, text: str) -> None:
    """Print a paragraph with a word before it."""
    words = Text(f"{head}: ", "bold") if head else Text()
    _wrapped(terminal, words.append(text, "default"), 2)


def _wrapped(terminal: Terminal, text: Text, indent: int) -> None:
    """Print a text in lines that are broken between words, all of them indented."""
    width = max(terminal.console.width - indent, 20)
    for line in text.wrap(terminal.console, width):
        line.rstrip()
        terminal.console.print(Text(" " * indent).append_text(line), soft_wrap=True)


def where(finding: Finding) -> str:
    """Name tensor and time step in a few words."""
    tensor = finding.tensor or finding.detail
    return tensor if finding.step is None else f"{tensor}, step {finding.step}"


# One bug --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Training:
    """How a package fared in the short training that is shown."""

    perplexities: tuple[float, ...] = ()
    first_loss: float = np.nan
    first_grad_norm: float = np.nan  # before clipping
    written: str = ""
    error: str = ""

    @property
    def outcome(self) -> str:
        """The last perplexity, or what stopped the training."""
        if self.error:
            return self.error
        return f"perplexity {self.perplexities[-1]:.2f} at the end"


def short_training(package: Any, text: scratch_rnn.text.Text) -> Training:
    """Train the package's own model on the package's own batches."""
    corpus, vocab = load_corpus(text, max_tokens=TOKENS)
    perplexities: list[float] = []

    def new_model() -> Any:
        rng = np.random.default_rng(0)
        return package.RNNModel(package.RNN(len(vocab), H, rng=rng), len(vocab), rng=rng)

    with np.errstate(all="ignore"):
        try:
            batches = package.text.Batches(corpus, B, T)
            model = new_model()
            optimizer = package.SGD(model.parameters, LR)
            first = package.train_step(model, next(batches.epoch(0)), None, optimizer)
            model = new_model()
            package.train(
                model,
                batches,
                LR,
                EPOCHS,
                carry_state=True,
                on_epoch=lambda _, result: perplexities.append(result.perplexity),
            )
            prefix = "".join(vocab.to_tokens(corpus[:8]))
            written = package.predict(prefix, WRITTEN, model, vocab)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            return Training(tuple(perplexities), error=f"{type(error).__name__}: {reason}")
    return Training(tuple(perplexities), first.loss, first.grad_norm, written)


def show_symptom(bug: Bug, finding: Finding, config: BreakConfig, terminal: Terminal) -> None:
    """Show what somebody sees who has the bug and doesn't know it."""
    terminal.line("The symptom", "bold")
    shown = False
    if bug.package == "scratch_rnn":
        text = sample_text() if config.text is None else load_text(config.text)
        right, wrong = short_training(scratch_rnn, text), short_training(bug.load(), text)
        if right == wrong:
            _paragraph(
                terminal,
                "",
                f"A short training on {text.name} shows nothing: all {EPOCHS} perplexities and "
                "what is written then are the same to the last digit.",
            )
        else:
            _show_curves(right, wrong, text.name, terminal)
            shown = True
    if not shown and finding.comparisons:
        _paragraph(terminal, "Beside the right results", finding.case)
        terminal.line()
        show_parity(table_of(finding.comparisons), terminal)
    elif not shown and finding.case:
        _paragraph(terminal, finding.case, finding.detail)
    terminal.line()
    _paragraph(terminal, "Notice", bug.notice)


def _show_curves(right: Training, wrong: Training, name: str, terminal: Terminal) -> None:
    curves = [
        Curve(f"{label}, {training.outcome}", range(1, len(p) + 1), p)
        for label, training in (("right", right), ("with the bug", wrong))
        for p in [training.perplexities]
    ]
    unicode = terminal.console.encoding.lower().startswith("utf")
    width, height = min(terminal.console.width - 1, 76), 12 if terminal.console.width >= 60 else 8
    drawn = plot(
        curves, width=width, height=height, xlabel="epoch", ylabel="perplexity", unicode=unicode
    )
    _paragraph(terminal, "", f"Trained for {EPOCHS} epochs on {name}, the state carried")
    for line in drawn + legend(curves, unicode=unicode):
        terminal.console.print(line, soft_wrap=True)
    both = {"right": right, "with the bug": wrong}
    both = {label: training for label, training in both.items() if training.written}
    terminal.line("Written at the end")
    terminal.written({label: training.written for label, training in both.items()})
    terminal.line("Before the first update")
    terminal.written(
        {
            label: f"loss {training.first_loss:.6f}, gradient norm {training.first_grad_norm:.4f}"
            for label, training in both.items()
        }
    )


def choices(bug: Bug) -> list[Bug]:
    """Return the bug and some others of its group, in an order that gives nothing away."""
    group = next(members for members in GROUPS.values() if bug in members)
    rng = random.Random(bug.name)
    offered = [bug, *rng.sample([other for other in group if other is not bug], CHOICES - 1)]
    rng.shuffle(offered)
    return offered


def guess(bug: Bug, terminal: Terminal) -> None:
    """Let the student say what is wrong; Enter goes on without."""
    offered = choices(bug)
    letters = "abcdefgh"[: len(offered)]
    terminal.line()
    terminal.line("What was done?", "bold")
    for letter, other in zip(letters, offered, strict=True):
        _wrapped(terminal, Text(f"{letter}  {other.story}"), 2)
    while True:
        try:
            answer = terminal.console.input(
                Text(f"{letters[0]}-{letters[-1]}, h for a hint, Enter to see the answer: ")
            )
        except EOFError:
            terminal.line()
            return
        answer = answer.strip().lower()
        if not answer:
            return
        if answer == "h":
            _paragraph(terminal, "Hint", bug.hint)
        elif len(answer) == 1 and answer in letters:
            if offered[letters.index(answer)] is bug:
                terminal.line("That is it.", "green")
                return
            terminal.line("No: that would look different.", "yellow")


def show_answer(bug: Bug, finding: Finding, terminal: Terminal) -> None:
    """Say what was done, which law catches it, where, and why; and show the change."""
    terminal.line()
    terminal.line(bug.name, "bold cyan")
    _paragraph(terminal, "", bug.story)
    terminal.line()
    terminal.line(f"Caught by {finding.check.name!r}", "bold")
    _paragraph(terminal, "Law", finding.check.law)
    cases = "the first case" if finding.cases == 1 else f"case {finding.cases}"
    _paragraph(terminal, "Where", f"{where(finding)}, in {cases}" if finding.tensor else cases)
    if finding.case:
        _paragraph(terminal, "Case", finding.case)
    _paragraph(terminal, "Found", finding.detail)
    _paragraph(terminal, "Why", bug.why)
    terminal.line()
    terminal.line(f"The change, in {' and '.join(bug.files)}", "bold")
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in bug.diff.split("\n"):
        terminal.line(line, styles.get(line[:1], ""))
