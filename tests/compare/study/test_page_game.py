"""Find the bug: each bug of the page's engine gives the numbers that it gives in scratch_rnn."""

import numpy as np
import pytest

import scratch_rnn
from compare.mistakes.catalogue import BUGS, find_bug
from scratch_rnn.text import Vocab
from tests.annotations import unchecked
from tests.compare.parity.courses import course
from tests.compare.study.pages import TEXT, as_batch, largest, layer_of, recorded, written
from tests.compare.study.reading import digits, legend, pixels
from tests.counts import number

SMALL = 1e-9
NETWORKS = {
    "tanh": course(7, gains=(1.5,)),
    "relu": course(7, gains=(1.5,), nonlinearity="relu"),
    "gru": course(6, gains=(2.5,), cell="gru"),
    "lstm": course(6, gains=(2.5,), cell="lstm"),
}
TEXTS = {"time traveller": 1.2, "zzzz": 0.05}
"""And max_norm: one that clips nothing, one that clips."""
ON_PAGE = [bug for bug in BUGS if bug.page is not None]

ALL_RESULTS = """(texts) => [null, ...record.bugs].map((bug) => {
  const found = Object.entries(texts).map(([text, maxNorm]) => {
    Object.assign(live, { text });
    Object.assign(record, { max_norm: maxNorm });
    putBug(bug);
    const { states, logits, loss, gradients } = rnnParity.run(text);
    trainStep();
    return { states, logits, loss, gradients, after: rnnParity.network().parameters };
  });
  return [bug?.name ?? "", found];
})"""


def by_scratch_rnn(package, text, given, made, max_norm):
    """Return the same numbers by scratch_rnn, or a copy of it with a bug."""
    vocab = Vocab.from_list(given["vocab"])
    V, H = np.shape(given["parameters"]["linear.weight"])
    layer = layer_of(package, made, V, H, dtype=np.float64)
    model = package.RNNModel(layer, V)
    # One bug gives the model copies of the layer's arrays: both are set, and the layer's are used.
    used = model.parameters | {f"rnn.{name}": array for name, array in layer.parameters.items()}
    for name, array in given["parameters"].items():
        model.parameters[name][...] = used[name][...] = array
    batch = as_batch(text, vocab)
    logits, _, tape = model.forward(batch.inputs, model.begin_state())
    loss, d_logits = package.cross_entropy(logits, batch.targets[0])
    gradients = model.backward(tape, d_logits)
    results = {"states": tape.h, "logits": logits, "loss": loss, "gradients": gradients}
    optimizer = package.SGD(model.parameters, made["lr"])
    package.train_step(model, batch, None, optimizer, max_norm=max_norm)
    return results | {"after": used}


@pytest.mark.parametrize("kind", [kind for kind in NETWORKS if number(kind != "relu", True)])
def test_each_bug_gives_the_same_results_as_in_scratch_rnn(kind, open_page, tmp_path):
    made = recorded(TEXT, NETWORKS[kind])
    opened = open_page(written(made, tmp_path), sections=())
    given = opened.page.evaluate("() => rnnParity.network()")
    found = dict(opened.page.evaluate(ALL_RESULTS, TEXTS))
    right = found.pop("")
    assert set(found) == {bug.name for bug in ON_PAGE if fits(bug, made)}
    names = opened.page.evaluate("() => Object.keys(BUGS)")
    assert sorted(names) == sorted(bug.name for bug in ON_PAGE)
    with unchecked():
        for name, results in found.items():
            bug = find_bug(name)
            if kind != "tanh" and bug.cell is None and not number(0, 1):
                continue  # the training is the same with each cell
            package = bug.load()
            for text, result in zip(TEXTS, results, strict=True):
                expected = by_scratch_rnn(package, text, given, made, TEXTS[text])
                assert largest(result, expected) < SMALL, (name, text)
    # Each shows on one of the texts, and no two are alike.
    seen = [right, *found.values()]
    alike = [
        (a, b)
        for a in range(len(seen))
        for b in range(a)
        if max(map(largest, seen[a], seen[b])) < 1e-6
    ]
    assert alike == []
    opened.page.evaluate("() => putBug(null)")


def fits(bug, made):
    needed = bug.page.nonlinearity in (None, made["nonlinearity"])
    return bug.cell in (None, made["cell"]) and needed


@pytest.fixture
def opened(small, open_page):
    return open_page(small, width=400, scheme="dark", sections=("game", "backward", "finder"))


def start(opened, name):
    """Type the number of a puzzle that has this bug, and press Enter."""
    number = opened.page.evaluate(
        """(name) => {
          for (let number = 0; ; number++) {
            const random = randomFrom(number);
            const [[, bug]] = record.bugs.map((each) => [random(), each]).sort(([a], [b]) => a - b);
            if (bug.name === name) return number;
          }
        }""",
        name,
    )
    opened.page.locator("#puzzle-input").fill(str(number))
    opened.press("Enter")
    assert opened.page.evaluate("() => game.bug.name") == name
    return int(number)


def offered(opened):
    return opened.page.locator("#choices button").evaluate_all(
        "(all) => all.map((b) => b.dataset.choice)"
    )


def differing(opened):
    rows = opened.page.locator("#symptom tbody tr:has(.apart)")
    return [str(name) for name in rows.locator("th").all_text_contents()]


WRITTEN = """(name) => {
  const network = withBug(new Network(CELL, networkOf(chosen.c).parameters), name);
  return writeOn(network, network.forward(reading.ids), 8, 0);
}"""
LETTERS = ("W_ih", "W_hh", "b_ih", "b_hh", "W", "b")


def symptoms(found, given):
    """Return the rows of both tables of symptoms."""
    gradients = dict(zip(LETTERS, map(np.ravel, found["gradients"].values()), strict=True))
    both = zip(found["after"].values(), given["parameters"].values(), strict=False)
    update = dict(zip(LETTERS, (np.ravel(a) - np.ravel(b) for a, b in both), strict=False))
    return {
        "states h": found["states"],
        "logits y": found["logits"],
        "loss": found["loss"],
        "gradient": np.concatenate(list(gradients.values())),
        "update": np.concatenate(list(update.values())),
        **{f"gradient of {name}": g for name, g in gradients.items()},
        **{f"update of {name}": u for name, u in update.items()},
    }


@pytest.mark.parametrize("name", ["weights-not-transposed", "last-step-only", "uphill"])
def test_the_symptoms_are_those_of_scratch_rnn_without_and_with_the_bug(name, opened):
    made = {"cell": "rnn", "nonlinearity": "tanh", "lr": opened.page.evaluate("() => record.lr")}
    given = opened.page.evaluate("() => rnnParity.network()")
    start(opened, name)
    with unchecked():
        packages = scratch_rnn, find_bug(name).load()
        right, wrong = (
            symptoms(by_scratch_rnn(package, TEXT, given, made, max_norm=1.0), given)
            for package in packages
        )
    rows = opened.page.locator("#symptom tbody tr").evaluate_all(
        "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    heads = opened.page.locator("#symptom thead th").all_text_contents()
    assert heads == 2 * ["result", "right", "bug", "difference"]
    glyphs = [token.replace(" ", "␣").replace("<unk>", "?") for token in given["vocab"]]
    [[_, *texts, verdict]] = [
        rows.pop(n) for n, row in enumerate(rows) if row[0] == "generated text"
    ]
    written = [
        "".join(glyphs[v] for v in opened.page.evaluate(WRITTEN, bug)) for bug in (None, name)
    ]
    assert texts == written
    assert verdict == ("none" if written[0] == written[1] else "differs")
    assert [row[0] for row in rows] == list(right)
    for what, *values, verdict in rows:
        both = right[what], wrong[what]
        sizes = [np.linalg.norm(np.ravel(array)) for array in both]
        assert [float(value) for value in values] == digits(sizes, 5), what
        difference = largest(*both)
        is_same = difference < 1e-12
        assert verdict == "none" if is_same else float(verdict) == digits(difference, 2), what
        mark = opened.page.locator(f"#symptom tr:has(th:text-is('{what}')) .apart")
        assert mark.count() == (not is_same)
    for n, what in enumerate(what for what in right if what != "loss"):
        check_pictures(opened, n, pictured(what, right, wrong, given))


def pictured(what, right, wrong, given):
    """Return what the pictures of a row show: states and logits, or a parameter as a matrix."""
    if what in ("states h", "logits y"):
        return [np.reshape(each[what], (len(TEXT) - 1, -1)).T for each in (right, wrong)]
    kind, _, name = what.partition(" of ")
    if not name:  # the one that differs most
        apart = {
            each: np.abs(right[each] - wrong[each]).max() / (np.linalg.norm(right[each]) or 1)
            for each in (f"{kind} of {letter}" for letter in LETTERS)
        }
        name = max(apart, key=apart.get).partition(" of ")[2]
    shape = np.shape(list(given["parameters"].values())[LETTERS.index(name)])
    rows = shape if len(shape) == 2 else (*shape, 1)
    return [np.reshape(each[f"{kind} of {name}"], rows) for each in (right, wrong)]


def check_pictures(opened, n, arrays):
    """Check both pictures of the n-th row that has some; they have one scale."""
    colours = legend(opened, "finder")
    most = max(np.abs(array).max() for array in arrays) or 1
    colours.values = np.linspace(-most, most, len(colours.values))
    for m, array in enumerate(arrays):
        found = colours.read(pixels(opened, "#symptom", *array.shape, 2 * n + m))
        np.testing.assert_allclose(found, array, atol=0.03 * most, err_msg=f"row {n}")


def test_a_bug_is_in_the_engine_until_the_game_is_left(opened):
    page = opened.page
    before = page.evaluate("(text) => JSON.stringify(rnnParity.run(text))", TEXT)
    start(opened, "last-step-only")
    assert differing(opened)[:3] == ["gradient", "update", "gradient of W_hh"]
    assert "update of W_hh" in differing(opened)
    page.locator("[data-choice=last-step-only]").focus()
    opened.press("Space")
    assert "d_W_hh += W_hh_term" in opened.text("#game-reply")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400

    opened.choose(t=3)
    parts = [opened.text("[data-flow='d_W_hh']"), opened.text("[data-flow='d_W_hh sum']")]
    opened.choose(t=1)
    assert parts[0] == opened.text("[data-flow='d_W_hh']") == "0"
    assert parts[1] == opened.text("[data-flow='d_W_hh sum']") != "0"

    opened.click("#game-leave")
    assert page.evaluate("(text) => JSON.stringify(rnnParity.run(text))", TEXT) == before


def test_a_number_brings_the_puzzle_back_and_all_bugs_come(opened):
    number = start(opened, "uphill")
    choices = offered(opened)
    assert find_bug("uphill").words not in opened.text("#game-reply")
    opened.click("#game-give-up")
    assert f"Puzzle {number}: given up." in opened.text("#game-reply")
    assert find_bug("uphill").words in opened.text("#game-reply")
    opened.click("#game-start")
    assert opened.text("#game-reply") == ""
    assert start(opened, "uphill") == number
    assert offered(opened) == choices
    drawn = opened.page.evaluate(
        """() => {
          const offered = {};
          const put = putBug;
          putBug = (bug) => (offered[bug.name] = game.offered);
          for (let number = 0; number < 1000; number++) startGame(number);
          putBug = put;
          return Object.entries(offered).map(([name, bugs]) =>
            [name, bugs.map((bug) => [bug.name, bug.symptom.indexOf(true)])]);
        }"""
    )
    assert sorted(name for name, _ in drawn) == sorted(
        opened.page.evaluate("() => record.bugs.map((bug) => bug.name)")
    )
    for name, choices in drawn:  # the first result that differs is the same: a glance excludes none
        assert len({other for other, _ in choices}) == 4
        assert name in dict(choices)
        assert {first for _, first in choices} == {dict(choices)[name]}


def test_points_are_counted_once_for_each_puzzle(opened):
    def play(name, *choices, hint=False):
        start(opened, name)
        if hint:
            opened.click("#game-hint")
        wrong = [choice for choice in offered(opened) if choice != name]
        for choice in choices:
            opened.click(f"#choices [data-choice={name if choice else wrong.pop()}]")
        return opened.text("#game-points")

    right, wrong = True, False
    assert opened.text("#game-points") == ""
    assert play("uphill", right) == "3 of 3 points in 1 puzzle"
    assert play("no-carry-back", wrong, right, hint=True) == "4 of 6 points in 2 puzzles"
    assert play("uphill", wrong, right) == "4 of 6 points in 2 puzzles"
    assert play("last-step-only", wrong, wrong, wrong, right) == "4 of 9 points in 3 puzzles"
    play("tanh-derivative")
    opened.click("#game-give-up")
    assert opened.text("#game-points") == "4 of 12 points in 4 puzzles"


def test_each_puzzle_begins_without_the_hints_and_guesses_of_the_one_before(opened):
    for name in ("uphill", "no-carry-back"):
        number = start(opened, name)
        hint = opened.page.locator("#game-hint")
        assert (hint.is_enabled(), opened.text("#game-reply")) == (True, "")
        opened.click("#game-hint")
        assert opened.text("#game-reply") == f"Hint {find_bug(name).page.hint}"
        assert hint.is_disabled()
        wrong = next(choice for choice in offered(opened) if choice != name)
        opened.click(f"#choices [data-choice={wrong}]")
        opened.click(f"#choices [data-choice={name}]")
        assert f"Right. Puzzle {number}: 2 guesses, 1 hint." in opened.text("#game-reply")


def test_the_symptom_follows_the_text_and_the_training(opened):
    page = opened.page
    start(opened, "repeated-tokens-lost")
    assert "gradient of W_ih" in differing(opened)
    opened.fill("#text-input", "time")
    assert differing(opened) == []
    assert "Nothing differs on this text" in opened.text("#symptom-lead")
    opened.fill("#text-input", "t")
    assert page.locator("#game-body").is_hidden()
    page.locator("#text-input").fill("a machine")
    start(opened, "uphill")
    for _ in range(3):
        opened.click("#train-step")
    losses = page.evaluate("() => live.losses")
    assert losses[0] < losses[1] < losses[2]
    opened.click("#reset")
    assert page.evaluate("() => game.bug.name") == "uphill"
    assert "with a bug" in opened.text("#checkpoint-value")
