"""bisect names the update, step, tensor and element that differ first.

The suspect is scratch_rnn with a known mistake, PyTorch, or any implementation of the layer.
"""

import inspect
import re
from pathlib import Path

import pytest
import torch

import scratch_rnn
from compare.cli import main
from compare.implementations import CELLS
from tests.compare.check.corpus import Layer, replaced
from tests.compare.study.students import ONE_BIAS, STUDENT, gated
from tests.tables import table_of

SAMPLE = Path(scratch_rnn.text.__file__).with_name("sample.txt")
T, PER_EPOCH = 6, 8  # 200 tokens: 8 batches an epoch
SMALL = f"--text {SAMPLE} --hidden-size 12 --batch-size 4 --num-steps {T} --max-tokens 200 "
PLAIN, SMALLEST_GRU = inspect.getsource(CELLS["rnn"].plain), gated("gru")
SETTINGS = SMALL + "--state carried --lr 1 --max-norm 0.3 --updates 10 "
FOUND = table_of(__file__)["found"]


@pytest.fixture
def bisect(tmp_path, monkeypatch, capsys):
    """Return the function that types `bisect` in an empty folder, and returns what is printed."""
    monkeypatch.chdir(tmp_path)

    def type_bisect(typed):
        assert main(["bisect", *typed.split()]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return " ".join(printed.out.split())

    return type_bisect


@pytest.mark.parametrize(
    ("cell", "bug", "update", "stage", "tensor", "step", "alone"),
    FOUND,
    ids=[row[1] for row in FOUND],
)
def test_a_bug_is_found_where_it_is(cell, bug, update, stage, tensor, step, alone, bisect):
    text = bisect(f"{SETTINGS} --cell {cell} --bug {bug}")
    epoch, batch = divmod(update - 1, PER_EPOCH)
    place = f"at update {update} (epoch {epoch + 1}, batch {batch + 1})"
    assert f"first difference of scratch_rnn with the bug {bug}: {tensor} {place} tensor" in text
    assert f"tensor {tensor}, the first of " in text
    for words, right in [
        (r"stage (\w+)", stage),
        (rf"step (\d+) of {T}", step),
    ]:
        found = re.search(words, text)
        assert (found[1] if found else "") == right
    is_alone = "one update alone does not show it: it depends on earlier updates" not in text
    assert is_alone == (alone or tensor in ("inputs", "targets"))
    [expected, got, apart, allowed] = re.search(
        r"expected (\S+), got (\S+); (\S+) apart, (\S+) allowed", text
    ).groups()
    assert float(apart) > float(allowed)
    assert float(apart) == pytest.approx(abs(float(expected) - float(got)), rel=0.1)
    assert re.search(r"parity: .*\bdiffers?\b", text)


def test_a_bug_in_the_upper_layer_is_located_by_the_layer_alone(bisect):
    text = bisect(f"{SETTINGS} --bug lower-layer-untaught --num-layers 2")
    assert f"step {T} of {T}, where gradient of x differs when the layer runs alone" in text


@pytest.mark.parametrize(
    ("typed", "updates"),
    [
        ("", 10),  # two epochs
        ("--dtype float64", 3),
        ("--cell gru", 3),
        ("--cell lstm", 3),
        ("--cell mingru", 3),
    ],
)
def test_pytorch_on_the_cpu_agrees(typed, updates, bisect):
    text = bisect(f"{SETTINGS} {typed} --updates {updates}")
    found = re.search(
        rf"No difference in {updates} updates. The largest difference is (\d+)% of its tolerance: "
        r"(\D*\w+), update (\d+)\. Some bugs show only with other options: --cell",
        text,
    )
    assert 0 < int(found[1]) < 100
    assert 1 <= int(found[3]) <= updates
    assert ("--num-layers 2" in text) == ("mingru" not in typed)  # a minGRU has one layer
    assert ("--nonlinearity relu" in text) == ("--cell" not in typed)
    assert "PyTorch on cpu" in text
    assert not Path("runs").exists()


# Another implementation in the place of our layer ------------------------------------------------


@pytest.mark.parametrize(
    ("target", "cell", "dtype"),
    [
        ("torch.nn:LSTM", "lstm", "float32"),
        ("torch", "gru", "float64"),
        ("mine.py", "lstm", "float64"),
        ("mine.py:Layer", "rnn", "float64"),
        ("mine.py:Mine", "gru", "float64"),
    ],
)
def test_any_implementation_may_take_the_place_of_our_layer(target, cell, dtype, bisect):
    sources = {"mine.py": inspect.getsource(CELLS[cell].plain), "mine.py:Mine": SMALLEST_GRU}
    sources["mine.py:Layer"] = Layer("batch first", "").source
    Path("mine.py").write_text(sources.get(target, ""))
    typed = f"{SETTINGS} --implementation {target} --cell {cell} --dtype {dtype} --updates 3"
    text = bisect(typed)
    assert f"Suspect: {target}" in text
    assert "No difference in 3 updates" in text


WRONG = [  # the source, what is typed, the tensor that differs first, and where
    (STUDENT, "mine.py:MyRNN --num-steps 4", "weight_ih_l0", "step 3 of 4, where gradient of x "),
    (gated("gru", "1.01"), "mine.py:Mine --cell gru --dtype float64", "bias_hh_l0", "batch 1)"),
    (gated("lstm", "1.01"), "mine.py:Mine --cell lstm --dtype float64", "bias_hh_l0", "batch 1)"),
    (replaced(PLAIN, [("1 - h_t**2", "1 - h_t")]), "mine.py", "", "6 of 6, where gradient of x "),
]


@pytest.mark.parametrize(("source", "typed", "tensor", "where"), WRONG)
def test_the_first_difference_of_an_implementation_is_found(source, typed, tensor, where, bisect):
    Path("mine.py").write_text(source)
    found = bisect(f"{SETTINGS} --implementation {typed}")
    assert f"first difference of {typed.split()[0]}: gradient of rnn.{tensor}" in found
    assert "at update 1 (epoch 1, batch 1)" in found
    assert where in found


@pytest.mark.parametrize(
    ("does", "shown"),
    [
        ("raise ArithmeticError('my sums')", "ArithmeticError: my sums (line 27)"),
        ("import os; os._exit(3)", "its process ended with exit code 3"),
    ],
)
def test_code_that_fails_is_a_difference(does, shown, bisect):
    source = replaced(STUDENT, [("(x, h), (W", f"{does}\n        (x, h), (W")])
    Path("mine.py").write_text(source)
    text = bisect(f"{SETTINGS} --implementation mine.py:MyRNN")
    found = "Found the first difference of mine.py:MyRNN: raised"
    assert f"{found} {shown} at update 1 (epoch 1, batch 1)" in text


BARE = """class Bare:
    def __init__(self, input_size, hidden_size): ...
    def forward(self, x, state=None): ...
    def backward(self, tape, d_output=None, d_state=None): ...
"""
REFUSED = [
    (BARE, "mine.py:Bare", "a layer from mine.py:Bare: AttributeError: 'Bare' object has no attr"),
    (BARE, "mine.py:join", "got 'mine.py:join': mine.py has no class join; it has Bare$"),
    ("1 / 0", "scratch_rnn.py:RNN", "ZeroDivisionError: division by zero"),  # not the module
    (gated("gru"), "mine.py:Mine --cell gru --num-layers 2", "weights of num_layers=1, as .*Mine"),
    (gated("gru"), "mine.py:Mine --cell gru", "Mine to take .* dtype='float32'; TypeError"),
    (gated("gru"), "mine.py:Mine --cell lstm --dtype float64", "parameter weight_ih_l0 of shape"),
    (STUDENT, "mine.py:MyRNN --num-layers 2", "mine.py:MyRNN with weight_ih_l1, got weight_ih_l0"),
    (STUDENT.replace(", dtype)", ", 'f8')"), "mine.py:MyRNN", "dtype float32, got float64"),
    (STUDENT.replace("def backward", "def back"), "mine.py:MyRNN", "backward, got no backward"),
    (ONE_BIAS, "mine.py:Mine --cell gru --dtype float64", "with bias_hh_l0, got weight_ih_l0"),
]


@pytest.mark.parametrize(("source", "typed", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_cannot_take_the_place_of_our_layer_is_refused_in_one_line(
    source, typed, message, tmp_path, monkeypatch, refused
):
    monkeypatch.chdir(tmp_path)
    Path("scratch_rnn.py" if "scratch" in typed else "mine.py").write_text(source)
    error = refused(f"bisect {SMALL} --updates 1 --implementation {typed}", 2, prints=True)
    assert re.search(message, error), error
    assert "expected " in error


def test_a_gpu_agrees_or_is_missed_in_one_line(bisect, refused):
    if torch.cuda.is_available():
        assert "No difference" in bisect(f"{SETTINGS} --device cuda")
    else:
        line = refused(f"bisect {SETTINGS} --device cuda", 4, prints=True)
        assert "expected a CUDA device" in line
