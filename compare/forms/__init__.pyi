from .command import are_classes as are_classes
from .command import are_forms as are_forms
from .command import compare_targets as compare_targets
from .report import assert_same as assert_same
