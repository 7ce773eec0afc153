"""The source of classes that `bisect` searches; and what `break` prints."""

from functools import partial

from compare.study import quiz
from compare.study.config import BreakConfig
from tests import in_process
from tests.tables import table_of

terminal = partial(in_process.terminal, force_terminal=True, color_system=None, markup=False)


def printed(width=80, **options):
    shown, out = terminal(width)
    quiz.break_it(BreakConfig(**options), shown)
    return out.getvalue()


STUDENT, SMALLEST = table_of(__file__).values()
