"""The page of somebody's own network: it is the function that PyTorch's module computes."""

import base64
import json
from urllib.parse import quote

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import nn

from compare.files import RecordError
from compare.study.config import ExplainConfig
from compare.study.page.build import write_page
from compare.study.page.explain import explain
from compare.study.page.own_network import read_own_network
from compare.study.page.record import record
from compare.terminal.errors import CommandError, UsageError
from tests.compare.study.char_lm import train
from tests.compare.study.pages import largest

TEXT = "The time\n(was)"
SMALL = 1e-6


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A module that was trained, its vocabulary, and the folder with its files."""
    folder = tmp_path_factory.mktemp("own")
    model, index = train(folder)
    return model.double(), index, folder


@torch.no_grad()
def logits_of(model, index, text):
    """Return PyTorch's logits (T, V) and states (T, H) in float64."""
    ids = torch.tensor([[index[character] for character in text]])
    [logits], _ = model(ids)
    [states], _ = model.lstm(model.embed(ids))
    return logits.numpy(), states.numpy()


def test_the_page_computes_what_the_module_computes(trained, open_page):
    model, index, folder = trained
    page = folder / "page.html"
    files = {"weights": folder / "char.pt", "vocab": folder / "vocab.json"}
    explain(ExplainConfig(text=TEXT, out=page, **files))
    opened = open_page(page)
    assert opened.page.evaluate("() => rnnParity.network().vocab") == sorted(index)
    for text in (TEXT, "traveller (for so it will be convenient\nto speak"):
        logits, states = logits_of(model, index, text)
        found = opened.page.evaluate("(text) => rnnParity.run(text)", text)
        assert np.ptp(logits) > 1  # so small a difference says something
        assert largest(found["logits"], logits[:-1]) < SMALL
        assert largest(found["states"], states[:-1]) < SMALL
    footer = opened.page.inner_text("#footer")
    assert footer.startswith("Weights: char.pt. LSTM, float32, one layer. Written by ")
    assert opened.page.inner_text("#cut-value") == f"{len(TEXT) - 1} steps: nothing is cut"
    assert opened.page.is_hidden("#perplexity-picture")
    assert "↵" in opened.page.inner_text("#step-value") + opened.page.inner_text("#live")


def test_the_numbers_of_numpy_and_pytorch_are_the_modules(trained):
    model, index, folder = trained
    course = read_own_network(folder / "char.pt", folder / "vocab.json")
    [found] = record(TEXT, course)["checkpoints"]
    assert (found["label"], found["epoch"]) == ("from char.pt", None)
    for name in ("y", "torch.y"):
        logits, _ = logits_of(model, index, TEXT)
        assert largest(found["numbers"][name], logits) < found["allowed"]["y"]


LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def state_of(cell="lstm", V=7, E=4, H=5, tied=False, linear_bias=True, **options):
    """Return the arrays of a model by name; without E it reads one-hot vectors."""
    torch.manual_seed(0)
    parts = {"encoder": nn.Embedding(V, E)} if E else {}
    parts["rnn"] = LAYERS[cell](E or V, H, dtype=torch.float64, **options)
    parts["decoder"] = nn.Linear(H, V, bias=linear_bias)
    if tied:
        parts["decoder"].weight = parts["encoder"].weight
    return {n: a.numpy() for n, a in nn.ModuleDict(parts).double().state_dict().items()}


def written(folder, arrays, tokens=tuple("abcdefg")):
    """Write both files, and return their paths."""
    weights, vocab = folder / "own.npz", folder / "vocab.json"
    np.savez(weights, **arrays)
    vocab.write_text(json.dumps(tokens))
    return weights, vocab


@pytest.mark.parametrize("cell", LAYERS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"E": 0},
        {"E": 7},  # as large as the vocabulary
        {"E": 5},  # as large as the state: the linear layer has a bias
        {"E": 5, "linear_bias": False},  # then its name decides
        {"E": 5, "tied": True},
        {"bias": False},
        {"E": 7, "H": 7},
    ],
    ids=str,
)
def test_the_parts_are_found_by_names_and_shapes(cell, options, tmp_path):
    arrays = state_of(cell, **options)
    course = read_own_network(*written(tmp_path, arrays))
    [found] = record("badge", course)["checkpoints"]
    E, ids = arrays.get("encoder.weight", np.eye(7)), [1, 0, 3, 6, 4]
    H = arrays["decoder.weight"].shape[1]
    layer = LAYERS[cell](E.shape[1], H, bias=options.get("bias", True), dtype=torch.float64)
    own = {n.removeprefix("rnn."): torch.tensor(a) for n, a in arrays.items() if n[:3] == "rnn"}
    layer.load_state_dict(own)
    with torch.no_grad():
        h = layer(torch.tensor(E[ids]))[0].numpy()
    logits = h @ arrays["decoder.weight"].T + arrays.get("decoder.bias", 0)
    assert largest(found["numbers"]["y"], logits) < 1e-12


def test_relu_is_asked_for(tmp_path):
    files = written(tmp_path, state_of("rnn", nonlinearity="relu"))
    of = {f: read_own_network(*files, f) for f in (None, "tanh", "relu")}
    y = {f: record("badge", c)["checkpoints"][0]["numbers"]["y"] for f, c in of.items()}
    assert (y[None] == y["tanh"]).all()
    assert largest(y["relu"], y["tanh"]) > 0.01


@pytest.mark.parametrize("form", ["list", "dict", ".pt", "training", ".safetensors"])
def test_forms_of_the_files(form, tmp_path):
    arrays = state_of()
    weights, vocab = written(tmp_path, arrays)
    expected = read_own_network(weights, vocab)
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    if form == "dict":
        vocab.write_text(json.dumps({c: i for i, c in reversed([*enumerate("abcdefg")])}))
    elif form == ".safetensors":
        weights = weights.with_suffix(form)
        safetensors.numpy.save_file(arrays, weights)
    elif form != "list":
        weights = weights.with_suffix(".pt")
        saved = {"model_state_dict": tensors, "step": 3} if form == "training" else tensors
        torch.save(saved, weights)
    found = read_own_network(weights, vocab)
    assert found.vocab == expected.vocab
    [own], [same] = found.snapshots, expected.snapshots
    assert list(own.weights) == list(same.weights)
    assert all((own.weights[n] == same.weights[n]).all() for n in same.weights)


def add(**arrays):
    return lambda state: state | {n.replace("__", "."): a for n, a in arrays.items()}


BAD_WEIGHTS = {
    "two layers": (
        {"num_layers": 2},
        "expected one layer in one direction without a projection in {}, got num_layers=2",
    ),
    "two directions": (
        {"bidirectional": True},
        "expected one layer in one direction without a projection in {}, got bidirectional=True",
    ),
    "a projection": (
        {"proj_size": 3},
        "expected one layer in one direction without a projection in {}, got proj_size=3",
    ),
    "two recurrent layers": (
        add(other__weight_ih_l0=np.ones((20, 4))),
        "expected one recurrent layer in {}, got 'rnn', 'other'",
    ),
    "no recurrent layer": (
        lambda state: {"decoder.weight": state["decoder.weight"]},
        "expected one recurrent layer in {}, got none",
    ),
    "no linear layer": (
        lambda state: {n: a for n, a in state.items() if "decoder" not in n},
        "expected one linear layer, a matrix (V, 5), in {}, got none",
    ),
    "two linear layers": (
        add(second__weight=np.ones((7, 5)), second__bias=np.ones(7)),
        "expected one linear layer, a matrix (V, 5), in {}, got decoder.weight (7, 5), "
        "second.weight (7, 5)",
    ),
    "two linear layers, one behind the other": (
        lambda state: (
            state
            | {"decoder.weight": np.ones((64, 5)), "decoder.bias": np.ones(64)}
            | {"last.weight": np.ones((7, 64)), "last.bias": np.ones(7)}
        ),
        "expected an embedding (64, 4), or a layer of 64 inputs, in {}, got encoder.weight (7, 4), "
        "decoder.weight (64, 5), decoder.bias (64,), last.weight (7, 64), last.bias (7,)",
    ),
    "no embedding": (
        lambda state: {n: a for n, a in state.items() if "encoder" not in n},
        "expected an embedding (7, 4), or a layer of 7 inputs, in {}, got decoder.weight (7, 5), "
        "decoder.bias (7,)",
    ),
    "two embeddings": (
        add(place__weight=np.ones((7, 4))),
        "expected one embedding (7, 4) in {}, got encoder.weight (7, 4), decoder.weight (7, 5), "
        "decoder.bias (7,), place.weight (7, 4)",
    ),
    "a norm": (
        add(norm__weight=np.ones(5)),
        "expected a recurrent layer, a linear layer and perhaps an embedding, and nothing else in "
        "{}, got also norm.weight (5,)",
    ),
    "integers": (
        add(decoder__bias=np.ones(7, int)),
        "expected floats in {}, got decoder.bias of dtype int64",
    ),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_a_network_that_does_not_fit(kind, tmp_path):
    change, line = BAD_WEIGHTS[kind]
    arrays = state_of(**change) if isinstance(change, dict) else change(state_of())
    weights, vocab = written(tmp_path, arrays)
    with pytest.raises(UsageError) as refused:
        read_own_network(weights, vocab)
    assert str(refused.value) == line.format(weights)


BAD_VOCABULARIES = {
    "words": (["the", *"bcdefg"], "single characters, or names such as <unk>, in {}, got the at "),
    "twice": ([*"abcdefa"], "each token once in {}, got a twice"),
    "a number": (3, 'a list of characters, or a dict such as {{"a": 0}} in {}, got 3'),
    "two indices": (
        {"a": 0, "b": 0},
        "the indices 0 to 1 of 2 characters in {}, got 0 twice, and no 1",
    ),
    "no index": (
        {"a": True},
        "the indices 0 to 0 of 1 characters in {}, got True of 'a', and no 0",
    ),
    "a skipped index": (
        {chr(97 + k): k + (k >= 21) for k in range(26)},
        "the indices 0 to 25 of 26 characters in {}, got 26 of 'z', and no 21",
    ),
    "a negative index": (
        {"a": 0, "b": -1, "c": -2},
        "the indices 0 to 2 of 3 characters in {}, got -1 of 'b', and no 1",
    ),
    "too few": ([*"abc"], "7 tokens in {}, as the linear layer of "),
}


@pytest.mark.parametrize("kind", BAD_VOCABULARIES)
def test_a_vocabulary_that_does_not_fit(kind, tmp_path):
    content, line = BAD_VOCABULARIES[kind]
    weights, vocab = written(tmp_path, state_of(), content)
    with pytest.raises(CommandError, match=r"^expected ") as refused:
        read_own_network(weights, vocab)
    assert str(refused.value).removeprefix("expected ").startswith(line.format(vocab))


def test_files_that_cannot_be_read(tmp_path):
    weights, vocab = written(tmp_path, state_of())
    with pytest.raises(RecordError, match=r"^expected a vocabulary in .*: No such file"):
        read_own_network(weights, tmp_path / "nothing.json")
    vocab.write_text("[")
    with pytest.raises(RecordError, match=r"^expected a vocabulary in .*vocab.json: "):
        read_own_network(weights, vocab)
    with pytest.raises(UsageError, match=r"^expected --nonlinearity tanh for nn.LSTM, got relu$"):
        read_own_network(weights, vocab, "relu")


def test_a_character_that_the_vocabulary_lacks(tmp_path):
    course = read_own_network(*written(tmp_path, state_of()))
    with pytest.raises(UsageError, match=r"^expected --text with characters of the vocabulary, "):
        record("a bad cafe", course)
    unknown = read_own_network(*written(tmp_path, state_of(), ["<unk>", *"abcdef"]))
    assert record("fact", unknown)["tokens"] == ["f", "a", "c", "<unk>"]


def test_a_page_of_all_characters_of_ascii_computes(tmp_path, open_page):
    tokens = [chr(code) for code in range(128)]
    weights, vocab = written(tmp_path, state_of(V=128, E=0), tokens)
    made = record("Is this 1 text?", read_own_network(weights, vocab))
    write_page(made, tmp_path / "page.html", most_bytes=10**6)
    opened = open_page(tmp_path / "page.html", sections=("live",))
    assert len(opened.page.evaluate("() => rnnParity.run('~{Z}').logits[0]")) == 128


def address_of(tokens, arrays):
    """Return the part of an address that carries a network, as the page to write in makes it."""
    content = b"".join(np.asarray(array, np.float32).tobytes() for array in arrays.values())
    code = base64.urlsafe_b64encode(content).decode().rstrip("=")
    return f"#network={quote(json.dumps(tokens))}&{code}"


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "of another size"])
def test_a_network_in_the_address_takes_the_place_of_the_pages(is_whole, path, tab):
    """Its characters may have another order; a network of another size is not taken."""
    tab.goto("about:blank")
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-ready]", state="attached")
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
    tab.goto(path.as_uri() + address_of([theirs["vocab"][k] for k in order], sent))
    tab.wait_for_selector("html[data-ready]", state="attached")
    found = tab.evaluate("() => rnnParity.network().parameters")
    expected = own if is_whole else theirs["parameters"]
    assert all(np.array_equal(found[name], array) for name, array in expected.items())
    assert tab.evaluate(drawn) == course  # the checkpoints stay the page's
    singular = np.linalg.norm(expected["rnn.weight_hh_l0"], 2)
    tab.wait_for_function("() => reading.singular")
    assert tab.evaluate("() => reading.singular") == pytest.approx(singular, rel=1e-6)
    is_named = "trained by your functions" in tab.inner_text("body")
    assert is_named == is_whole
