"""The page of somebody's own network: it is the function that PyTorch's module computes."""

import base64
import json
from urllib.parse import quote

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import nn

from compare.cli import main
from tests.compare.study.pages import Page, largest

SMALL = 1e-5  # the page has its weights in float32
LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def explained(folder, weights, vocab, *more, text="badge"):
    """Type `explain` with these files; return the facts of the page and of its checkpoint."""
    out = folder / "page.html"
    files = ["--weights", str(weights), "--vocab", str(vocab), "--out", str(out), *more]
    assert main(["explain", "--text", text, *files]) == 0
    page = Page(out.read_text(encoding="utf-8"))
    facts = json.loads(page.content("script", id="record"))
    return facts, *facts["checkpoints"]


def state_of(cell="lstm", V=7, E=4, H=5, tied=False, linear_bias=True, **options):
    """Return the arrays of a model by name; without E it reads one-hot vectors."""
    torch.manual_seed(0)
    parts = {"encoder": nn.Embedding(V, E)} if E else {}
    parts["rnn"] = LAYERS[cell](E or V, H, dtype=torch.float64, **options)
    parts["decoder"] = nn.Linear(H, V, bias=linear_bias)
    if tied:
        parts["decoder"].weight = parts["encoder"].weight
    return {n: a.numpy() for n, a in nn.ModuleDict(parts).double().state_dict().items()}


@torch.no_grad()
def results_of(cell, arrays, ids, **options):
    """Return PyTorch's states (T, H) and logits (T, V) of these arrays."""
    V, H = arrays["decoder.weight"].shape
    E = torch.tensor(arrays.get("encoder.weight", np.eye(V)))
    layer = LAYERS[cell](E.shape[1], H, dtype=torch.float64, **options)
    own = {n.removeprefix("rnn."): torch.tensor(a) for n, a in arrays.items() if n[:3] == "rnn"}
    layer.load_state_dict(own)
    h = layer(E[ids])[0].numpy()
    return h, h @ arrays["decoder.weight"].T + arrays.get("decoder.bias", 0)


def written(folder, arrays, tokens=tuple("abcdefg")):
    """Write both files, and return their paths."""
    weights, vocab = folder / "own.npz", folder / "vocab.json"
    np.savez(weights, **arrays)
    vocab.write_text(json.dumps(tokens))
    return weights, vocab


def test_the_page_computes_what_the_module_computes(tmp_path, open_page):
    tokens = ["b", "\n", "A", " ", "z", "ü", "("]
    text, other = "A zb\n(bü", "züüb AA((\nA b"
    arrays = {n: 3 * a.astype(np.float32) for n, a in state_of().items()}
    _, checkpoint = explained(tmp_path, *written(tmp_path, arrays, tokens), text=text)
    arrays = {n: a.astype(float) for n, a in arrays.items()}
    assert (checkpoint["label"], checkpoint["epoch"]) == ("from own.npz", None)
    h, logits = results_of("lstm", arrays, [tokens.index(each) for each in text])
    assert np.ptp(logits) > 1  # so small a difference says something
    opened = open_page(tmp_path / "page.html")
    for name in ("y", "torch.y"):  # of NumPy and of PyTorch
        recorded = opened.js(f"[...record.checkpoints[0].numbers['{name}']]")
        assert largest(recorded, logits.ravel()) < checkpoint["allowed"]["y"]
    assert opened.js("rnnParity.network().vocab") == tokens
    for each in (text, other):
        h, logits = results_of("lstm", arrays, [tokens.index(token) for token in each])
        run = opened.page.evaluate("(text) => rnnParity.run(text)", each)
        assert largest(run["logits"], logits[:-1]) < SMALL
        assert largest(run["states"], h[:-1]) < SMALL
    footer = opened.page.inner_text("#footer")
    assert footer.startswith("Weights: own.npz. LSTM, float32, one layer. Written by ")
    assert opened.page.inner_text("#cut-value") == f"{len(text) - 1} steps: nothing is cut"
    assert opened.page.is_hidden("#perplexity-picture")
    opened.choose(t=5)
    assert "↵" in opened.page.inner_text("#step-value")


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("rnn", {}),
        ("gru", {"E": 0}),
        ("lstm", {"E": 7}),  # as large as the vocabulary
        ("rnn", {"E": 5}),  # as large as the state: the linear layer has a bias
        ("gru", {"E": 5, "linear_bias": False}),  # then its name decides
        ("lstm", {"E": 5, "tied": True}),
        ("rnn", {"bias": False}),
        ("gru", {"E": 7, "H": 7}),
    ],
    ids=str,
)
def test_the_parts_are_found_by_names_and_shapes(cell, options, tmp_path):
    arrays = state_of(cell, **options)
    _, found = explained(tmp_path, *written(tmp_path, arrays))
    bias = {"bias": options.get("bias", True)}
    ids = [1, 0, 3, 6, 4]  # of "badge"
    _, logits = results_of(cell, arrays, ids, **bias)
    loss = nn.functional.cross_entropy(torch.tensor(logits[:-1]), torch.tensor(ids[1:]))
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-12)


def test_relu_is_asked_for(tmp_path):
    files = written(tmp_path, state_of("rnn", nonlinearity="relu"))
    typed = {"": [], "tanh": ["--nonlinearity", "tanh"], "relu": ["--nonlinearity", "relu"]}
    loss = {f: explained(tmp_path, *files, *more)[1]["loss"] for f, more in typed.items()}
    assert loss[""] == loss["tanh"]
    assert abs(loss["relu"] - loss["tanh"]) > 0.001


def test_forms_of_the_files(tmp_path):
    arrays = state_of()
    weights, vocab = written(tmp_path, arrays)
    _, expected = explained(tmp_path, weights, vocab)
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    torch.save({"model_state_dict": tensors, "step": 3}, tmp_path / "own.pt")
    safetensors.numpy.save_file(arrays, tmp_path / "own.safetensors")
    by_index = tmp_path / "dict.json"
    by_index.write_text(json.dumps({c: i for i, c in reversed([*enumerate("abcdefg")])}))
    for files in (("own.safetensors", "dict.json"), ("own.pt", "vocab.json")):
        facts, found = explained(tmp_path, *(tmp_path / name for name in files))
        assert facts["shown_tokens"] == [*"abcdefg"], files
        assert (found["loss"], found["written"]) == (expected["loss"], expected["written"]), files


def add(dtype=float, **shapes):
    arrays = {n.replace("__", "."): np.ones(shape, dtype) for n, shape in shapes.items()}
    return lambda state: state | arrays


def without(part):
    return lambda state: {n: a for n, a in state.items() if part not in n}


BEHIND = add(decoder__weight=(64, 5), decoder__bias=64, last__weight=(7, 64), last__bias=7)
ONE = "one layer in one direction without a projection in {weights}, got "
MORE = "a recurrent layer, a linear layer and perhaps an embedding, and nothing else in {weights}, "
REFUSED = {  # what is wrong: the change of the weights, or the vocabulary, and the line
    "two layers": ({"num_layers": 2}, ONE + "num_layers=2"),
    "two directions": ({"bidirectional": True}, ONE + "bidirectional=True"),
    "a projection": ({"proj_size": 3}, ONE + "proj_size=3"),
    "two cells": (
        add(two__weight_ih_l0=(20, 4)),
        "one recurrent layer in {weights}, got 'rnn', 't",
    ),
    "no cell": (without("rnn"), "one recurrent layer in {weights}, got none"),
    "no linear": (without("decoder"), "one linear layer, a matrix (V, 5), in {weights}, got none"),
    "two linear": (add(b__weight=(7, 5), b__bias=7), "one linear layer, a matrix (V, 5), in "),
    "one behind the other": (BEHIND, "an embedding (64, 4), or a layer of 64 inputs, in "),
    "no embedding": (without("encoder"), "an embedding (7, 4), or a layer of 7 inputs, in "),
    "two embeddings": (add(b__weight=(7, 4)), "one embedding (7, 4) in {weights}, got encoder"),
    "a norm": (add(norm__weight=5), MORE + "got also norm.weight (5,)"),
    "integers": (add(int, decoder__bias=7), "floats in {weights}, got decoder.bias of dtype int64"),
    "words": ([*"abcdef", "the"], "single characters, or names such as <unk>, in {vocab}, got the"),
    "a letter twice": ([*"abcdefa"], "each token once in {vocab}, got a twice"),
    "one letter": (["a"], "at least two tokens in {vocab}, got 1"),
    "0 twice": (
        {"a": 0, "b": 0},
        "the indices 0 to 1 of 2 characters in {vocab}, got 0 twice, ",
    ),
    "no index": (
        {"a": 0, "b": True},
        "the indices 0 to 1 of 2 characters in {vocab}, got True of 'b'",
    ),
    "2 skipped": (
        {"a": 0, "b": 1, "c": 3},
        "the indices 0 to 2 of 3 characters in {vocab}, got 3",
    ),
    "too few": ([*"abc"], "7 tokens in {vocab}, as the linear layer of {weights} has, got 3"),
    "a foreign letter": ([*"abcdefz"], "--text with characters of the vocabulary, got 'g'"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(kind, tmp_path, capsys):
    wrong, line = REFUSED[kind]
    is_layer = line.startswith(ONE)
    arrays = state_of(**wrong) if is_layer else wrong(state_of()) if callable(wrong) else state_of()
    weights, vocab = written(tmp_path, arrays)
    if not (is_layer or callable(wrong)):
        vocab.write_text(json.dumps(wrong))
    files = ["--weights", str(weights), "--vocab", str(vocab), "--out", str(tmp_path / "page.html")]
    assert main(["explain", "--text", "badge", *files]) in (2, 3)
    error = capsys.readouterr().err
    assert error.startswith(f"rnn-parity: expected {line.format(weights=weights, vocab=vocab)}")
    assert error.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


def test_the_nonlinearity_of_a_gated_cell_and_unk(tmp_path, refused):
    weights, vocab = written(tmp_path, state_of(), ["<unk>", *"abcdef"])
    files = ["--weights", str(weights), "--vocab", str(vocab), "--out", str(tmp_path / "page.html")]
    line = refused(["explain", "--nonlinearity", "relu", *files], 2)
    assert line == "expected --nonlinearity tanh for nn.LSTM, got relu"
    assert explained(tmp_path, weights, vocab, text="badz")[0]["tokens"] == [*"bad", "<unk>"]


def test_a_page_of_all_characters_of_ascii_computes(tmp_path, open_page):
    tokens = [chr(code) for code in range(128)]
    explained(tmp_path, *written(tmp_path, state_of(V=128, E=0), tokens), text="Is this 1 text?")
    opened = open_page(tmp_path / "page.html", folded=True)
    assert len(opened.js("rnnParity.run('~{Z}').logits[0]")) == 128


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "of another size"])
def test_a_network_in_the_address_takes_the_place_of_the_pages(is_whole, path, open_page):
    """As the page to write in makes it; its characters may have another order, no other number."""
    tab = open_page(path, folded=True).page
    theirs = tab.evaluate("() => rnnParity.network()")
    drawn = "() => course().map(({ drawn }) => drawn.join(''))"
    course = tab.evaluate(drawn)
    rng = np.random.default_rng(0)
    own = {n: rng.normal(size=np.shape(a)).astype("f") for n, a in theirs["parameters"].items()}
    order = rng.permutation(len(theirs["vocab"]))
    sent = dict(own)
    sent["rnn.weight_ih_l0"] = own["rnn.weight_ih_l0"][:, order]
    for name in ("linear.weight", "linear.bias"):
        sent[name] = own[name][order]
    if not is_whole:
        sent["linear.bias"] = sent["linear.bias"][1:]
    tab.goto("about:blank")
    content = b"".join(array.tobytes() for array in sent.values())
    code = base64.urlsafe_b64encode(content).decode().rstrip("=")
    tokens = json.dumps([theirs["vocab"][k] for k in order])
    tab.goto(f"{path.as_uri()}#network={quote(tokens)}&{code}")
    tab.wait_for_selector("html[data-ready]", state="attached")
    found = tab.evaluate("() => rnnParity.network().parameters")
    expected = own if is_whole else theirs["parameters"]
    assert all(np.array_equal(found[name], array) for name, array in expected.items())
    assert tab.evaluate(drawn) == course  # the checkpoints stay the page's
    assert (
        tab.evaluate("() => reading.singular") is None
    ) == is_whole  # only recorded weights have it
    is_named = "trained by your functions" in tab.inner_text("body")
    assert is_named == is_whole
