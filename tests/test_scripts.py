"""What measures for the documents is run once, small, and draws what it has measured.

What is computed from the stored measurements is not tried here: test_measurements compares it with
the pages.
"""

import hashlib
import json
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import scratch_rnn
from compare.mistakes import find_bug
from compare.parity import build_models, write_parameters
from compare.study.page.explain import demonstration
from compare.terminal import Terminal
from scratch_rnn import Batch
from scratch_rnn.text import load_time_machine, sample_text
from scratch_rnn.text.recall import find_recalls
from scratch_rnn.train import loss_and_gradients
from tests.compare.forms.corpus import RIGHT, WRONG
from tests.scripts import load_script

MEASUREMENTS = load_script("pages").MEASUREMENTS


def check_tolerance(read):
    for series in read("tolerance")["series"]:
        shares, counts = series["thousandths"]
        assert sum(counts) == 2
        assert 0 < max(shares) < 1000


def check_comparisons(read):
    """The project's own rule calls no right case wrong, and none of a bug's results right."""
    data = read("comparisons")
    assert data["right"]["cases"] == 2
    assert data["right"]["refused"]["float32"]["one tolerance an entry"] == 0
    [found] = data["bugs"]["found"].values()
    assert found["wrong"] > 0
    assert "one tolerance an entry" not in found["missed"]


def check_forms(read):
    """torchtitan's rule accepts no wrong form, fla's in its CI refuses no right one; ours both."""
    data = read("forms")
    [right], [wrong] = data["right"].values(), data["wrong"].values()
    assert right["cases"] == wrong["cases"] == right["accepted"]["fla CI"] == 2
    assert wrong["accepted"]["torchtitan"] == wrong["accepted"]["parity"] == 0
    assert right["accepted"]["parity"] == 2
    assert (right["runs"], wrong["runs"]) == ({"agrees": 10}, {"differs": 10})


def check_recall(read):
    results = read("recall")["trainings"]
    assert len(results) == 2 * 7 * (2 + 2)  # places, models; tries of the rate, and stacks
    assert all(0 <= share <= 1 for result in results.values() for share in result["shares"])
    assert {update for result in results.values() for update in result["updates"]} <= {2, 4}


def check_scan_speed(read):
    """Each form has a time in each round; a loop whose states are too large has none."""
    sizes = read("scan_speed")["sizes"]
    assert [*sizes] == ["T 2, H 3", "T 5, H 3"]
    short, long = (size["seconds"] for size in sizes.values())
    assert {*short} - {*long} == {"delta rule, loop"}
    assert len(short) == 9
    assert all(len(each) == 2 and min(each) > 0 for each in [*short.values(), *long.values()])


def check_questions(read):
    biases, clipping, truncation = read("biases"), read("clipping"), read("truncation")
    moved = [biases[side]["effective_bias_moved"][0] for side in ("two", "one")]
    assert moved[0] == pytest.approx(2 * moved[1], rel=1e-3)
    assert max(biases["two"]["differences"]) < 1e-5 < biases["one"]["differences"][-1]
    for rule, cosine in clipping["lr 1"]["smallest_cosine"].items():
        assert (cosine == pytest.approx(1)) == (rule == "all together")
    lost = truncation["untrained"]["lost"]
    assert lost == sorted(lost, reverse=True)
    assert truncation["untrained"]["reach"][0] == 1
    for run in read("chaos")["runs"]:
        assert 0 < run["from_moved"][0] < 1e-5
        assert run["from_torch"][0] < 1e-4
    assert read("state")["carried"] != read("state")["reset"]
    cells = read("cells")
    for cell in ("RNN", "GRU", "LSTM"):
        assert cells[cell]["SGD"]["reach"] != cells[cell]["untrained"]["reach"]


SMALL = {  # of each script: its constants, its arguments, and what is true of any measurement
    "tolerance": ({"CASES": 2}, [["measure"]], check_tolerance),
    "questions": (
        {"B": 2, "T": 5, "H": 4, "EQUAL_UPDATES": 2, "TOKENS": 500},
        [["measure"]],
        check_questions,
    ),
    "comparisons": (
        {"WRONG_CASES": 1, "BUGS": [find_bug("tanh-derivative")]},
        [["right", "2"], ["bugs"]],
        check_comparisons,
    ),
    "forms": (
        {"CASES": 2, "RIGHT": RIGHT[:1], "WRONG": WRONG[:1]},
        [["measure"], ["measure"]],
        check_forms,
    ),
    "scan_speed": (
        {"STEPS": (2, 5), "UNITS": (3,), "CHUNK": 2, "MOST_BYTES": 1000}
        | {"LEAST_ROUNDS": 2, "MOST_ROUNDS": 2},
        [["measure"]],
        check_scan_speed,
    ),
    "recall": (
        {
            "PLACES": (("words", 1), ("anywhere", 2)),
            "LEARNING_RATES": (0.01, 0.03),
            "SEEDS": range(2, 4),
            "STACK": 1,
            "SHOWN": ("GRU",),
            "SHOWN_GAP": 1,
            "UPDATES": 4,
            "LAST": 2,
            "B": 2,
            "H": 3,
        },
        [["measure"]],
        check_recall,
    ),
}


@pytest.fixture
def without_network(monkeypatch):
    """A short text, in few epochs."""
    tokens = load_time_machine(2, 3, text=sample_text(), max_tokens=500)[0]
    monkeypatch.setattr(
        scratch_rnn,
        "load_time_machine",
        lambda B, T, **options: load_time_machine(
            B, T, **({"text": tokens.text, "max_tokens": 500} | options)
        ),
    )
    train = scratch_rnn.train
    monkeypatch.setattr(
        scratch_rnn,
        "train",
        lambda model, batches, lr, epochs, **options: train(model, batches, lr, 1, **options),
    )


@pytest.mark.usefixtures("without_network", "without_checks")
@pytest.mark.parametrize("name", SMALL)
def test_a_measurement_has_what_the_stored_one_has_and_is_drawn(name, tmp_path, monkeypatch):
    constants, commands, check = SMALL[name]
    pages = load_script("pages")
    monkeypatch.setattr(pages, "MEASUREMENTS", tmp_path)
    script = load_script(name, **constants)
    if name == "questions":  # 20 updates in place of a thousand
        stream = script._stream
        script._stream = lambda *given: islice(stream(*given), 20)
    run = getattr(script, "main", None) or (
        lambda given: pages.command(given, script.measure, script.draw)
    )
    for given in commands:
        assert run(given) == 0
    if name == "recall":  # what is stored is not measured again
        train, script.train = script.train, None
        assert run(["measure"]) == 0
        script.train = train
    measured = {path.name: json.loads(path.read_text("utf-8")) for path in tmp_path.glob("*.json")}
    assert measured.keys() == {f"{n}.json" for n in (getattr(script, "MEASURES", None) or [name])}
    check(pages.read)
    drawing = load_script("answers") if name == "questions" else script
    if name == "questions":  # its table shows a thousand updates
        chaos = pages.read("chaos")
        for run in chaos["runs"]:
            run |= {key: run[key] * 50 for key in ("from_torch", "from_moved")}
        pages.add("chaos", chaos)
    for place in {"PICTURE", "IMAGES", "PAGE", "LESSON"} & vars(drawing).keys():
        path = tmp_path / getattr(drawing, place).name
        if place == "PAGE":
            shutil.copy(drawing.PAGE, path)
        path.mkdir(exist_ok=True) if place == "IMAGES" else None
        setattr(drawing, place, path)
    before = [path.read_text("utf-8") for path in tmp_path.glob("*.md")]
    drawing.draw()
    assert next(tmp_path.rglob("*.png")).read_bytes().startswith(b"\x89PNG")
    after = [path.read_text("utf-8") for path in tmp_path.glob("*.md")]
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_the_networks_of_the_page_are_trained_and_kept(tmp_path):
    small = {"FOLDER": tmp_path, "EPOCHS": {"gru": (0, 1)}, "load_text": sample_text}
    demonstration = load_script("train_demonstration", **small)
    demonstration.SETTING["max_tokens"] = 1200
    with pytest.raises(SystemExit, match="expected The Time Machine, got the built-in sample"):
        demonstration.train("gru", Terminal(quiet=True))
    demonstration.load_text = lambda: replace(sample_text(), source="file")
    demonstration.train("gru", Terminal(quiet=True))
    folder = Path(demonstration.__file__).parents[2] / "compare" / "study" / "page"
    stored = np.load(folder / "demonstration-gru.npz")
    with np.load(tmp_path / "demonstration-gru.npz") as new:
        names = {name.replace("1000/", "1/") for name in stored if not name.startswith("30/")}
        assert {*new} == names
        assert not np.array_equal(new["0/linear.weight"], new["1/linear.weight"])
        assert json.loads(new["facts"].item()).keys() == json.loads(stored["facts"].item()).keys()


def test_shares_of_the_tolerance_are_rounded_up():
    tolerance = load_script("tolerance")
    shares = np.array([0.0421, 0.043, 0.0430001, 0.1999])
    counted = tolerance.count_thousandths(shares)
    assert counted == ([43, 44, 200], [2, 1, 1])
    again = tolerance.restore_shares({"thousandths": counted})
    assert again.tolist() == [0.043, 0.043, 0.044, 0.2]


def test_a_form_whose_results_are_wrong_gets_no_time():
    script = load_script("scan_speed", CHUNK=2)
    script.chunked_mingru.scan = lambda a, b: script.scan_in_chunks(a, b) * (1 + 1e-3)
    with pytest.raises(SystemExit, match=r"minGRU, chunks: .* differs by"):
        script.time_forms(5, 3, None)


def test_a_form_is_faster_where_most_rounds_say_so(monkeypatch):
    """A round compares the forms with each other, whatever the machine did in another round."""
    script = load_script("scan_speed", STEPS=(16, 64), UNITS=(8, 9))
    pair = {"minGRU, scan": [1, 2, 30, 4], "minGRU, loop": [2, 3, 40, 3]}
    slower = {"minGRU, scan": [1, 1, 3], "minGRU, loop": [2, 2, 1]}
    stored = {"T 16, H 8": pair, "T 64, H 8": slower, "T 16, H 9": pair, "T 64, H 9": {}}
    sizes = {size: {"seconds": seconds} for size, seconds in stored.items()}
    monkeypatch.setattr(script, "read", lambda name: {"sizes": sizes})
    assert script.divide(16, 8, *pair) == pytest.approx([0.6250, 0.7083, 0.8958], abs=1e-4)
    assert script.name_sizes(*pair) == "at T 16 with H 8, and at all T up to 16 with H 9"
    assert script.name_sizes(*reversed(pair)) == "in no size"


def test_each_rule_of_the_comparisons_says_what_it_is_described_to_say():
    rules = load_script("comparisons").RULES
    theirs = np.array([1, 2], np.float32)
    truth, allowed = theirs.astype(np.float64) + 1e-8, np.array([1e-6, 1e-4])

    def equal(*moves):
        ours = theirs + np.array(moves, np.float32)
        return {name for name, rule in rules.items() if rule(theirs, ours, truth, allowed)}

    assert equal(0, 0) == set(rules)
    assert equal(5e-5, 0) == {
        "at most 1e-3", "cosine of 0.99", "TorchDynamo's same", "one tolerance a tensor",
    }  # fmt: skip
    assert equal(5e-7, 0) == set(rules) - {"twice PyTorch's error"}
    assert equal(0, 5e-5) == equal(5e-5, 0) | {"one tolerance an entry"}
    assert equal(0, 5e-3) == {"cosine of 0.99"}
    assert equal(1, -1) == set()


def batch_of(steps):
    ids = np.random.default_rng(0).integers(0, 5, (3, steps + 1))
    return Batch(ids[:, :-1], ids[:, 1:])


def test_a_gradient_reaches_back_as_far_as_the_weights_say():
    """All hidden states are 0, and W_hh is a half of 1."""
    questions = load_script("questions", REACH=(1, 2, 4))
    model = scratch_rnn.RNNModel(scratch_rnn.RNN(5, 4, rng=np.random.default_rng(0)), 5)
    for name, parameter in model.parameters.items():
        if name.startswith("rnn."):
            parameter[...] = 0
    model.parameters["rnn.weight_hh_l0"][...] = 0.5 * np.eye(4)
    reach = questions._reach(model, batch_of(6), 6)
    assert reach == pytest.approx([0.5**d for d in range(6)], rel=1e-5)
    of_state = questions._reach_of_state(model, batch_of(6))
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


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ("RNN", "words"),
        ("GRU", "words"),
        ("LSTM", "anywhere"),
        ("minGRU", "words"),
        ("delta rule", "anywhere"),
    ],
)
def test_networks_that_are_trained_at_once_get_the_weights_of_single_ones(model, rows):
    recall = load_script("recall", UPDATES=6, LAST=6, B=4, H=5, ENOUGH=2)
    result, ends = recall.train(recall.Stack(rows, 3, model, 0.01, range(2)))
    for seed in range(2):
        single, batches = recall.build(model, seed), recall.Batches(3, rows, seed)
        optimizer, right, recalls = scratch_rnn.Adam(single.parameters, 0.01), 0, 0
        for update in range(6):
            ids, is_recall = batches.read(update)
            batch = Batch(ids[:-1].T.copy(), ids[1:].T.copy())
            logits, *_ = single.forward(batch.inputs, single.begin_state(4))
            is_right = logits.argmax(axis=1) == ids[1:].ravel()
            right += is_right[is_recall.ravel()].sum()
            recalls += is_recall.sum()
            scratch_rnn.train_step(single, batch, None, optimizer)
        assert result["shares"][seed] == pytest.approx(right / recalls, abs=1e-4)
        for name, weight in single.parameters.items():
            np.testing.assert_allclose(ends[seed][name], weight, rtol=0, atol=1e-5)
    starts = np.arange(2 * recall.period(3))  # wherever a row begins, it has a recall that counts
    places = starts[:, None] + np.arange(recall.num_steps("anywhere", 3))
    assert find_recalls(places, 3).any(axis=1).all()


def test_the_page_to_write_in_takes_numpy_from_the_first_source_that_has_it(monkeypatch, tmp_path):
    """A file with other bytes is not taken, and the message says what each source had."""
    write_page = load_script(
        "write_page",
        NUMPY_SHA256=hashlib.sha256(b"a wheel").hexdigest(),
        fetch_numpy=lambda: b"another wheel",
        unpack_numpy=Path("missing.whl").read_bytes,
    )
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
    assert "def cross_entropy(" in exercises["06_loss"]["source"]


def test_the_moving_picture_shows_what_the_network_predicts():
    script = load_script("draw_reading")
    path = script.DOCS / "images" / "reading.svg"
    text = path.read_text(encoding="utf-8")
    assert len(text) < 400_000
    assert "prefers-reduced-motion" in text
    groups = ElementTree.fromstring(text).iterfind("{*}g")
    shown = [[each.text for each in group.iterfind("{*}text")] for group in groups]
    drawn = [dict(zip(words[::2], words[1::2], strict=True)) for words in shown if words]

    network = demonstration("rnn")
    _, model = build_models(len(network.vocab), network.setting.hidden_size)
    write_parameters(model, network.snapshots[-1].weights)
    ids = torch.tensor([network.vocab[list(script.TEXT)]])
    probabilities = model(ids, model.begin_state(1))[0].softmax(1)
    for t, (shares, p) in enumerate(zip(drawn, probabilities, strict=True)):
        likeliest = p.topk(script.NUM_LIKELY)
        tokens = network.vocab.to_tokens(likeliest.indices.tolist())
        assert list(shares) == ["␣" if token == " " else token for token in tokens]
        for token, share in zip(tokens, likeliest.values.tolist(), strict=True):
            number, *mark = shares["␣" if token == " " else token].split(" %")
            assert abs(float(number) - 100 * share) < 0.51
            assert mark == ([" ✓"] if script.TEXT[t + 1 : t + 2] == token else [""])
