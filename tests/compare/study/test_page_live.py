"""The page of `explain` with a typed text, scaled weights, and generated text."""

import numpy as np
import pytest

import scratch_rnn
from compare.study.page.build import write_page
from tests.compare.parity.courses import course
from tests.compare.study.pages import MEGABYTE, TEXT, largest, model_of, recorded

SMALL = 1e-9


def test_the_text_of_the_command_brings_back_what_was_recorded(path, open_page):
    opened = open_page(path)
    before = opened.text("main")
    opened.fill("#text-input", "another")
    assert opened.text("main") != before
    opened.fill("#text-input", TEXT)
    assert opened.text("main") == before


def test_training_on_and_on_lowers_the_loss_until_stopped(small, open_page):
    opened = open_page(small, sections=())
    opened.fill("#text-input", "aaaaaaaa")
    opened.choose(c=0)
    opened.page.locator("#train").click()
    opened.page.wait_for_function("() => live.losses.at(-1) < live.losses[0] / 2")
    opened.click("#train")
    losses = opened.page.evaluate("() => live.losses")
    opened.settle()
    assert opened.page.evaluate("() => live.losses.length") == len(losses)


def test_the_gain_multiplies_the_recurrent_weights(made, path, open_page):
    opened = open_page(path, sections=("step", "reach"))
    model, _ = model_of(opened, made)
    W_hh = model.parameters["rnn.weight_hh_l0"].copy()
    for gain in (0.1, 1.5):
        opened.fill("#gain-slider", str(gain))
        model.parameters["rnn.weight_hh_l0"][...] = gain * W_hh
        louder, _ = model_of(opened, made)
        assert largest(louder.parameters, model.parameters) < 1e-15
        assert opened.page.locator("[data-side=torch], [data-side=numpy]").count() == 0
        singular = np.linalg.norm(gain * W_hh, 2)
        assert float(opened.text("#singular-value")) == pytest.approx(singular, rel=1e-3)
        of_singular = opened.text("#reach-tiles .remark >> nth=0")
        smaller = "each step back makes each gradient smaller" in of_singular
        assert smaller == (singular < 1) == (gain < 1)
    opened.fill("#gain-slider", "1")
    assert opened.text("#singular-value") == f"{made['checkpoints'][3]['singular']:.4g}"
    assert "were recorded" in opened.text("#whose")


SIZES = "([W, H]) => [largestSingularValue, spectralRadius].map((f) => f(Float64Array.from(W), H))"


@pytest.mark.parametrize(("seed", "H"), [(0, 9), (1, 9), (2, 9), (3, 9), (4, 48), (5, 64)])
def test_singular_value_and_spectral_radius_are_numpy_s(seed, H, path, open_page):
    opened = open_page(path, anew=False, sections=())
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(H, H)) * [0.01, 1, 30, 1, 1, 1][seed]
    W = np.triu(W, 1) if seed == 3 else W  # nilpotent: its radius is 0
    if seed == 5:  # its largest eigenvalues are a complex pair, and the next is near
        W = np.linalg.qr(W)[0] * 0.9
        W[:, :2] *= 1.1
    singular, radius = opened.page.evaluate(SIZES, [W.ravel().tolist(), H])
    assert singular == pytest.approx(np.linalg.norm(W, 2), rel=1e-8 if H < 32 else 1e-5)
    expected = np.abs(np.linalg.eigvals(W)).max()
    assert radius == pytest.approx(expected, rel=1e-7 if H < 32 else 1e-5)


NORMS = """() => [[...reading.numbers.norms], [...reading.numbers.gradient_norms],
  reading.singular, reading.radius, Boolean(work.worker)]"""


def test_worker_and_slices_give_the_norms_that_are_computed_at_once(network, open_page):
    opened = open_page(network.path, sections=("reach",))
    found = {}
    for where, settings in (
        ("at once", "{}"),
        ("worker", "{ most: 0 }"),
        ("slices", "{ worker: null }"),
    ):
        opened.page.evaluate(f"() => Object.assign(work, {settings})")
        opened.click("#reset")
        opened.fill("#text-input", "a machine")
        opened.click("#train-step")
        *found[where], has_worker = opened.page.evaluate(NORMS)
        assert has_worker == (where == "worker")
        assert opened.page.locator("#reach-body").get_attribute("aria-busy") == "false"
    assert found["at once"] == found["worker"] == found["slices"]
    assert len(found["worker"][0]) == 64
    opened.page.evaluate("() => Object.assign(work, { most: 4e6 })")
    opened.click("#reset")


def test_text_is_generated_and_sampled(made, path, open_page):
    opened = open_page(path, sections=())
    model, vocab = model_of(opened, made)
    opened.fill("#text-input", "the t")
    written = opened.text("#likeliest").replace("␣", " ")
    assert "the t" + written == scratch_rnn.predict("the t", 40, model, vocab)
    assert opened.text("dt:has(+ #likeliest)") == "most likely"
    assert opened.page.locator("#drawn-name + #drawn").count() == 1
    opened.fill("#temperature-slider", "1.2")
    first = opened.text("#drawn")
    assert len(first) == 40
    opened.click("#draw-again")
    assert opened.text("#drawn") != first
    p = opened.page.evaluate(
        """() => {
          const [pick, seen] = [pickFrom, []];
          pickFrom = (p, u) => { seen.push([...p]); return pick(p, u); };
          drawWriting();
          pickFrom = pick;
          return seen[0];
        }"""
    )
    logits, _ = model(np.array([vocab[list("the t")]]), model.begin_state())
    heated = np.exp(logits[-1] / 1.2)
    assert largest(p, heated / heated.sum()) < SMALL


def test_draws_have_the_probabilities_of_the_softmax(path, open_page):
    count = 20_000
    p = np.array([0.05, 0.4, 0.0, 0.3, 0.25])
    drawn = open_page(path, anew=False, sections=()).page.evaluate(
        """([p, count]) => {
          const random = randomFrom(7);
          const drawn = Array.from({ length: count }, () => pickFrom(p, random()));
          return [...drawn, pickFrom([0.5, 0.25], 0.99)]; // a sum below 1 by rounding
        }""",
        [p.tolist(), count],
    )
    assert drawn.pop() == 1
    shares = np.bincount(drawn, minlength=5) / count
    assert (np.abs(shares - p) <= 5 * np.sqrt(p * (1 - p) / count)).all()


def partial_page(tmp_path):
    """Write a page of two checkpoints, of which the last alone has its weights."""
    made, path = recorded(TEXT, course(30)), tmp_path / "page.html"
    whole = write_page(made, path, most_bytes=MEGABYTE).num_bytes
    for less in range(0, 200_000, 2_000):
        size = write_page(made, path, most_bytes=whole - less)
        if (size.kept, size.with_details) == ((0, 1), (1,)):
            return path
    raise AssertionError(f"expected a size of a page without all weights, got {size}")


def test_a_checkpoint_without_weights_shows_what_was_recorded(open_page, tmp_path):
    opened = open_page(partial_page(tmp_path), sections=("game",))
    assert opened.page.locator("#text-input").is_enabled()
    assert opened.text("#panel-absent") == ""
    opened.fill("#text-input", "hello")
    opened.choose(c=0)
    assert opened.text("#title") == f"“{TEXT}”"
    assert opened.page.locator("#text-input").input_value() == TEXT
    assert opened.page.locator("#text-input").is_disabled()
    assert "are left out" in opened.text("#panel-absent")
    assert "were recorded" in opened.text("#whose")
    opened.choose(c=1)
    assert opened.page.locator("#text-input").is_enabled()
    assert "were recorded" in opened.text("#whose")
    opened.page.evaluate("() => startGame(0)")
    opened.choose(c=0)
    assert "were recorded" in opened.text("#whose")
    assert opened.page.locator("#game-body").is_hidden()
    assert "does not have these weights" in opened.text("#game-absent")
    opened.choose(c=1)
    assert opened.page.locator("#game-body").is_visible()
    assert "engine has a bug now" in opened.text("#whose")
