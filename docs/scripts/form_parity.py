"""What `parity` says of two forms: in a case that it is handed, and in a run that draws its own."""

import inspect
from collections import Counter

from compare.forms.answer import compare_forms
from compare.forms.comparison import compare_exactly, compare_rounded
from compare.forms.opening import make_subject, open_forms
from compare.forms.shapes import read_like
from compare.forms.values import Case
from compare.implementations import Array
from tests.compare.forms.corpus import Pair

NAME = "parity"
SAYS = "our own: a tolerance for each entry, in float64 and then in float32"
ADDRESS = "../use/forms.md"

RUNS = 10
"""Runs of each pair, each with a seed of its own."""


class Parity:
    """Our rule for a pair of forms."""

    def __init__(self, pair: Pair) -> None:
        subjects = make_subject(pair.form, "A"), make_subject(pair.other, "B")
        case = getattr(inspect.getmodule(pair.form), "case", None)
        self.forms, self.draws = open_forms(subjects, read_like(""), case)

    def accepts(self, arrays: dict[str, Array]) -> bool:
        """Return whether it finds no difference in a case: first in float64, then in float32."""
        for form in self.forms:
            form.notes.clear()
        wide = {n: x.astype(float) if x.dtype.kind == "f" else x for n, x in arrays.items()}
        case = Case({}, {}, wide)
        if self.is_wide and compare_exactly(self.forms, case).differs and self.is_wide:
            return False
        differs = compare_rounded(self.forms, case, "float32").differs
        return not differs and self.forms[0].notes == self.forms[1].notes

    @property
    def is_wide(self) -> bool:
        """Whether neither form was seen to compute in a coarser dtype inside."""
        return all(form.is_wide for form in self.forms)

    def run(self) -> dict[str, int]:
        """Return how often the command says what, in runs that draw their own cases."""
        answers = [compare_forms(self.forms, self.draws, seed=seed) for seed in range(RUNS)]
        return dict(Counter(answer.verdict.value for answer in answers))
