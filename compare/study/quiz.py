"""``rnn-parity break``: see the symptom of a bug, guess the bug, see which law catches it."""

from __future__ import annotations

import dataclasses
import random
import sys
import warnings
from collections.abc import Sequence
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
PUZZLES = 10_000  # numbers that are drawn from if none is given

# The training that is shown takes about a second. It is long enough for the model to learn some
# words. The state is carried, so that bugs in carrying it show.
B, T, H, TOKENS, LR, EPOCHS = 8, 20, 48, 4_000, 1.0, 30


class NotCaught(CommandError):
    """A bug that another law catches than the catalogue says, or none; the message is one line."""


def break_it(config: BreakConfig, terminal: Terminal | None = None) -> None:
    """Show a bug drawn at random, the bug of a name, or the catalogue.

    Raises
    ------
    UsageError, scratch_rnn.text.DataError
        If there is no such bug or text.
    NotCaught
        If a bug is not caught as the catalogue says.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    if config.bug == "list":
        show_list(terminal)
    elif config.bug == "all":
        try_all(terminal)
    elif config.bug is not None:
        show_bug(find_bug(config.bug), random.Random(config.bug), config, terminal)
    else:
        seed = random.randrange(PUZZLES) if config.seed is None else config.seed
        bug, rng = draw(seed)
        terminal.line(f"Puzzle {seed}", "bold")
        text = f"One of {len(BUGS)} bugs is now in a copy of our own code. Which one is it?"
        _wrapped(terminal, Text(text), 2)
        terminal.line()
        show_bug(bug, rng, config, terminal)
        terminal.line()
        again = f"`rnn-parity break --seed {seed}` shows this puzzle again; --yes, its answer, too."
        terminal.line(again, "dim")


def draw(seed: int) -> tuple[Bug, random.Random]:
    """Return the bug of a puzzle, and the generator that shuffles its choices."""
    rng = random.Random(seed)
    return rng.choice(BUGS), rng


def show_bug(bug: Bug, rng: random.Random, config: BreakConfig, terminal: Terminal) -> None:
    """Show a symptom, ask what was done, and show the answer.

    Where nobody can answer, the answer is shown if it was asked for: with --yes, or by its name.
    """
    finding = caught(bug)
    show_symptom(bug, finding, config, terminal)
    if config.yes:
        show_answer(bug, finding, terminal)
    elif terminal.live and sys.stdin.isatty():
        if guess(bug, choices(bug, rng), finding, terminal):
            show_answer(bug, finding, terminal)
    elif config.bug is not None:
        show_answer(bug, finding, terminal)
    else:
        offer(choices(bug, rng), terminal)


def caught(bug: Bug) -> Finding:
    """Return how a bug is caught.

    Raises
    ------
    NotCaught
        If no law catches it, or another law than the catalogue says.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
        finding = bug.violation()
    if finding is None or finding.violated.name != bug.caught_by:
        found = "nothing" if finding is None else repr(finding.violated.name)
        raise NotCaught(f"expected {bug.name} to be caught by {bug.caught_by!r}, got {found}")
    return finding


# The catalogue --------------------------------------------------------------------------------


def show_list(terminal: Terminal) -> None:
    """Print the name, the story and the law of each bug."""
    text = "This list gives the answers away. To guess first, use `rnn-parity break`."
    _wrapped(terminal, Text(text), 0)
    terminal.line()
    for group, members in GROUPS.items():
        terminal.line(group, "bold")
        for bug in members:
            _entry(terminal, bug.name, bug.words, f"caught by {bug.caught_by!r}")
        terminal.line()
    terminal.line(f"{len(BUGS)} bugs. `break NAME` shows one bug, `break all` tries all of them.")


def try_all(terminal: Terminal) -> None:
    """Apply each bug and print which law catches it, after how many cases, and where."""
    for number, bug in enumerate(BUGS, start=1):
        finding = caught(bug)
        cases = "1 case" if finding.cases == 1 else f"{finding.cases} cases"
        _entry(
            terminal,
            f"{number:2} {bug.name}",
            f"caught by {finding.violated.name!r} after {cases}",
            where(finding),
        )
    terminal.line(f"{len(BUGS)} bugs, all of them caught.", "green")


def _entry(terminal: Terminal, name: str, *details: str) -> None:
    """Print a name, and the details below it, indented."""
    terminal.line(name, "cyan")
    for detail in details:
        _wrapped(terminal, Text(detail), 4)


def _paragraph(terminal: Terminal, head: str, text: str) -> None:
    """Print a paragraph after a word in bold."""
    words = Text.assemble((f"{head}: ", "bold"), text) if head else Text(text)
    _wrapped(terminal, words, 2)


def _wrapped(terminal: Terminal, text: Text, indent: int) -> None:
    """Print a text as indented lines that fit the terminal."""
    width = max(terminal.console.width - indent, 20)
    for line in text.wrap(terminal.console, width):
        line.rstrip()
        terminal.console.print(Text(" " * indent).append_text(line), soft_wrap=True)


def where(finding: Finding) -> str:
    """Name the tensor and the time step."""
    tensor = finding.tensor or finding.detail
    return tensor if finding.step is None else f"{tensor}, step {finding.step}"


# One bug --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Training:
    """What came out of the short training of a package."""

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


def short_training(package: Any, text: scratch_rnn.text.Text, cell: str | None = None) -> Training:
    """Train the package's own model on the package's own batches."""
    corpus, vocab = load_corpus(text, max_tokens=TOKENS)
    perplexities: list[float] = []

    def new_model() -> Any:
        rng = np.random.default_rng(0)
        layer = getattr(package, (cell or "rnn").upper())(len(vocab), H, rng=rng)
        return package.RNNModel(layer, len(vocab), rng=rng)

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
    """Show what somebody sees who has the bug and does not know it."""
    terminal.line("The symptom", "bold")
    shown = False
    if bug.package == "scratch_rnn":
        text = sample_text() if config.text is None else load_text(config.text)
        packages = (scratch_rnn, bug.load())
        right, wrong = (short_training(package, text, bug.cell) for package in packages)
        if right == wrong:
            _paragraph(
                terminal,
                "",
                f"A short training on {text.name} shows nothing. All {EPOCHS} perplexities and the "
                "text that the model writes are the same, to the last digit.",
            )
        else:
            _show_curves(right, wrong, text.name, terminal)
            shown = True
    if not shown and finding.comparisons:
        _paragraph(terminal, "Compared with the right results", finding.case)
        terminal.line()
        show_parity(table_of(finding.comparisons), terminal)
    elif not shown:
        _paragraph(terminal, finding.case or "One case", finding.detail)
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
    sizes = f"{EPOCHS} epochs, B {B}, T {T}, H {H}, with a carried state"
    _paragraph(terminal, "", f"A short training on {name}: {sizes}.")
    for line in drawn + legend(curves, unicode=unicode):
        terminal.console.print(line, soft_wrap=True)
    both = {"right": right, "with the bug": wrong}
    both = {label: training for label, training in both.items() if training.written}
    terminal.line("The text that the model writes at the end")
    terminal.written({label: training.written for label, training in both.items()})
    terminal.line("Before the first update")
    terminal.written(
        {
            label: f"loss {training.first_loss:.6f}, gradient norm {training.first_grad_norm:.4f}"
            for label, training in both.items()
        }
    )


def choices(bug: Bug, rng: random.Random) -> list[Bug]:
    """Return the bug and some of its distractors, shuffled."""
    offered = [bug, *(find_bug(name) for name in rng.sample(bug.distractors, CHOICES - 1))]
    rng.shuffle(offered)
    return offered


def offer(offered: Sequence[Bug], terminal: Terminal) -> str:
    """Print what may have been done; return the letters of the choices."""
    letters = "abcdefgh"[: len(offered)]
    terminal.line()
    terminal.line("What was done?", "bold")
    for letter, other in zip(letters, offered, strict=True):
        _wrapped(terminal, Text(f"{letter}  {other.words}"), 2)
    return letters


def guess(bug: Bug, offered: Sequence[Bug], finding: Finding, terminal: Terminal) -> bool:
    """Ask which of the offered bugs it is; return False if the input ends, and True otherwise."""
    hints = iter([("Hint", bug.hint), ("Hint, the law that is broken", finding.violated.statement)])
    letters = offer(offered, terminal)
    question = Text(f"{', '.join(letters)}, h for a hint, Enter for the answer: ")
    while True:
        try:
            answer = terminal.console.input(question).strip().lower()
        except (EOFError, KeyboardInterrupt) as end:
            terminal.line()  # the cursor stands after the question
            if isinstance(end, EOFError):
                return False
            raise
        if not answer:
            return True
        if answer == "h":
            head, text = next(hints, ("Hint", "There are no more hints."))
            _paragraph(terminal, head, text)
        elif len(answer) > 1 or answer not in letters:
            expected = f"{', '.join(letters)}, h or Enter"
            terminal.line(f"Expected {expected}, got {answer[:20]!r}.", "yellow")
        elif (other := offered[letters.index(answer)]) is bug:
            terminal.line("Right.", "green")
            return True
        else:
            _paragraph(terminal, "No. That bug has another symptom", other.notice)


def show_answer(bug: Bug, finding: Finding, terminal: Terminal) -> None:
    """Say what was done, and which law catches it, where and why; show the change."""
    terminal.line()
    terminal.line(bug.name, "bold cyan")
    _paragraph(terminal, "", bug.words)
    terminal.line()
    terminal.line(f"Caught by {finding.violated.name!r}", "bold")
    _paragraph(terminal, "LayerProperty", finding.violated.statement)
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
