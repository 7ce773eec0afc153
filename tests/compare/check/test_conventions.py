"""The conventions of a class are detected; a flag that it cannot have is refused."""

import pytest

from compare.terminal import UsageError
from tests.compare.check.test_check_layers import examined

pytestmark = pytest.mark.usefixtures("quickly", "beside_files")


@pytest.mark.parametrize(("flag", "value"), [("device", "cpu"), ("dtype", "float32")])
def test_a_flag_that_the_class_contradicts_is_refused(flag, value):
    message = f"^expected a class that takes {flag}, as --{flag} says, got TypeError: "
    with pytest.raises(UsageError, match=message):
        examined("Plain", **{flag: value})
