"""Wrong arguments of every public function: the message names the argument.

Annotations are not checked here: users do not have these checks either.
"""

import re
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

import compare
import concise_rnn
import scratch_rnn
from tests.annotations import unchecked
from tests.argument_cases import CASES
from tests.arguments import junk
from tests.counts import number as count

ARGUMENTS = [(name, argument) for name, case in CASES.items() for argument in case.valid]


@pytest.mark.parametrize(
    ("name", "argument"), ARGUMENTS, ids=[f"{name}({argument})" for name, argument in ARGUMENTS]
)
def test_the_message_names_the_wrong_argument(name: str, argument: str) -> None:
    case = CASES[name]
    expected_name = case.named.get(argument, argument)

    @settings(max_examples=count(20, 1000), suppress_health_check=list(HealthCheck))
    @given(junk)
    def is_named(value: Any) -> None:
        assume(not case.valid[argument](value))
        with (
            unchecked(),
            warnings.catch_warnings(action="ignore"),
            pytest.raises((ValueError, TypeError)) as caught,
        ):
            case.call(**{**case.right, argument: value})
        message = str(caught.value)
        assert message.startswith("expected ")
        assert re.search(rf"(?<!\w){re.escape(expected_name)}(e?s)?(?!\w)", message)
        assert ", got " in message or " got " in message
        assert "\n" not in message

    is_named()


@pytest.mark.parametrize("name", [name for name in CASES if "checkpoint" not in name])
def test_the_right_arguments_are_right(name: str) -> None:
    """A test of the test: what fails above fails because of the one argument that is wrong."""
    case = CASES[name]
    with unchecked():
        case.call(**case.right)


def test_every_public_function_is_there() -> None:
    """Classes that only hold results take their arguments from ours."""
    results = {"EpochResult", "StepResult", "RNNTape", "ModelTape", "RNNGradients", "Batch", "Text",
               "Update", "ParityReport", "ParityRow"}  # fmt: skip
    others = {"get_num_threads", "sample_text", "load_text"}  # no arguments, or paths: tests/text
    for package in (scratch_rnn, scratch_rnn.text, concise_rnn, compare):
        for name in package.__all__:
            thing = getattr(package, name)
            is_error = isinstance(thing, type) and issubclass(thing, Exception)
            if not callable(thing) or is_error or name in results | others:
                continue
            names = {
                f"{package.__name__}.{name}",
                f"scratch_rnn.text.{name}",
                f"scratch_rnn.{name}",
            }
            assert names & CASES.keys(), name
