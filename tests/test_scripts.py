"""What measures for the documents, on cases whose answer is known: units, rounding, ratios."""

import hashlib
import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import scratch_rnn
from scratch_rnn import Batch
from scratch_rnn.text import load_time_machine, sample_text
from scratch_rnn.text.recall import find_recalls
from scratch_rnn.train import loss_and_gradients
from tests.compare.bench.test_bench_result import timing
from tests.scripts import load_script


def rows_of(table):
    """Return the rows of a table without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (1.2345e-3, "1.23 ms"),
        (45.678e-6, "45.7 µs"),
        (0.9996e-3, "1 ms"),
        (0.9994e-3, "999 µs"),
        (0.25, "250 ms"),
    ],
)
def test_a_time_has_three_digits_and_its_unit(seconds, shown):
    assert load_script("timings").short(seconds) == shown


def test_a_share_of_the_roof_is_of_operations_per_second():
    timings = load_script("timings")
    found = timing("scratch", "seed", "step", 1e-3, 2e-3, 4e-3)  # a million operations in 2 ms
    assert timings.share_of_roof(found, 1e9) == 0.5
    with pytest.raises(SystemExit, match="expected a rate below that of large products, got 200%"):
        timings.share_of_roof(found, 0.25e9)


def test_steps_are_shown_in_milliseconds_beside_what_they_saved(monkeypatch, tmp_path):
    timings, steps = load_script("timings"), load_script("optimisation_steps")
    made = [
        {"name": name, "expected": "", "threads": 1, "seconds": [1e-3 * s for s in milliseconds]}
        for name, milliseconds in {"plain": (7, 8, 90), "scratch_rnn": (2, 2, 1)}.items()
    ]
    data = {
        "shape": {"name": "seed", "kind": "model", "T": 35, "B": 32, "V": 28, "H": 256},
        "environment": {"processor": "a processor", "thread_pools": [{"architecture": "Haswell"}]},
        "roof": {"products": {"NumPy": 123.4e9}},
        "steps": made,
        "pytorch": {"1": [4e-3], "2": [3e-3]},
        "operations": {"h W^T": [12.3e-6, 45.6e-6, 78.9e-6]},
    }
    monkeypatch.setattr(timings, "STEPS_FILE", tmp_path / "steps.json")
    timings.STEPS_FILE.write_text(json.dumps(data), encoding="utf-8")
    first, second, *_, operation = rows_of(timings.steps_table())
    assert first == ["0", "plain", "", "8.00 ms", "", "2.00"]
    assert second == ["1", "scratch_rnn", "", "2.00 ms", "75%", "0.50"]
    assert operation == ["h W^T", "46 µs"]
    assert "4.00 ms on 1 thread" in timings.steps_table()
    assert "GFLOP/s: 123 (NumPy)" in timings.steps_table()
    [axes] = steps.figure_of(data).axes
    assert [text.get_text() for text in axes.texts] == ["8.00 ms", "2.00 ms"]


def test_shares_of_the_tolerance_are_rounded_up():
    tolerance = load_script("tolerance")
    shares = np.array([0.0421, 0.043, 0.0430001, 0.1999])
    counted = tolerance.count_thousandths(shares)
    assert counted == ([43, 44, 200], [2, 1, 1])
    again = tolerance.restore_shares({"thousandths": counted})
    assert again.tolist() == [0.043, 0.043, 0.044, 0.2]
    assert np.all(again >= shares - 1e-12)


def test_false_alarms_are_shares_of_the_cases_that_are_finite(monkeypatch):
    comparisons = load_script("comparisons")
    none = dict.fromkeys(comparisons.RULES, 0)
    right = {
        "cases": 100,
        "overflowed": {"float32": 10, "float64": 0},
        "refused": {"float32": none | {"np.allclose": 4}, "float64": none | {"np.allclose": 5}},
    }
    bugs = {"a": {"wrong": 8, "missed": {"np.allclose": 2}}, "b": {"wrong": 4, "missed": {}}}
    bugs["c"] = {"wrong": 3, "missed": {"np.allclose": 3}}
    data = {"right": right, "bugs": {"found": bugs}}
    monkeypatch.setattr(comparisons, "read", lambda name: data)
    shares = comparisons.shares()
    assert shares["np.allclose"] == pytest.approx((0.1, 0.1, (0.25 + 0 + 1) / 3, 1 / 3))
    assert shares["at most 1e-3"] == (0, 0, 0, 0)


def test_results_that_a_rule_calls_equal_are_counted(monkeypatch):
    """One of three entries of the output is wrong by 5e-4, in each case."""
    comparisons, stored = load_script("comparisons"), {}
    rules = {name: comparisons.RULES[name] for name in ("at most 1e-3", "one tolerance an entry")}

    def wrong(layer, case):
        results = {name: array.copy() for name, array in comparisons.rounding(case)[0].items()}
        results["output"].flat[::3] += 5e-4
        return results

    bug = SimpleNamespace(name="a bug", package="scratch_rnn", load=lambda: scratch_rnn)
    monkeypatch.setattr(comparisons, "BUGS", [bug])
    monkeypatch.setattr(comparisons, "RULES", rules)
    monkeypatch.setattr(comparisons, "WRONG_CASES", 2)
    monkeypatch.setattr(comparisons, "results_of", wrong)
    monkeypatch.setattr(comparisons, "add", lambda name, measured: stored.update(measured))
    comparisons.measure_bugs()
    cases = 3 * 2 * 2  # cells, cases of a cell, dtypes
    assert stored["bugs"]["found"] == {"a bug": {"wrong": cases, "missed": {"at most 1e-3": cases}}}


def network(weight):
    """Return a network whose hidden states are 0, and whose W_hh is a multiple of 1."""
    model = scratch_rnn.RNNModel(scratch_rnn.RNN(5, 4, rng=np.random.default_rng(0)), 5)
    for name, parameter in model.parameters.items():
        if name.startswith("rnn."):
            parameter[...] = 0
    model.parameters["rnn.weight_hh_l0"][...] = weight * np.eye(4)
    return model


def batch_of(steps):
    ids = np.random.default_rng(0).integers(0, 5, (3, steps + 1))
    return Batch(ids[:, :-1], ids[:, 1:])


def test_a_gradient_reaches_back_as_far_as_the_weights_say(monkeypatch):
    questions = load_script("questions")
    reach = questions._reach(network(0.5), batch_of(6), 6)
    assert reach == pytest.approx([0.5**d for d in range(6)], rel=1e-5)
    monkeypatch.setattr(questions, "REACH", (1, 2, 4))
    of_state = questions._reach_of_state(network(0.5), batch_of(6))
    assert of_state == pytest.approx([1, 0.5, 0.125], rel=1e-5)


def test_the_gradient_in_one_piece_is_that_of_the_loss():
    questions = load_script("questions")
    rng, batch = np.random.default_rng(1), batch_of(6)
    model = scratch_rnn.RNNModel(scratch_rnn.RNN(5, 4, rng=rng), 5, rng=rng)
    _, gradients, _, _ = loss_and_gradients(model, batch, model.begin_state(3))
    whole, cut = (questions._gradient_in_pieces(model, batch, n) for n in (6, 2))
    for name, gradient in gradients.items():
        np.testing.assert_allclose(whole[name], gradient, rtol=1e-4, atol=1e-7)
    of_output = "linear.weight"  # it does not go back in time, so nothing is lost of it
    np.testing.assert_allclose(cut[of_output], whole[of_output], rtol=1e-4, atol=1e-7)
    assert questions._norm(cut, "rnn.") != pytest.approx(questions._norm(whole, "rnn."), rel=1e-3)
    assert questions._norm({"rnn.a": np.array([3.0, 4.0]), "b": np.ones(9)}, "rnn.") == 5


def test_entries_are_clipped_to_the_norm_that_was_asked_for():
    questions = load_script("questions")
    gradients = {"a": np.array([3.0, 0.1]), "b": np.array([[-4.0]])}
    cut = questions._cut_entries(gradients, np.sqrt(2 * 1.5**2 + 0.1**2))
    np.testing.assert_allclose(cut["a"], [1.5, 0.1], rtol=1e-6)
    np.testing.assert_allclose(cut["b"], [[-1.5]], rtol=1e-6)
    assert questions._cosine(gradients, {"a": np.array([0.0, 0.0]), "b": np.array([[-1.0]])}) == (
        pytest.approx(4 / np.sqrt(25.01))
    )


def test_the_share_of_clipped_updates_is_that_of_the_norms_above_the_limit(monkeypatch):
    questions, norms = load_script("questions"), [0.5, 2.0, 3.0, 4.0]
    calls = itertools.count()
    monkeypatch.setattr(scratch_rnn, "clip_grad_norm", lambda *_: norms[next(calls) % 4])
    few = load_time_machine(2, 3, text=sample_text(), max_tokens=2 * 3 * 5)
    monkeypatch.setattr(scratch_rnn, "load_time_machine", lambda *_: few)
    monkeypatch.setattr(questions, "_stream", lambda batches, _: batches)
    for name, size in {"B": 2, "T": 3, "H": 4}.items():
        monkeypatch.setattr(questions, name, size)
    clipping = questions.measure_clipping()
    assert next(calls) == 2 * 4
    for lr in ("lr 0.1", "lr 1"):
        assert (clipping[lr]["clipped_share"], clipping[lr]["largest_norm"]) == (0.75, 4)


def test_what_rounding_does_to_an_update_is_stated_in_learning_rates(monkeypatch):
    adam = load_script("adam")
    monkeypatch.setattr(adam, "SIZES", [1.0])
    monkeypatch.setattr(adam, "TERMS", 10)
    for optimizer in adam.OPTIMIZERS:
        found = []
        for lr in (2.0**-10, 1.0):
            monkeypatch.setattr(adam, "LR", lr)
            found.append(
                [f(optimizer, "float32") for f in (adam.move_updates, adam.differ_in_updates)]
            )
        assert found[0] == found[1], optimizer


def test_a_lost_gradient_is_a_percentage_and_updates_are_those_of_the_text():
    answers = load_script("answers")
    about = {"date": "", "python": "", "numpy": "", "torch": "", "command": ""}
    data = {"about": about, "text": "", "epochs": 60, "num_steps": [35]}
    data["perplexities"] = [[float(epoch) for epoch in range(1, 61)]]
    data |= {"untrained": {"lost": [0.1234]}, "trained": {"lost": [0.5]}}
    [row] = rows_of(answers._truncation(data))  # 9,964 tokens make 8 batches of 32 times 35
    assert row == ["35", "12.3%", "50.0%", "60.00 (480 updates)", "30.00"]


def test_one_seed_chooses_the_learning_rate_and_the_others_are_shown():
    recall = load_script("recall")

    def done(seed, lr, share, updates):
        name = recall.Training(seed, 10, "GRU", lr).name
        return {name: {"share": share, "updates": updates, "seconds": 1.0}}

    def chosen(*tries):
        results = {}
        for lr, (share, updates) in zip(recall.LEARNING_RATES, tries, strict=True):
            results |= done(recall.CHOOSING, lr, share, updates)
        return recall.choose_learning_rate(10, "GRU", results), results

    assert chosen((0.5, 1500), (0.9, 1500), (0.7, 1500))[0] == recall.LEARNING_RATES[1]
    assert chosen((1.0, 900), (0.98, 1500), (0.99, 700))[0] == recall.LEARNING_RATES[2]
    best, results = chosen((0.6, 1500), (0.5, 1500), (0.5, 1500))
    for seed, share in zip(recall.SEEDS, np.linspace(1.0, 0.5, len(recall.SEEDS)), strict=True):
        results |= done(seed, best, share, 1500)
    shown = recall.shares(10, "GRU", results)
    assert (shown[0], shown[-1], len(shown)) == (0.5, 1.0, len(recall.SEEDS))
    assert recall.CHOOSING not in recall.SEEDS


def test_a_share_of_recalls_is_that_of_the_last_updates(monkeypatch):
    recall, updates = load_script("recall"), itertools.count(1)

    def train_step(model, batch, state, optimizer):
        right = recall.count_recalls(batch) if next(updates) > 2 else 0
        return SimpleNamespace(right_recalls=right)

    monkeypatch.setattr(recall.scratch_rnn, "train_step", train_step)
    for name, value in {"UPDATES": 6, "LAST": 2, "B": 2}.items():
        monkeypatch.setattr(recall, name, value)
    assert recall.train_one(recall.Training(0, 10, "RNN", 0.01)) == (1.0, 4)


def test_wherever_a_row_begins_it_has_a_recall_that_counts():
    recall = load_script("recall")
    for gap in recall.GAPS:
        starts = np.arange(2 * recall.period(gap))
        places = starts[:, None] + np.arange(recall.num_steps(gap))
        assert find_recalls(places, gap).any(axis=1).all()


def test_the_page_to_write_in_takes_numpy_from_the_first_source_that_has_it(monkeypatch, tmp_path):
    """A file with other bytes is not taken, and the message says what each source had."""
    write_page = load_script("write_page")
    monkeypatch.setattr(write_page, "NUMPY_SHA256", hashlib.sha256(b"a wheel").hexdigest())
    monkeypatch.setattr(write_page, "fetch_numpy", lambda: b"another wheel")
    monkeypatch.setattr(write_page, "unpack_numpy", lambda: b"a wheel")
    monkeypatch.delenv(write_page.NUMPY_VARIABLE, raising=False)
    assert write_page.find_numpy() == b"a wheel"
    monkeypatch.setattr(write_page, "unpack_numpy", Path("missing.whl").read_bytes)
    own = tmp_path / "own.whl"
    monkeypatch.setenv(write_page.NUMPY_VARIABLE, str(own))
    own.write_bytes(b"a wheel of our own")
    with pytest.raises(write_page.Unavailable) as refused:
        write_page.find_numpy()
    words = str(refused.value)
    assert words.count("with the SHA-256") == 2
    assert "PyPI: [Errno 2]" in words
    own.write_bytes(b"a wheel")
    assert write_page.find_numpy() == b"a wheel"


def test_the_page_to_write_in_has_the_exercises_that_check_checks():
    exercises = dict(load_script("write_page").read_exercises())
    assert [*exercises] == [
        *("01_step", "02_slope", "03_shapes", "04_clip", "05_through_time", "06_loss", "07_gru")
    ]
    assert exercises["07_gru"]["cell"] == "gru"
    assert exercises["07_gru"]["choice"] == {"stage": "gru_step_backward", "no_equations": True}
    assert exercises["06_loss"]["choice"] == {"stage": "cross_entropy"}
    assert "def cross_entropy(" in exercises["06_loss"]["source"]
