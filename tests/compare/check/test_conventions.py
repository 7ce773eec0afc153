"""The conventions of a class: detected, or stated by flags."""

import pytest

from compare.check.layers.layer import LayerSubject, find_layout
from compare.implementations import Flags, UserLayerFactory
from compare.terminal import UsageError
from tests.compare.check.test_check_layers import examined
from tests.in_process import submission_of

pytestmark = pytest.mark.usefixtures("quickly", "beside_files")

CROWDED = "weight_ih_l0=Wx,weight_hh_l0=Wh,bias_ih_l0=b"


def detected(target, **flags):
    """Return the conventions of a class in words."""
    parsed = Flags.parse(*(flags.get(name) for name in ("layout", "bias", "names")))
    with submission_of(f"{target}.py:Layer") as submission:
        layers = UserLayerFactory(submission, "rnn", flags=parsed)
        find_layout(LayerSubject(layers, 0))
    return layers.conventions.describe(parsed)


def test_conventions_are_detected():
    assert examined("OtherWay").ok
    assert detected("OtherWay") == (
        "batch first, a state of shape (B, H), weights (in, out), one bias; "
        "weight_ih_l0 is Wx, weight_hh_l0 is Wh, bias_ih_l0 is b"
    )


def test_conventions_that_flags_state_are_not_detected():
    flags = {"layout": "batch-first,2d-state,in-out", "bias": "one", "names": CROWDED}
    assert not examined("Crowded").ok
    assert examined("Crowded", **flags).ok
    assert detected("Crowded", **flags) == (
        "batch first (as --layout says), a state of shape (B, H) (as --layout says), "
        "weights (in, out) (as --layout says), one bias (as --bias says); "
        "weight_ih_l0 is Wx (as --names says), weight_hh_l0 is Wh (as --names says), "
        "bias_ih_l0 is b (as --names says)"
    )


def test_the_conventions_of_flags_are_tried_first():
    words = detected("Unfinished", layout="2d-state,batch-first")
    assert words.startswith("batch first (as --layout says), a state of shape (B, H) (as --layout")
    [forward] = examined("Unfinished", tried=(), layout="2d-state,batch-first").stages[:1]
    assert forward.got.startswith("RuntimeError: not yet (line ")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("Plain layout batch", "--layout of time-first, batch-first, 3d-state, "),
        ("Plain layout in-out,out-in", "one word of each kind for --layout, got 'in-out,"),
        ("Plain names W=V", "NAME of weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0"),
        ("Plain names weight_ih_l0", "NAME=YOURS for --names"),
        ("Plain layout batch-first", "batch first, as --layout says, got time first"),
        ("OtherWay layout 3d-state", "\\(L·D, B, H\\), as --layout says, got a state"),
        ("OtherWay layout out-in", "weights \\(out, in\\), as --layout says, got weights"),
        ("OtherWay bias two", "two biases, as --bias says, got one bias in .*'b': \\(5,"),
        ("Plain bias one", "one bias, as --bias says, got two biases in {'weight_ih"),
        ("OtherWay names bias_ih_l0=c", "c of shape \\(5,\\) or \\(1, 5\\) or .*got {'Wx'"),
        ("OtherWay names bias_ih_l0=Wx", "of shape \\(5,\\) or \\(1, 5\\) or .*got \\(4, 5\\)"),
        ("Plain device cpu", "a class that takes device, as --device says, got TypeError: "),
        ("Plain dtype float32", "a class that takes dtype, as --dtype says, got TypeError: "),
    ],
)
def test_a_flag_that_the_class_contradicts_is_refused(flag, message):
    name, flag, value = flag.split()
    with pytest.raises(UsageError, match=f"^expected .*{message}"):
        examined(name, **{flag: value})


def test_one_bias_has_one_name():
    with pytest.raises(UsageError, match="no bias_hh_l0 in --names with --bias one"):
        Flags.parse(None, "one", "bias_hh_l0=b")
