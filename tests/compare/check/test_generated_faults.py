"""Faults that only some sizes or values show, and random ones, are found; rewrites are right."""

import pytest

from tests.compare.check.corpus import replaced, table
from tests.counts import number
from tests.scripts import load_script

generated_faults = load_script("generated_faults")
FORMS = {form.name: form for form in generated_faults.forms()}
FAULTS = table("boundaries")["fault"]

pytestmark = pytest.mark.usefixtures("quickly")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["words"])
def test_a_fault_at_a_boundary_is_found(fault, tmp_path):
    form = FORMS[fault["form"]]
    file = tmp_path / "student.py"
    file.write_text(replaced(form.source, [fault["change"]]), encoding="utf-8")
    assert generated_faults.found_by(form, file)


@pytest.mark.parametrize(("what", "many"), [("fault", (3, 300)), ("rewrite", (1, 100))])
def test_random_faults_are_found_and_random_rewrites_are_right(what, many, count):
    found = list(generated_faults.sweep(number(*many), 1, getattr(generated_faults, what)))
    assert [each.words for each in found if bool(each.found) != (what == "fault")] == []
    count(f"random {what}s", len(found))
