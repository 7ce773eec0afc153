"""What the page of `explain` is made from, and the page itself, as far as no browser is needed."""

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import scratch_rnn
from compare.cli import main
from compare.parity.build import build_models
from compare.parity.comparison import check_parity, compare_results
from compare.parity.weights import copy_weights
from compare.runs.checkpoint import save
from compare.runs.reading import RecordError
from compare.runs.snapshots import is_kept, newest_run, read_course
from compare.study.config import ExplainConfig
from compare.study.page.anatomy import (
    concise_forward,
    concise_losses,
    forward_allowances,
    largest_singular_value,
    scratch_backward,
    scratch_forward,
    scratch_losses,
    spectral_radius,
    units_by_change,
    write_on,
)
from compare.study.page.build import MARK, choose, render, spread
from compare.study.page.demonstration import demonstration
from compare.study.page.explain import explain
from compare.study.page.packing import pack, steps_between
from compare.study.page.record import MOST_STEPS, numbers_of, record, shown_ids, tokens_of
from compare.study.page.sources import find_line, source_lines
from compare.terminal.errors import UsageError
from scratch_rnn.plain import elman
from scratch_rnn.text import Batch, Vocab
from tests.compare.parity.courses import LETTERS, checkpoint, course, write_run

ROOT = Path(__file__).parents[3]
MEGABYTE = 1_000_000

sizes = st.integers(1, 40)
kinds = st.sampled_from(["tanh", "relu"])
dtypes = st.sampled_from(["float32", "float64"])


def texts(T: int, V: int = 9, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, V, T)


# ---------------------------------------------------------------- the numbers


@given(H=sizes, T=st.integers(1, 12), kind=kinds, dtype=dtypes)
def test_the_forward_pass_taken_apart_is_the_model_s_own_to_the_last_bit(
    H: int, T: int, kind: str, dtype: str
) -> None:
    scratch, _ = build_models(9, H, nonlinearity=kind, dtype=dtype, seed=T)
    ids = texts(T)
    numbers = scratch_forward(scratch, ids)
    logits, _, tape = scratch.forward(ids[None], scratch.begin_state())
    np.testing.assert_array_equal(numbers["y"], logits)
    np.testing.assert_array_equal(numbers["h"], tape.rnn.recurrences[0].h[:, 0])
    np.testing.assert_array_equal(numbers["z"], numbers["a"] + numbers["r"])
    f = np.tanh if kind == "tanh" else lambda z: np.maximum(z, 0)
    np.testing.assert_array_equal(f(numbers["z"]), numbers["h"][1:])
    for t in range(T):  # dL/dy = p - onehot, and p is the same wherever the one stands
        _, [d_y] = scratch_rnn.cross_entropy(logits[t : t + 1], np.array([ids[t]]))
        others = np.arange(9) != ids[t]
        np.testing.assert_array_equal(numbers["p"][t][others], d_y[others])


@given(H=sizes, T=st.integers(1, 12), kind=kinds, dtype=dtypes)
def test_pytorch_s_forward_pass_taken_apart_agrees_number_by_number(
    H: int, T: int, kind: str, dtype: str
) -> None:
    scratch, concise = build_models(9, H, nonlinearity=kind, dtype=dtype, seed=T)
    ids = texts(T)
    expected, allowed = scratch_forward(scratch, ids), forward_allowances(scratch, ids)
    targets = ids[1:]
    expected["L"], _ = scratch_losses(expected["y"][:-1], targets)
    theirs = concise_forward(concise, ids)
    theirs["L"] = concise_losses(theirs["y"][:-1], targets)
    report = compare_results(expected, theirs, allowed)
    assert report.ok, report.failures
    assert [row.name for row in report.rows] == ["a", "r", "z", "h", "y", "p", "L"]


@given(
    H=st.integers(1, 9),
    T=st.integers(2, 9),
    kind=kinds,
    gain=st.sampled_from([0.3, 1.0, 2.0]),
)
def test_norms_are_those_of_our_own_backward_pass_of_each_loss(
    H: int, T: int, kind: str, gain: float
) -> None:
    """dL_k/dh_t is what the initial state's gradient is for a text that begins after step t."""
    scratch, _ = build_models(9, H, nonlinearity=kind, dtype="float64", seed=T)
    for parameter in scratch.parameters.values():
        parameter *= gain
    ids = texts(T)
    K = T - 1
    numbers = scratch_forward(scratch, ids)
    losses, d_logits = scratch_losses(numbers["y"][:K], ids[1:])
    found = scratch_backward(scratch, ids, d_logits)
    assert found["norms"].shape == (K, K)
    d_h = np.zeros((K, H))
    for k in range(1, K + 1):
        own = d_logits[k - 1] @ scratch.parameters["linear.weight"]
        d_h[k - 1] += own / K
        assert found["norms"][k - 1, k - 1] == pytest.approx(np.linalg.norm(own), rel=1e-12)
        for t in range(1, k):
            state = numbers["h"][t][None, None]
            logits, _, tape = scratch.forward(ids[None, t:k], state)
            d_y = np.zeros_like(logits)
            d_y[-1] = d_logits[k - 1]
            _, d_state = scratch.backward_to_state(tape, d_y)
            d_h[t - 1] += d_state[0, 0] / K
            norm = np.linalg.norm(d_state)
            assert found["norms"][k - 1, t - 1] == pytest.approx(norm, rel=1e-12, abs=1e-300)
        assert not found["norms"][k - 1, k:].any()
    np.testing.assert_allclose(found["d_h"], d_h, rtol=1e-12, atol=1e-14)
    for k in range(1, K + 1):
        _, _, tape = scratch.forward(ids[None, :k], scratch.begin_state())
        d_y = np.zeros((k, 9))
        d_y[-1] = d_logits[k - 1]
        norm = scratch_rnn.clip_grad_norm(scratch.backward(tape, d_y), np.inf)
        assert found["gradient_norms"][k - 1] == pytest.approx(norm, rel=1e-12)
    norm = training_step_norm(scratch, ids)
    assert found["gradient_norms"][K] == pytest.approx(norm, rel=1e-12)
    assert losses[-1] == scratch_rnn.cross_entropy(numbers["y"][K - 1 : K], ids[K:])[0]


def training_step_norm(scratch: scratch_rnn.RNNModel, ids: np.ndarray) -> float:
    """Return the gradient norm that a training step on the text reports."""
    model = scratch_rnn.RNNModel(scratch.rnn, 9)
    model.parameters = scratch.parameters
    optimizer = scratch_rnn.SGD({name: p.copy() for name, p in scratch.parameters.items()}, 0.1)
    batch = Batch(ids[None, :-1].copy(), ids[None, 1:].copy())
    return scratch_rnn.train_step(model, batch, None, optimizer).grad_norm


def test_the_gradient_is_a_product_of_jacobians() -> None:
    """dL_k/dh_t = (Π W_hh^T diag(1 - h²))… W^T (p - onehot), with numbers small enough to see."""
    scratch, _ = build_models(3, 2, dtype="float64", seed=1)
    ids = np.array([1, 2, 0])
    numbers = scratch_forward(scratch, ids)
    p, h = numbers["p"], numbers["h"]
    W_hh, W = scratch.rnn.parameters["weight_hh_l0"], scratch.parameters["linear.weight"]
    d_h_2 = W.T @ (p[1] - [1, 0, 0])
    d_h_1 = W_hh.T @ ((1 - h[2] ** 2) * d_h_2)
    _, d_logits = scratch_losses(numbers["y"][:2], ids[1:])
    norms = scratch_backward(scratch, ids, d_logits)["norms"]
    expected = [
        [np.linalg.norm(W.T @ (p[0] - [0, 0, 1])), 0],
        [np.linalg.norm(d_h_1), np.linalg.norm(d_h_2)],
    ]
    np.testing.assert_allclose(norms, expected, rtol=1e-14)


def test_the_spectral_radius_of_a_turn_and_a_stretch() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])  # eigenvalues 0.6 ± 0.8i
    assert spectral_radius(3 * turn) == pytest.approx(3, rel=1e-15)
    assert largest_singular_value(3 * turn) == pytest.approx(3, rel=1e-15)
    shear = np.array([[0.0, 100.0], [0.0, 0.0]], np.float32)  # one step may grow, two never do
    assert spectral_radius(shear) == 0
    assert largest_singular_value(shear) == 100


def test_units_that_change_most_come_first() -> None:
    h = np.array([[1, 2, -5, 0], [1, 3, 5, 0], [1, 2, -5, 0.0]])  # (T, H)
    assert units_by_change(h) == [2, 1, 0, 3]


def test_it_writes_on_as_predict_does() -> None:
    scratch, _ = build_models(28, 12, seed=3)
    for parameter in scratch.parameters.values():
        parameter *= 4  # so that it doesn't write the same letter again and again
    vocab = Vocab.from_list(LETTERS)
    written = write_on(scratch, np.array(vocab[list("time ")]), 6)
    assert len(set(written)) > 2
    assert "time " + "".join(vocab.to_tokens(written)) == scratch_rnn.predict(
        "time ", 6, scratch, vocab
    )


# ---------------------------------------------------------------- the record


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_record_has_all_checkpoints_and_the_parity_of_a_training_step(dtype: str) -> None:
    given_course = course(dtype=dtype)
    made = record("time", given_course)
    assert (made["T"], made["H"], made["V"], made["dtype"]) == (4, 7, 28, dtype)
    assert made["tokens"] == list("time")
    assert [made["shown_tokens"][i] for i in made["targets"]] == list("ime")
    assert [c["label"] for c in made["checkpoints"]] == ["untrained", "after 1 epochs"]
    for snapshot, found in zip(given_course.snapshots, made["checkpoints"], strict=True):
        scratch, concise = build_models(28, 7, dtype=dtype)
        for name, array in snapshot.weights.items():
            scratch.parameters[name][...] = array
        np.testing.assert_array_equal(
            found["details"]["W_hh"], snapshot.weights["rnn.weight_hh_l0"]
        )
        np.testing.assert_array_equal(
            found["numbers"]["h"], scratch_forward(scratch, np.array(made["ids"]))["h"]
        )
        copy_weights(scratch, concise)
        ids = np.array(made["ids"])
        batch = Batch(ids[None, :-1].copy(), ids[None, 1:].copy())
        report = check_parity(scratch, concise, batch)
        assert report.ok
        assert found["parity"] == [row.to_json() for row in report.rows]
        assert found["perplexity"] == pytest.approx(np.exp(found["numbers"]["L"].mean()), rel=1e-6)


@pytest.mark.parametrize(
    ("text", "H", "K"), [("t", 7, 0), ("t", 1, 0), ("ti", 1, 1), ("time traveller", 1, 13)]
)
def test_small_texts_and_small_networks(text: str, H: int, K: int) -> None:
    made = record(text, course(H))
    found = made["checkpoints"][0]
    assert found["numbers"]["norms"].shape == (K, K)
    assert found["details"]["d_h"].shape == (K, H)
    assert (found["perplexity"] is None) == (K == 0)
    assert all(row["ok"] for row in found["parity"])


def test_states_that_explode_are_refused_in_one_line() -> None:
    with pytest.raises(RecordError, match=r"^expected finite numbers untrained, got others in "):
        record("time traveller" * 4, course(20, gains=(300.0,), nonlinearity="relu"))


@pytest.mark.parametrize(
    ("text", "tokens", "notes"),
    [
        ("time", "time", []),
        (" a  b ", " a  b ", []),
        ("Time, Traveller!", "time traveller", ['Read as "time traveller": training texts']),
        ("time\ntraveller", "time traveller", ['Read as "time traveller"']),
        ("a" * 70, "a" * 64, ["The first 64 of 70 characters"]),
    ],
)
def test_a_text_is_read_as_training_texts_are(text: str, tokens: str, notes: list[str]) -> None:
    found, said = tokens_of(text, Vocab.from_list(LETTERS), "char")
    assert "".join(found) == tokens
    assert len(said) == len(notes)
    assert all(line.startswith(start) for line, start in zip(said, notes, strict=True))
    assert MOST_STEPS == 64


def test_what_the_vocabulary_has_not_is_read_as_unknown() -> None:
    found, notes = tokens_of("jazz", Vocab.from_list(["<unk>", "a", "j"]), "char")
    assert found == ["j", "a", "<unk>", "<unk>"]
    assert notes == ["Not in the vocabulary, and read as <unk>: 'z'."]
    words = Vocab.from_list(["<unk>", "time", "machine"])
    assert tokens_of("The Time Machine", words, "word")[0] == ["<unk>", "time", "machine"]


@pytest.mark.parametrize("text", ["", "   ", "123", "Привет", "zzz", "🙂"])
def test_a_text_of_nothing_that_is_known_is_refused(text: str) -> None:
    vocab = Vocab.from_list(["<unk>", "a", "b"])
    with pytest.raises(UsageError, match=r"^expected --text with [^\n]*, got "):
        tokens_of(text, vocab, "char")


def test_of_a_large_vocabulary_the_true_and_the_likeliest_are_shown() -> None:
    p = np.full((3, 500), 1e-3)
    p[0, 77], p[1, 400], p[2, 8] = 0.5, 0.4, 0.3
    p[0, 350] = 0.2  # nowhere the first
    shown = shown_ids([p], np.array([499, 2]))
    assert len(shown) == 64
    assert shown == sorted(shown)
    assert {77, 400, 8, 350, 499, 2} <= set(shown)
    assert shown_ids([p[:, :64]], np.array([3])) == list(range(64))


def test_lines_of_the_source_are_where_the_page_says() -> None:
    lines = source_lines()
    assert lines["z"]["code"].startswith("z_t = x_t @ W_ih.T")
    for line in lines.values():
        found = (ROOT / line["file"]).read_text(encoding="utf-8").split("\n")
        assert found[line["number"] - 1].strip() == line["code"]


def test_a_line_that_is_not_there_or_there_twice_is_noticed() -> None:
    for part in ("no such line", "return"):
        with pytest.raises(ValueError, match="expected one line with"):
            find_line(elman, part)


# ---------------------------------------------------------------- what a run kept


def test_snapshots_are_kept_where_much_happens() -> None:
    assert [epoch for epoch in range(1001) if is_kept(epoch)] == [
        *(0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    ]


def test_a_run_is_read_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", epochs=(0, 1, 10, 2), last=12)
    found = read_course(run)
    assert [s.label for s in found.snapshots] == [
        *("untrained", "after 1 epoch", "after 2 epochs", "after 10 epochs", "after 12 epochs")
    ]
    assert (found.setting.lr, found.setting.num_steps, found.setting.hidden_size) == (0.5, 4, 5)
    last = checkpoint(12).weights["linear.bias"]
    np.testing.assert_array_equal(found.snapshots[-1].weights["linear.bias"], last)


def test_the_end_is_not_there_twice(tmp_path: Path) -> None:
    found = read_course(write_run(tmp_path / "run", epochs=(0, 5), last=5))
    assert [s.epoch for s in found.snapshots] == [0, 5]


def test_an_interrupted_run_ends_with_its_newest_checkpoint(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "scratch.safetensors").unlink()
    (run / "checkpoints").mkdir()
    for batch in (0, 1):
        path = run / "checkpoints" / f"{6 + batch:07d}-scratch.safetensors"
        save(path, checkpoint(2, batch=batch))
    assert [s.label for s in read_course(run).snapshots][-2:] == [
        *("after 2 epochs", "after 7 updates")
    ]


def test_one_file_is_a_course_of_one(tmp_path: Path) -> None:
    save(tmp_path / "x.safetensors", checkpoint(4))
    assert [s.epoch for s in read_course(tmp_path / "x.safetensors").snapshots] == [4]


def test_the_newest_run_is_the_one_begun_last(tmp_path: Path) -> None:
    assert newest_run(tmp_path / "nowhere") is None
    for name in ("20260101-000000-b", "20260102-000000-a"):
        write_run(tmp_path / name)
    (tmp_path / "20260103-000000-empty").mkdir()
    assert newest_run(tmp_path) == tmp_path / "20260102-000000-a"


def test_a_damaged_or_foreign_file_is_refused_in_one_line(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    end = run / "scratch.safetensors"
    whole = end.read_bytes()
    end.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(RecordError, match="expected content with the SHA-256"):
        read_course(run)
    save(end, checkpoint(3, vocabulary=(*LETTERS[:-1], "é")))
    with pytest.raises(RecordError, match="expected one model and one vocabulary in"):
        read_course(run)
    save(end, checkpoint(3, num_layers=2))
    with pytest.raises(RecordError, match="expected a model of one layer in one direction"):
        read_course(end)
    with pytest.raises(RecordError, match="expected a run with weights, got"):
        read_course(tmp_path)
    with pytest.raises(RecordError, match=r"^expected a checkpoint in [^\n]*$"):
        read_course(tmp_path / "nothing")
    save(end, checkpoint(3, vocabulary=("<unk>",)))
    with pytest.raises(RecordError, match="expected a vocabulary of at least 2 tokens"):
        read_course(end)


# ---------------------------------------------------------------- arrays in the page


def unpacked(
    entries: list[dict[str, Any]],
    text: str,
    column: list[int] | None = None,
    input_rows: list[int] | None = None,
) -> dict[str, np.ndarray]:
    """Read packed arrays back, as the page's script does."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for entry in entries:
        if entry["is_sum"]:
            arrays[entry["name"]] = (
                arrays["W_ih"][input_rows] + (arrays["b_ih"] + arrays["b_hh"])
                if entry["name"] == "a"
                else arrays["a"][column] + arrays["r"]
            )
            continue
        kind = np.dtype(entry["dtype"]).newbyteorder("<")
        size = int(np.prod(entry["shape"])) * kind.itemsize
        stored = planes[start : start + size].reshape(kind.itemsize, -1).T.copy().view(kind)
        start += size
        array = stored.reshape(entry["shape"])
        if entry["steps"]:
            bits = arrays[entry["name"].removeprefix("torch.")].view(np.int32).astype(np.int64)
            place = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits) + array
            bits = np.where(place < 0, -place | 0x80000000, place)
            array = bits.astype(np.uint32).view(np.float32)
        arrays[entry["name"]] = array
    assert start == len(planes)
    return arrays


floats = st.floats(width=32, allow_nan=False)


@given(st.lists(st.tuples(floats, floats), max_size=20))
def test_float32_survives_packing_bit_for_bit(pairs: list[tuple[float, float]]) -> None:
    a, b = (np.array([pair[side] for pair in pairs], np.float32) for side in (0, 1))
    found = unpacked(*pack({"h": a, "torch.h": b}))
    np.testing.assert_array_equal(found["h"].view(np.int32), a.view(np.int32))
    np.testing.assert_array_equal(found["torch.h"], b)  # -0.0 and 0.0 share a place


@given(st.lists(st.floats(allow_nan=False), max_size=20))
def test_float64_survives_packing_bit_for_bit(values: list[float]) -> None:
    a = np.array(values).reshape(-1, 1)
    found = unpacked(*pack({"h": a, "torch.h": -a}))
    np.testing.assert_array_equal(found["h"].view(np.int64), a.view(np.int64))
    np.testing.assert_array_equal(found["torch.h"], -a)


@given(floats.filter(np.isfinite), st.integers(-300, 300))
@example(float(np.finfo(np.float32).max), 1)
def test_steps_count_floats(start: float, count: int) -> None:
    a = b = np.array([start], np.float32)
    with np.errstate(over="ignore"):  # the step from the last float to infinity
        for _ in range(abs(count)):
            b = np.nextafter(b, np.float32(np.copysign(np.inf, count)))
    steps = steps_between(a, b)
    if np.isfinite(b[0]):
        assert steps[0] == count
        assert steps.dtype == (np.int8 if abs(count) < 128 else np.int16)


def test_most_of_pytorch_takes_a_byte_a_number() -> None:
    numbers = record("time traveller", course(64))["checkpoints"][0]["numbers"]
    entries, text = pack({"p": numbers["p"], "torch.p": numbers["torch.p"]})
    alone = pack({"p": numbers["p"]})[1]
    assert entries[1]["dtype"] == "int8"
    assert len(text) - len(alone) < numbers["p"].size * 4 / 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_the_page_adds_again_is_the_sum_that_was_recorded(dtype: str) -> None:
    made = record("time traveller", course(33, dtype=dtype))
    for found in made["checkpoints"]:
        again = unpacked(*pack(found["details"]), made["column"], made["input_rows"])
        assert list(again) == list(found["details"])
        for name, array in found["details"].items():
            np.testing.assert_array_equal(again[name], array)


# ---------------------------------------------------------------- what there is room for


def test_the_order_is_last_first_and_then_whatever_is_farthest() -> None:
    assert spread(1) == [0]
    assert spread(2) == [1, 0]
    assert spread(5) == [4, 0, 2, 3, 1]
    assert sorted(spread(11)) == list(range(11))


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 99)), min_size=1, max_size=9),
    st.integers(0, 500),
)
def test_what_is_chosen_fits_and_nothing_that_fits_is_left_out(
    sizes: list[tuple[int, int]], room: int
) -> None:
    numbers, details = [n for n, _ in sizes], [d for _, d in sizes]
    kept, with_details = choose(numbers, details, room)
    last = len(sizes) - 1
    assert last in kept
    assert set(with_details) <= set(kept)
    left = room - sum(numbers[i] for i in kept) - sum(details[i] for i in with_details)
    if kept != [last] or with_details:
        assert left >= 0
    assert all(numbers[i] > left for i in range(last) if i not in kept)
    assert all(details[i] > left for i in kept if i not in with_details) or left < 0
    if details[last] + numbers[last] <= room:
        assert last in with_details


@pytest.mark.parametrize(
    ("less", "kept"), [(0, (4, 4)), (61_000, (4, 3)), (211_000, (3, 1)), (281_000, (3, 0))]
)
def test_a_page_is_as_small_as_it_is_to_be(less: int, kept: tuple[int, int]) -> None:
    made = record("time traveller", course(80, gains=(1.0, 1.1, 1.2, 1.3)))
    _, whole = render(made, most_bytes=MEGABYTE)
    page, size = render(made, most_bytes=whole.num_bytes + 2_000 - less)
    assert len(page.encode()) == size.num_bytes <= size.most_bytes
    assert size.kept[-1] == 3
    assert (len(size.kept), len(size.with_details)) == kept


def test_a_page_of_the_lecture_s_size_stays_below_a_megabyte() -> None:
    made = record("the time traveller for so it wil", course(256, gains=(1.0, 1.2, 1.5)))
    _, size = render(made, most_bytes=MEGABYTE)
    assert size.num_bytes < MEGABYTE
    assert size.with_details
    assert len(size.kept) >= 2


# ---------------------------------------------------------------- the page


class Page(HTMLParser):
    """The elements of a page, and what stands in its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: list[str] = []
        self.is_inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.contents.append("")
        self.is_inside = True

    def handle_endtag(self, tag: str) -> None:
        self.is_inside = False

    def handle_data(self, data: str) -> None:
        if self.is_inside:
            self.contents[-1] += data

    def content(self, tag: str, **attributes: str) -> str:
        [found] = [
            content
            for (name, attrs), content in zip(self.elements, self.contents, strict=True)
            if name == tag and attributes.items() <= attrs.items()
        ]
        return found


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!-- <script> -->",
    "{{record}} {{script}}",
    "a\u2028b \udc80 & \"quotes\" 'n' \\u003c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_never_becomes_markup(text: str) -> None:
    made = record("time", course()) | {"text": text, "notes": [text], "source": text}
    made["tokens"][1] = made["shown_tokens"][1] = "</script>"
    plain = Page(render(record("time", course()), most_bytes=MEGABYTE)[0])
    page = Page(render(made, most_bytes=MEGABYTE)[0])
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    stated = json.loads(page.content("script", id="record"), parse_constant=pytest.fail)
    assert stated["text"] == stated["source"] == stated["notes"][0] == text
    assert stated["tokens"][1] == "</script>"


def test_a_page_allows_its_own_script_and_style_and_nothing_else() -> None:
    text, _ = render(record("time", course()), most_bytes=MEGABYTE)
    page = Page(text)
    [policy] = [a["content"] or "" for _, a in page.elements if "http-equiv" in a]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    [script] = [
        content
        for (tag, attributes), content in zip(page.elements, page.contents, strict=True)
        if tag == "script" and "type" not in attributes
    ]
    for rule, content in (("script-src", script), ("style-src", page.content("style"))):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    for _, attributes in page.elements:
        assert not attributes.keys() & {"src", "style", "onclick", "onload", "srcset"}
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert not re.search(
        r"@import|url\((?!#)|\beval\b|innerHTML|insertAdjacentHTML|document\.write", text
    )
    assert text.count("://") == 1  # the name of SVG's namespace


def test_infinity_becomes_null() -> None:
    page = Page(render(record("time", course(max_norm=float("inf"))), most_bytes=MEGABYTE)[0])
    stated = json.loads(page.content("script", id="record"), parse_constant=pytest.fail)
    assert stated["max_norm"] is None


# ---------------------------------------------------------------- the command


def config(tmp_path: Path, text: str = "time", **more: Any) -> ExplainConfig:
    return ExplainConfig(
        text=text, out=tmp_path / "page.html", runs=tmp_path / "runs", **more
    )  # fmt: skip


def test_it_explains_the_newest_run(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "20260101-000000-run")
    path = explain(config(tmp_path))
    stated = json.loads(Page(path.read_text()).content("script", id="record"))
    assert stated["source"] == "20260101-000000-run"
    assert [c["label"] for c in stated["checkpoints"]] == [
        *("untrained", "after 1 epoch", "after 2 epochs", "after 3 epochs")
    ]
    assert sorted(tmp_path.iterdir()) == [path, tmp_path / "runs"]


def test_without_a_run_it_explains_the_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RNN_PARITY_URL", "http://127.0.0.1:1/")  # it needs no text
    monkeypatch.chdir(tmp_path)
    assert main(["explain"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "so this is the demonstration, 16 units trained on The Time Machine" in said
    assert "4 checkpoints, with all weights Written to explain.html" in said
    page = Page((tmp_path / "explain.html").read_text())
    stated = json.loads(page.content("script", id="record"))
    assert (stated["text"], stated["H"]) == ("time traveller", 16)
    assert all(row["ok"] for c in stated["checkpoints"] for row in c["parity"])
    found = demonstration()
    for n, (c, snapshot) in enumerate(zip(stated["checkpoints"], found.snapshots, strict=True)):
        text = page.content("script", id=f"blob-{2 * n + 1}")
        entries = c["details"]["entries"]
        again = unpacked(entries, text, stated["column"], stated["input_rows"])
        np.testing.assert_array_equal(again["W_hh"], snapshot.weights["rnn.weight_hh_l0"])


def test_the_demonstration_has_learned() -> None:
    found = demonstration()
    assert [s.label for s in found.snapshots] == [
        *("untrained", "after 10 epochs", "after 100 epochs", "after 1,000 epochs")
    ]
    for snapshot in found.snapshots:
        assert snapshot.weights["rnn.weight_hh_l0"].shape == (16, 16)
    assert len(found.curve) == 1000
    assert found.curve[-1] < 7.5 < 15 < found.curve[0]
    made = record("the time traveller", found)
    perplexities = [c["perplexity"] for c in made["checkpoints"]]
    assert perplexities == sorted(perplexities, reverse=True)
    assert perplexities[-1] < 10


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_demonstration_of_each_cell_even_where_there_is_a_run(cell: str, tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "20260101-000000-run")
    path = explain(config(tmp_path, "time traveller", cell=cell))
    stated = json.loads(Page(path.read_text()).content("script", id="record"))
    assert (stated["cell"], stated["H"]) == (cell, 16)
    assert [c["label"] for c in stated["checkpoints"]] == [
        *("untrained", "after 30 epochs", "after 1,000 epochs")
    ]
    assert all(row["ok"] for c in stated["checkpoints"] for row in c["parity"])
    perplexities = [c["perplexity"] for c in stated["checkpoints"]]
    assert perplexities == sorted(perplexities, reverse=True)
    assert perplexities[-1] < 5
    assert path.stat().st_size < 1_000_000


def test_a_file_is_never_overwritten_unasked(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "20260101-000000-run")
    page = tmp_path / "page.html"
    others = ["", "mine", MARK, "<!doctype html>", "<!doctype html>" + " " * 999 + MARK]
    for other in others:
        page.write_text(other)
        with pytest.raises(UsageError, match=r"^expected a new file or a page [^\n]*--overwrite"):
            explain(config(tmp_path))
        assert page.read_text() == other
    explain(config(tmp_path, overwrite=True))
    assert page.read_text().startswith("<!doctype html>")


def test_its_own_page_is_replaced_unasked(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "20260101-000000-run")
    explain(config(tmp_path, "time"))
    path = explain(config(tmp_path, "traveller"))
    stated = json.loads(Page(path.read_text()).content("script", id="record"))
    assert stated["text"] == "traveller"


def test_a_directory_in_the_page_s_place_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "20260101-000000-run")
    (tmp_path / "page.html").mkdir()
    with pytest.raises(UsageError, match=r"^expected a new file or a page of explain as --out"):
        explain(config(tmp_path))


def test_a_page_that_cannot_be_finished_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "runs" / "20260101-000000-run")

    def full(descriptor: int, content: bytes | memoryview) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("compare.runs.atomic.system.write", full)
    with pytest.raises(OSError, match="No space left"):
        explain(config(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": " \n"}, r"expected --text with letters from a to z, got"),
        ({"cell": "gru", "checkpoint": Path("x")}, "expected --cell or --checkpoint, got both"),
        ({"megabytes": 0.0}, "expected --megabytes above 0, got 0"),
        ({"megabytes": float("nan")}, "expected --megabytes above 0, got nan"),
    ],
)
def test_wrong_flags(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        dataclasses.replace(config(tmp_path), **changes).check()


def test_from_a_run_to_its_page_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fox.txt").write_text("the quick brown fox jumps over the lazy dog " * 20)
    small = "--hidden-size 6 --batch-size 4 --num-steps 8 --epochs 3"
    assert main(["run", "--text", "fox.txt", *small.split()]) == 0
    capsys.readouterr()
    assert main(["explain", "--text", "brown <b>"]) == 0
    said = capsys.readouterr().out
    assert "untrained, after 1 epoch, after 2 epochs, after 3 epochs" in said
    assert 'Read as "brown b"' in said
    size = (tmp_path / "explain.html").stat().st_size
    assert f"Written to explain.html ({size / 1e3:,.0f} kB)" in said
    stated = json.loads(
        Page((tmp_path / "explain.html").read_text()).content("script", id="record")
    )
    assert len(stated["curve"]) == 3
    assert all(row["ok"] for c in stated["checkpoints"] for row in c["parity"])

    for flags, code, message in [
        ("--text x --out fox.txt", 2, "rnn-parity: expected a new file or a page of explain"),
        ("--text 123", 2, "rnn-parity: expected --text with letters from a to z"),
        ("--text x --checkpoint no", 3, "rnn-parity: expected a checkpoint in no"),
        ("--text x --overwrite --out runs", 3, "rnn-parity: expected to read or write runs"),
    ]:
        assert main(["explain", *flags.split()]) == code
        errors = capsys.readouterr().err
        assert errors.startswith(message)
        assert errors.count("\n") == 1


def test_pytorchs_losses_are_of_pytorchs_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    scratch, concise = build_models(7, 5, seed=0)
    ids = np.array([1, 2, 3, 4])

    def with_larger_logits(model: Any, ids: np.ndarray) -> Any:
        numbers = concise_forward(model, ids)
        return numbers | {"y": 2 * numbers["y"]}

    before, _ = numbers_of(scratch, concise, ids)
    monkeypatch.setattr("compare.study.page.record.concise_forward", with_larger_logits)
    after, _ = numbers_of(scratch, concise, ids)
    np.testing.assert_array_equal(after["L"], before["L"])
    assert np.all(after["torch.L"] != before["torch.L"])
