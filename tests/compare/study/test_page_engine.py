"""What the page computes is what was recorded, and what scratch_rnn computes in float64."""

import numpy as np
import pytest

import scratch_rnn
from compare.study.page.packing import pack
from tests.compare.study.pages import (
    SMALL,
    TEXT,
    TYPED,
    as_batch,
    largest,
    model_of,
    on,
    optimizer_of,
    run_by,
)

TEXTS = (TYPED, "zzz  q")
SHORT = "a machine"


@pytest.fixture
def opened(network, open_page):
    opened = open_page(network.path, anew=False, folded=True)
    opened.click("#reset")
    return opened


def test_the_page_has_the_numbers_that_were_recorded(network, opened):
    read = "([c, part]) => Object.entries(record.checkpoints[c][part]).map(([n, a]) => [n, [...a]])"
    for c, recorded in enumerate(network.made["checkpoints"]):
        for part in ("numbers", "details"):
            found = dict(opened.page.evaluate(read, [c, part]))
            assert found.keys() == recorded[part].keys()
            for name, array in recorded[part].items():
                np.testing.assert_array_equal(found[name], np.ravel(array), name)


UNPACKED = """async ([entries, text]) => {
  document.body.append(make("p", { id: "blob-own" }, text));
  const arrays = Object.entries(await unpack({ blob: "own", entries }));
  return arrays.map(([name, array]) => [name, [...new Uint32Array(array.buffer)]]);
}"""


def test_any_float_is_read_with_all_its_bits(path, open_page):
    """One of PyTorch's is stored as its distance from NumPy's, in the smallest integers."""
    bits = np.random.default_rng(0).integers(0, 2**32, 2_000, np.uint32)
    h = np.concatenate([bits.view(np.float32), np.float32([0, 1e-45, -1e-45, 3e38, -3e38])])
    h = h[np.isfinite(h)]
    others = [np.nextafter(h, -np.sign(h)), h * np.float32(0.999), h / 2, h[::-1]]
    arrays = {"d_h": h.astype(float) / 3}
    for n, other in enumerate(others):
        arrays |= {f"{n}": h, f"torch.{n}": other + 0}  # -0.0 and 0.0 share a place
    entries, text = pack(arrays)
    kinds = [entry["dtype"] for entry in entries if entry["steps"]]
    assert kinds == ["int8", "int16", "int32", "int64"]
    opened = open_page(path, anew=False, folded=True)
    for name, found in opened.page.evaluate(UNPACKED, [entries, text]):
        assert found == arrays[name].view(np.uint32).tolist(), name


ANEW = """() => {
  const { numbers, details, loss, perplexity } = computedReading(live.network, record.tokens);
  const { norms, gradient_norms } = finish(normsOf({
    ...record, parameters: live.network.parameters, ids: record.ids, targets: record.targets }));
  const rows = details.a && details.a.filter((_, n) => record.ids.indexOf(
    record.ids[Math.floor(n / H)]) === Math.floor(n / H)); // one for each letter
  const { h, y, p, L } = numbers;
  const { u, z, d_h } = details;
  const arrays = { h, y, p, L, norms, gradient_norms, a: rows, u, z, d_h,
    loss: [loss], perplexity: [perplexity] };
  const written = writeOn(live.network, reading.tape, 20, 0).map(tokenOfId);
  return [written, Object.entries(arrays).map(([name, array]) => [name, [...(array ?? [])]])];
}"""


def test_what_was_recorded_is_what_the_engine_computes(network, opened):
    """In float64 as far as the engine's own rounding goes."""
    opened.choose(c=1)
    opened.fill("#text-input", TEXT)
    found = network.made["checkpoints"][1]
    written, arrays = opened.page.evaluate(ANEW)
    assert written == found["written"]
    recorded = found | found["numbers"] | found["details"]
    tolerance = 1e-9 if network.made["dtype"] == "float64" else 1e-5
    compared = {name: array for name, array in arrays if recorded.get(name) is not None}
    assert len(compared) == (6 if network.made["gates"] else 12)  # with gates fewer are recorded
    if found["radius"] is not None:  # the page shows it as it was recorded
        radius = np.abs(np.linalg.eigvals(found["details"]["W_hh"])).max()
        assert found["radius"] == pytest.approx(radius, rel=1e-6)
    for name, array in compared.items():
        right = np.ravel(recorded[name])
        np.testing.assert_allclose(array, right, rtol=tolerance, atol=tolerance, err_msg=name)


@on("rnn-relu", "gru")  # test_engine.py tries each cell
def test_any_text_gives_the_results_of_scratch_rnn(network, opened):
    for c, checkpoint in enumerate(network.made["checkpoints"]):
        opened.choose(c=c)
        model, vocab = model_of(opened, network.made)
        of_file = [checkpoint["details"][n] for n in ("W_ih", "W_hh", "b_ih", "b_hh", "W", "b")]
        for array, right in zip(model.parameters.values(), of_file, strict=True):
            assert largest(array, right.T if right is of_file[0] else right) == 0
        for text in TEXTS:
            typed = text.upper() if c else text  # a capital is read as its small letter
            found = opened.page.evaluate("(text) => rnnParity.run(text)", typed)
            assert largest(found, run_by(scratch_rnn, model, as_batch(text, vocab))) < SMALL


ON_THE_WAY = """() => {
  const { tape, numbers, ids, back } = reading;
  const steps = live.network.backFromLast(tape.slice(0, -1), ids.at(-1)).steps;
  const each = (all) => all.map(({ fromLoss, fromNext, d_state }) =>
    [fromLoss, ...fromNext, ...d_state].map((array) => [...array]));
  return { norms: [...numbers.norms], gradients: [...numbers.gradient_norms],
    gates: record.gates.map((gate) => tape.map((step) => [...step.parts[gate]])),
    mean: each(back.steps), last: each(steps) };
}"""


def test_each_step_of_the_way_back_is_scratch_rnn_s(network, opened):
    """dL_k/dh_t is the gradient of the initial state of the text after step t."""
    opened.fill("#text-input", SHORT)
    found = opened.page.evaluate(ON_THE_WAY)
    model, vocab = model_of(opened, network.made)
    ids = np.array(vocab[list(SHORT)])
    K = len(ids) - 1
    begins = [model.begin_state()]
    begins += [model.rnn(ids[:t, None])[1] for t in range(1, K + 1)]  # the state after step t
    logits, _, tape = model.forward(ids[None], model.begin_state())
    if network.made["gates"]:
        assert largest(found["gates"], tape.rnn.recurrences[0].gates[:, :, 0]) < SMALL
    d_y = [scratch_rnn.cross_entropy(logits[[k]], ids[[k + 1]])[1][0] for k in range(K)]
    own = np.array(d_y) @ model.parameters["linear.weight"]

    def back(t, weights):
        """Return the gradients of the state after step t, of the losses with these weights."""
        if t == K:
            return [np.zeros(12)] * len(network.made["states"])
        _, _, tape = model.forward(ids[None, t:K], begins[t])
        d = np.array(d_y[t:]) * np.reshape(weights[t:], (-1, 1))
        _, d_state = model.backward_to_state(tape, d)
        return [np.ravel(a) for a in (d_state if isinstance(d_state, tuple) else (d_state,))]

    def check(steps, weights):
        for t, arrays in enumerate(steps, 1):
            from_next, from_loss = back(t, weights), weights[t - 1] * own[t - 1]
            d_state = [from_loss + from_next[0]]
            if len(from_next) > 1:  # c has a part through h, too
                h, c = (np.ravel(a) for a in begins[t])
                slope = h / np.tanh(c) * (1 - np.tanh(c) ** 2)
                d_state.append(from_next[1] + d_state[0] * slope)
            assert largest(arrays, [from_loss, *from_next, *d_state]) < SMALL, t

    check(found["mean"], np.full(K, 1 / K))
    check(found["last"], np.arange(K) == K - 1)
    norms = np.reshape(found["norms"], (K, K))
    for k, one in enumerate(np.eye(K)):
        right = [np.linalg.norm(one[t] * own[t] + back(t + 1, one)[0]) for t in range(K)]
        assert largest(norms[k], right) < SMALL
    for weights, found_norm in zip(
        [*np.eye(K), np.full(K, 1 / K)], found["gradients"], strict=True
    ):
        _, _, tape = model.forward(ids[None, :-1], model.begin_state())
        gradients = model.backward(tape, np.array(d_y) * weights[:, None])
        assert found_norm == pytest.approx(scratch_rnn.clip_grad_norm(gradients, np.inf), SMALL)


@pytest.mark.parametrize(
    ("network", "name"), [("rnn-tanh", "sgd"), ("lstm", "adam")], indirect=["network"]
)  # test_engine.py tries each cell with each optimizer
def test_a_training_step_is_train_step(name, network, opened):
    opened.select("#optimizer-select", name)
    model, vocab = model_of(opened, network.made)
    optimizer = optimizer_of(opened, name, model)
    losses = []
    for text, max_norm in (("hello", 1.0), ("hello", 0.05), ("a machine", 100.0)):
        opened.fill("#text-input", text)
        opened.page.evaluate("(limit) => Object.assign(record, { max_norm: limit })", max_norm)
        opened.click("#train-step")
        batch = as_batch(text, vocab)
        result = scratch_rnn.train_step(model, batch, None, optimizer, max_norm=max_norm)
        assert 0.05 < result.grad_norm < 100
        losses.append(result.loss)
        assert largest(model_of(opened, network.made)[0].parameters, model.parameters) < SMALL
    assert largest(opened.js("live.losses"), losses) < SMALL
    assert f"Each is {name.upper() if name == 'sgd' else 'Adam'} with" in opened.text("#train-note")
    opened.run("record.max_norm = 0.8")
    opened.select("#optimizer-select", "sgd")


NORMS = """() => [[...reading.numbers.norms], [...reading.numbers.gradient_norms],
  Boolean(work.worker)]"""


def test_worker_and_slices_give_the_norms_that_are_computed_at_once(opened):
    """A long computation does not hold the page: it answers before the result is there."""
    opened.unfold("reach")
    found = {}
    for where, settings in (
        ("at once", "{ most: 4e6 }"),
        ("worker", "{ most: 0 }"),
        ("slices", "{ worker: null }"),
    ):
        opened.js(f"Object.assign(work, {settings})")
        opened.click("#reset")
        opened.fill("#text-input", SHORT)
        waits = "[reading.numbers.norms === undefined, Boolean(work.now)]"
        waiting = opened.page.evaluate(f"() => {{ takeStep(); return {waits}; }}")
        if where != "slices":  # the first of them may do all
            assert waiting == 2 * [where == "worker"]
        opened.settle()
        *found[where], has_worker = opened.page.evaluate(NORMS)
        assert has_worker == (where == "worker")
        assert opened.page.locator("#reach-body").get_attribute("aria-busy") == "false"
    assert found["at once"] == found["worker"] == found["slices"]
    assert len(found["worker"][0]) == 64
    opened.js("Object.assign(work, { most: 4e6 })")


def test_text_is_generated_and_sampled(path, open_page):
    opened = open_page(path, folded=True)
    model, vocab = model_of(opened, {"cell": "rnn", "nonlinearity": "tanh"})
    opened.fill("#text-input", "the t")
    written = opened.text("#likeliest").replace("␣", " ")
    assert "the t" + written == scratch_rnn.predict("the t", 40, model, vocab)
    opened.fill("#temperature-slider", "1.2")
    first = opened.text("#drawn")
    assert len(first) == 40
    opened.click("#draw-again")
    assert opened.text("#drawn") != first
    assert opened.text("#drawn-name").endswith("(seed 1)")
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
    drawn = open_page(path, anew=False, folded=True).page.evaluate(
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


# How numbers are written ------------------------------------------------------------------------


def test_numbers_are_printed_as_numpy_prints_them(path, open_page):
    rng = np.random.default_rng(0)
    any_float = rng.integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    powers = np.array([s * 10.0**e for s in (1, -1) for e in range(-44, 39)], np.float32)
    twos = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32)
    edges = [np.inf, -np.inf, 0.0, -0.0, 1e16, 9999999e9, 1e-4, 9.999999e-5, 123456.0]
    usual = rng.normal(size=20_000).astype(np.float32)
    values = np.concatenate([any_float, usual, powers, twos, np.array(edges, np.float32)])
    opened = open_page(path, folded=True)
    assert opened.page.locator("[id^=blob]").count() == 0  # unpacked, and given back
    as_floats = "new Float32Array(new Uint32Array(bits).buffer)"  # Playwright may take 0 for -0
    shown = opened.page.evaluate(
        f"(bits) => [...{as_floats}].map(show)", values.view(np.uint32).tolist()
    )
    wrong = [(printed(x), y) for x, y in zip(values, shown, strict=True) if printed(x) != y]
    assert wrong == []


def printed(x):
    """Return the fewest digits that mean x; where that is no matter of taste, as str does it.

    The minus sign is a real one, and zero has none.
    """
    if x == 0 or not np.isfinite(x) or 1e-4 <= abs(float(x)) < 1e6:
        return str(abs(x) if x == 0 else x).replace("-", "−")
    return np.format_float_scientific(x, unique=True, trim="-", exp_digits=2).replace("-", "−")


def test_other_numbers_are_rounded_and_shares_are_in_per_cent(path, open_page):
    opened = open_page(path, anew=False, folded=True)
    numbers = [0, 0.000123461, -0.0012345, 0.5, 1.25049, 99949.9, 123456, None]
    for digits, right in (
        (3, ["0", "1.2e−4", "−0.00123", "0.5", "1.25", "99900", "1.2e+5", "–"]),
        (5, ["0", "1.235e−4", "−0.0012345", "0.5", "1.2505", "99950", "1.235e+5", "–"]),
    ):
        script = "([all, digits]) => all.map((x) => rounded(x, digits))"
        assert opened.page.evaluate(script, [numbers, digits]) == right
    shares = opened.js("[0, 0.004, 0.005, 0.5, 0.994, 0.9951, 1].map(percent)")
    assert shares == ["0 %", "<1 %", "1 %", "50 %", "99 %", ">99 %", "100 %"]
