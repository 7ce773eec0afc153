"""``rnn-parity break``: the symptom of a bug, a quiz, and the property that catches it."""

import dataclasses
import random
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.text import Text

import scratch_rnn
from compare.check import BUGS, GROUPS, Bug, Finding, find_bug, find_violation, tabulate
from compare.implementations import CELLS, Package
from compare.parity import show_parity
from compare.study.config import BreakConfig
from compare.terminal import CommandError, Curve, Terminal, legend, plot, plural
from scratch_rnn.text import load_text
from scratch_rnn.text.corpus import sample_text
from scratch_rnn.text.load import load_corpus

CHOICES = 4
WRITTEN = 30
PUZZLES = 10_000  # number of a random puzzle, at most

# The short training takes about a second, in which the model learns some words. The state is
# carried, so that bugs in carrying it show.
B, T, H, TOKENS, LR, EPOCHS = 8, 20, 48, 4_000, 1.0, 30


class NotCaught(CommandError):
    """No property, or another one than in the catalogue, catches a bug."""


def break_it(config: BreakConfig, terminal: Terminal | None = None) -> None:
    """Show a bug drawn at random, the bug of a name, or the catalogue.

    A UsageError or DataError says that there is no such bug or text; NotCaught, that a bug is not
    caught as the catalogue says.
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
        text = f"One of {len(BUGS)} bugs is in a copy of scratch_rnn or compare. Which one is it?"
        _wrapped(terminal, Text(text), 2)
        terminal.line()
        show_bug(bug, rng, config, terminal)
        terminal.line()
        again = f"`rnn-parity break --seed {seed}` shows this puzzle again, --yes also its answer."
        terminal.line(again, "dim")


def draw(seed: int) -> tuple[Bug, random.Random]:
    """Return the bug of a puzzle, and the generator that shuffles its choices."""
    rng = random.Random(seed)
    return rng.choice(BUGS), rng


def show_bug(bug: Bug, rng: random.Random, config: BreakConfig, terminal: Terminal) -> None:
    """Show a symptom, ask which bug it is, and show the answer.

    Without a terminal, nobody can answer: then the answer is shown with --yes or a bug's name.
    """
    finding = caught(bug)
    show_symptom(bug, finding, config, terminal)
    if not config.yes and terminal.live and sys.stdin.isatty():
        shows_answer = guess(bug, choices(bug, rng), finding, terminal)
    else:
        shows_answer = config.yes or config.bug is not None
        if not shows_answer:
            offer(choices(bug, rng), terminal)
    if shows_answer:
        show_answer(bug, finding, terminal)


def caught(bug: Bug) -> Finding:
    """Return how a bug is caught; raise NotCaught if it is not as in the catalogue."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
        finding = find_violation(bug)
    if finding is None or finding.violated.name != bug.caught_by:
        found = "nothing" if finding is None else repr(finding.violated.name)
        raise NotCaught(f"expected {bug.name} to be caught by {bug.caught_by!r}, got {found}")
    return finding


def show_list(terminal: Terminal) -> None:
    """Print name and words of each bug, and the property that catches it."""
    text = "This list has all answers. To guess first, use `rnn-parity break`."
    _wrapped(terminal, Text(text), 0)
    terminal.line()
    for group, members in GROUPS.items():
        terminal.line(group, "bold")
        for bug in members:
            _entry(terminal, bug.name, bug.words, f"caught by {bug.caught_by!r}")
        terminal.line()
    terminal.line(f"{len(BUGS)} bugs. `break NAME` shows one bug, `break all` applies all of them.")


def try_all(terminal: Terminal) -> None:
    """Apply each bug; print the property that catches it, the number of cases, and the tensor."""
    for number, bug in enumerate(BUGS, start=1):
        finding = caught(bug)
        property_ = f"caught by {finding.violated.name!r} after {plural(finding.cases, 'case')}"
        _entry(terminal, f"{number:2} {bug.name}", property_, where(finding))
    terminal.line(f"All {len(BUGS)} bugs are caught.", "green")


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


@dataclasses.dataclass(frozen=True, slots=True)
class ShortTraining:
    """The results of the short training of a package."""

    perplexities: tuple[float, ...] = ()
    first_loss: float = np.nan
    first_grad_norm: float = np.nan  # before clipping
    written: str = ""
    error: str = ""

    @property
    def outcome(self) -> str:
        """The last perplexity, or the error that ended the training."""
        if self.error:
            return self.error
        return f"perplexity {self.perplexities[-1]:.2f} at the end"


def short_training(
    package: Package, text: scratch_rnn.text.Text, cell: str | None = None
) -> ShortTraining:
    """Train the package's own model on the package's own batches."""
    corpus, vocab = load_corpus(text, max_tokens=TOKENS)
    perplexities: list[float] = []

    def new_model() -> Any:
        rng = np.random.default_rng(0)
        layer = getattr(package, CELLS[cell or "rnn"].layer)(len(vocab), H, rng=rng)
        return package.RNNModel(layer, len(vocab), rng=rng)

    def note(_: int, result: Any) -> None:
        perplexities.append(result.perplexity)

    with np.errstate(all="ignore"):
        try:
            batches = package.text.Batches(corpus, B, T)
            model = new_model()
            optimizer = package.SGD(model.parameters, LR)
            first = package.train_step(model, next(batches.epoch(0)), None, optimizer)
            model = new_model()
            package.train(model, batches, LR, EPOCHS, carry_state=True, on_epoch=note)
            prefix = "".join(vocab.to_tokens(corpus[:8]))
            written = package.predict(prefix, WRITTEN, model, vocab)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            return ShortTraining(tuple(perplexities), error=f"{type(error).__name__}: {reason}")
    return ShortTraining(tuple(perplexities), first.loss, first.grad_norm, written)


def show_symptom(bug: Bug, finding: Finding, config: BreakConfig, terminal: Terminal) -> None:
    """Show the bug's effect on a short training, or on the case that catches it."""
    terminal.line("The symptom", "bold")
    if not _shows_in_training(bug, config, terminal):
        if finding.comparisons:
            _paragraph(terminal, "Compared with the right results", finding.case)
            terminal.line()
            show_parity(tabulate(finding.comparisons), terminal)
        else:
            _paragraph(terminal, finding.case or "One case", finding.detail)
    terminal.line()
    _paragraph(terminal, "Notice", bug.notice)


def _shows_in_training(bug: Bug, config: BreakConfig, terminal: Terminal) -> bool:
    """Show the effect on a short training; return whether there is one."""
    if bug.package != "scratch_rnn":
        return False
    text = sample_text() if config.text is None else load_text(config.text)
    labels = {"right": scratch_rnn, "with the bug": bug.load()}
    both = {label: short_training(each, text, bug.cell) for label, each in labels.items()}
    if both["right"] == both["with the bug"]:
        words = f"A short training on {text.name} shows nothing: all {EPOCHS} perplexities and the"
        _paragraph(terminal, "", f"{words} generated text are the same, to the last digit.")
        return False
    curves = [
        Curve(f"{label}, {each.outcome}", range(1, len(each.perplexities) + 1), each.perplexities)
        for label, each in both.items()
    ]
    unicode = terminal.console.encoding.lower().startswith("utf")
    width, height = min(terminal.console.width - 1, 76), 12 if terminal.console.width >= 60 else 8
    axes = {"xlabel": "epoch", "ylabel": "perplexity"}
    drawn = plot(curves, width=width, height=height, **axes, unicode=unicode)
    sizes = f"{EPOCHS} epochs, B {B}, T {T}, H {H}, with a carried state"
    _paragraph(terminal, "", f"A short training on {text.name}: {sizes}.")
    for line in drawn + legend(curves, unicode=unicode):
        terminal.console.print(line, soft_wrap=True)
    both = {label: each for label, each in both.items() if not each.error}
    terminal.line("Generated text at the end")
    terminal.written({label: each.written for label, each in both.items()})
    terminal.line("Before the first update")
    numbers = "loss {0.first_loss:.6f}, gradient norm {0.first_grad_norm:.4f}"
    terminal.written({label: numbers.format(each) for label, each in both.items()})
    return True


def choices(bug: Bug, rng: random.Random) -> list[Bug]:
    """Return the bug and some of its distractors, shuffled."""
    offered = [bug, *(find_bug(name) for name in rng.sample(bug.distractors, CHOICES - 1))]
    rng.shuffle(offered)
    return offered


def offer(offered: Sequence[Bug], terminal: Terminal) -> str:
    """Print the offered bugs; return their letters."""
    letters = "abcdefgh"[: len(offered)]
    terminal.line()
    terminal.line("Which bug is it?", "bold")
    for letter, other in zip(letters, offered, strict=True):
        _wrapped(terminal, Text(f"{letter}  {other.words}"), 2)
    return letters


def guess(bug: Bug, offered: Sequence[Bug], finding: Finding, terminal: Terminal) -> bool:
    """Ask which of the offered bugs it is; return False if the input ends, and True otherwise."""
    hints = iter([("Hint", bug.hint), ("Hint, the violated property", finding.violated.statement)])
    letters = offer(offered, terminal)
    question = Text(f"{', '.join(letters)}, h for a hint, Enter for the answer: ")
    while True:
        try:
            answer = terminal.console.input(question).strip().lower()
        except (EOFError, KeyboardInterrupt) as end:
            terminal.line()  # the cursor is after the question
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
            _paragraph(terminal, "No. The symptom of that bug", other.notice)


def show_answer(bug: Bug, finding: Finding, terminal: Terminal) -> None:
    """Show the bug, the property that catches it, where and why, and the change of the code."""
    terminal.line()
    terminal.line(bug.name, "bold cyan")
    _paragraph(terminal, "", bug.words)
    terminal.line()
    terminal.line(f"Caught by {finding.violated.name!r}", "bold")
    _paragraph(terminal, "Property", finding.violated.statement)
    cases = "the first case" if finding.cases == 1 else f"case {finding.cases}"
    _paragraph(terminal, "Where", f"{where(finding)}, in {cases}" if finding.tensor else cases)
    if finding.case:
        _paragraph(terminal, "Case", finding.case)
    _paragraph(terminal, "Found", finding.detail)
    _paragraph(terminal, "Why", bug.why)
    _show_diff(f"The change, in {' and '.join(bug.files)}", bug.diff, terminal)
    if bug.plain:
        _show_diff("The same bug in the plain version", bug.plain_diff, terminal)


def _show_diff(title: str, diff: str, terminal: Terminal) -> None:
    terminal.line()
    terminal.line(title, "bold")
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff.split("\n"):
        terminal.line(line, styles.get(line[:1], ""))
