"""Find the bug: each bug of the page's engine gives the numbers that it gives in scratch_rnn."""

import numpy as np
import pytest

from compare.mistakes import BUGS, find_bug
from scratch_rnn.text import Vocab
from tests.annotations import unchecked
from tests.compare.study.courses import course
from tests.compare.study.pages import (
    SMALL,
    TEXT,
    as_batch,
    largest,
    layer_of,
    recorded,
    run_by,
    written,
)
from tests.counts import number

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
    results = run_by(package, model, batch)
    optimizer = package.SGD(model.parameters, made["lr"])
    package.train_step(model, batch, None, optimizer, max_norm=max_norm)
    return results | {"after": used}


@pytest.mark.parametrize("kind", [kind for kind in NETWORKS if number(kind != "relu", True)])
def test_each_bug_gives_the_same_results_as_in_scratch_rnn(kind, open_page, tmp_path):
    made = recorded(TEXT, NETWORKS[kind])
    opened = open_page(written(made, tmp_path), folded=True)
    given = opened.js("rnnParity.network()")
    found = dict(opened.page.evaluate(ALL_RESULTS, TEXTS))
    right = found.pop("")
    assert set(found) == {
        bug.name
        for bug in ON_PAGE
        if bug.cell in (None, made["cell"])
        and bug.page.nonlinearity in (None, made["nonlinearity"])
    }
    names = opened.js("Object.keys(BUGS)")
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


@pytest.fixture
def opened(path, open_page):
    return open_page(path, width=400, scheme="dark")


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
    assert opened.js("game.bug.name") == name
    return int(number)


def offered(opened):
    return opened.page.locator("#choices button").evaluate_all(
        "(all) => all.map((b) => b.dataset.choice)"
    )


def choose(opened, name, *, is_right):
    """Guess with the keyboard; return the reply."""
    here = f"[data-choice={name}]" if is_right else f":not([data-choice={name}])"
    opened.focus(f"#choices button:enabled{here}")
    opened.press("Enter")
    return opened.text("#game-reply")


def test_the_symptoms_of_each_bug_are_its_results(opened):
    """Without and with it: rnnParity.run has the bug as long as the game is on."""
    names = opened.js("record.bugs.map(({ name }) => name)")
    assert len(names) > 9
    for name in names:
        opened.run(f"putBug(record.bugs.find(({{ name }}) => name === '{name}'))")
        assert opened.js("compare.symptoms()") == [], name
    opened.fill("#text-input", "time")  # has no letter twice
    opened.run("putBug(record.bugs.find(({ name }) => name === 'repeated-tokens-lost'))")
    assert "Nothing differs on this text" in opened.text("#symptom-lead")
    assert opened.count("#symptom .apart") == 0


def test_a_puzzle_is_played_by_keyboard(opened):
    before = opened.page.evaluate("(text) => JSON.stringify(rnnParity.run(text))", TEXT)
    name = "last-step-only"
    puzzle = start(opened, name)
    assert opened.text("#checkpoint-value").endswith(", with a bug")
    assert opened.text("#game-link") == f"Puzzle {puzzle}: the engine has a bug. To the choices"
    assert opened.js("see.stale()") == []
    assert opened.text("#game-reply") == ""  # before a guess
    assert find_bug(name).words not in opened.text("#game-reply")
    choices = offered(opened)
    opened.page.locator("#game-hint").press("Enter")
    assert opened.text("#game-reply") == f"Hint {find_bug(name).page.hint}"
    assert opened.page.locator("#game-hint").is_disabled()  # so the focus goes to a choice
    assert opened.js("document.activeElement.matches('#choices button')")
    assert choose(opened, name, is_right=False).startswith("No. ")
    assert opened.count("#choices button:enabled") == len(choices) - 1
    reply = choose(opened, name, is_right=True)  # and behind it
    assert reply.startswith(f"Right. Puzzle {puzzle}: 2 guesses, 1 hint.")
    assert find_bug(name).words in reply
    assert "d_W_hh += W_hh_term" in reply
    assert opened.text("#game-points") == "1 of 3 points in 1 puzzle"
    assert opened.count("#choices button:enabled") == 0
    assert opened.js("document.activeElement.id") == "game-start"
    assert opened.js("document.documentElement.scrollWidth") <= 400

    opened.click("#train-step")  # the bug stays in the engine
    opened.click("#reset")
    assert opened.js("game.bug.name") == name
    assert start(opened, "uphill") != puzzle  # the next one has nothing of it
    assert opened.page.locator("#game-hint").is_enabled()
    assert (opened.text("#game-reply"), opened.count("#choices button:disabled")) == ("", 0)
    assert start(opened, name) == puzzle  # a number brings a puzzle back
    assert offered(opened) == choices
    opened.fill("#text-input", "t")
    assert opened.page.locator("#game-body").is_hidden()
    opened.fill("#text-input", TEXT)
    opened.focus("#game-leave")
    opened.press("Enter")
    assert opened.js("document.activeElement.id") == "game-start"
    assert (
        opened.page.locator("#game-body, #game-leave, #game-link").locator("visible=true").count()
        == 0
    )
    after = opened.page.evaluate("(text) => JSON.stringify(rnnParity.run(text))", TEXT)
    assert after == before


def test_after_the_game_the_training_before_it_is_there_again(opened):
    opened.click("#train-step")
    opened.click("#train-step")
    trained = "[live.losses, rnnParity.run('time').loss, $('checkpoint-value').textContent]"
    before = opened.js(trained)
    start(opened, "uphill")
    assert opened.js("live.losses") == []
    opened.click("#train-step")
    start(opened, "last-step-only")  # another puzzle
    opened.click("#game-leave")
    assert opened.js(trained) == before
    start(opened, "uphill")
    opened.choose(c=0)
    opened.click("#game-leave")  # other weights were chosen
    assert opened.js("live.losses") == []


def test_points_are_counted_once_for_each_puzzle(opened):
    def play(name, *guesses, hint=False):
        start(opened, name)
        if hint:
            opened.click("#game-hint")
        for is_right in guesses:
            choose(opened, name, is_right=is_right)
        return opened.text("#game-points")

    assert opened.text("#game-points") == ""
    assert play("uphill", True) == "3 of 3 points in 1 puzzle"
    assert play("no-carry-back", False, True, hint=True) == "4 of 6 points in 2 puzzles"
    assert play("uphill", False, True) == "4 of 6 points in 2 puzzles"
    assert play("last-step-only", False, False, False, True) == "4 of 9 points in 3 puzzles"
    play("tanh-derivative")
    opened.click("#game-give-up")
    assert ": given up." in opened.text("#game-reply")
    assert find_bug("tanh-derivative").words in opened.text("#game-reply")
    assert opened.text("#game-points") == "4 of 12 points in 4 puzzles"


def test_all_bugs_come_with_answers_that_a_glance_does_not_exclude(opened):
    drawn = opened.page.evaluate(
        """() => {
          const offered = {};
          const put = putBug;
          putBug = (bug) => (offered[bug.name] = game.offered);
          for (let number = 0; number < 300; number++) startGame(number);
          putBug = put;
          return Object.entries(offered).map(([name, bugs]) =>
            [name, bugs.map((bug) => [bug.name, bug.symptom.indexOf(true)])]);
        }"""
    )
    names = opened.js("record.bugs.map((bug) => bug.name)")
    assert sorted(name for name, _ in drawn) == sorted(names)
    for name, choices in drawn:  # the first result that differs is the same
        assert len({other for other, _ in choices}) == 4
        assert name in dict(choices)
        assert {first for _, first in choices} == {dict(choices)[name]}
