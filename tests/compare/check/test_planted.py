"""Fault injection: this test suite catches every bug of the catalogue.

`CAUGHT_BY` names the test of each bug. The test fails on a copy of the package with the bug, and
passes on the real package. The end of the run shows how many examples were needed.
"""

import importlib

import pytest

import compare
import scratch_rnn
from compare.check.bugs.catalogue import BUGS, Bug
from compare.check.properties import against_torch as against_torch
from tests.compare.check.trial import try_test
from tests.counts import Count, number
from tests.scratch_rnn import test_rnn_properties

LAYER = "scratch_rnn.test_rnn_is_nn_rnn.test_"
PROPERTIES = "scratch_rnn.test_rnn_properties.test_"
REFUSALS = "scratch_rnn.test_rnn_refusals.test_"
BEGINNINGS = "scratch_rnn.test_rnn_beginnings.test_"
LOSS = "scratch_rnn.test_loss.test_"
OPTIM = "scratch_rnn.test_optim.test_"
MODEL = "scratch_rnn.test_model.test_"
TRAIN = "scratch_rnn.test_train.test_"
PREDICT = "scratch_rnn.test_predict.test_"
TRUNCATION = "compare.parity.test_truncation.test_"
TEXT = "text.test_batches.test_"
PARITY = "compare.parity.test_parity.test_"
ROWS = "compare.parity.test_rows.test_"

STEP = f"{MODEL}every_tensor_of_a_training_step_is_pytorchs"
CLIPPING = f"{OPTIM}clipping_is_torchs"
DESCENT = f"{OPTIM}steps_are_torchs"

CAUGHT_BY = {
    # layers, directions, padding
    "dropout-unscaled": f"{BEGINNINGS}masks_drop_with_their_probability_and_scale_the_rest",
    # arguments
    "state-broadcast": f"{REFUSALS}a_mistaken_call_is_refused",
    "negative-tokens-wrap": f"{REFUSALS}mistakes_that_pytorch_cannot_make_are_refused_too",
    "initial-weights-too-large": f"{BEGINNINGS}first_weights_are_uniform_in_one_over_root_h",
    "global-random-weights": f"{BEGINNINGS}first_weights_follow_from_the_generator",
    # model and loss
    "batch-and-time-swapped": STEP,
    "hidden-weights-copied": STEP,
    "targets-not-transposed": f"{TRAIN}a_step_is_forward_loss_backward_clip_update",
    "mean-over-rows-only": f"{TRAIN}a_step_is_forward_loss_backward_clip_update",
    "sum-for-mean": f"{LOSS}cross_entropy_is_torchs",
    "softmax-without-shift": f"{LOSS}cross_entropy_is_torchs",
    "perplexity-in-bits": f"{LOSS}perplexity",
    # learning
    "clip-per-element": CLIPPING,
    "clip-per-tensor": CLIPPING,
    "clip-also-up": CLIPPING,
    "clip-without-epsilon": CLIPPING,
    "update-of-a-copy": DESCENT,
    "uphill": DESCENT,
    "truthy-device": f"{TRUNCATION}two_epochs_with_a_carried_state_are_pytorchs",
    "state-not-reset": "test_both_packages.test_epochs_step_by_step",
    "carry-not-detached": f"{TRUNCATION}two_epochs_with_a_carried_state_are_pytorchs",
    "parts-weigh-the-same": f"{TRAIN}threads_change_rounding_at_most",
    "no-warm-up": f"{PREDICT}prediction_takes_the_likeliest_token_each_time",
    # text
    "last-target-wraps": f"{TEXT}sequential_batches_worked_by_hand",
    "rows-of-submissions": f"{TEXT}sequential_batches_worked_by_hand",
    "global-random-batches": f"{TEXT}two_passes_at_once_do_not_disturb_each_other",
    "same-cuts-every-epoch": f"{TEXT}every_offset_occurs_and_no_other",
    "one-cut-never-made": f"{TEXT}every_offset_occurs_and_no_other",
    "unknown-is-the-last": "text.test_vocab.test_look_up",
    # comparing
    "printed-not-asserted": f"{PARITY}a_change_of_any_parameter_is_noticed",
    "tolerance-by-inspection": f"{PARITY}a_change_of_any_parameter_is_noticed",
    "last-bit-demanded": f"{PARITY}rows_name_every_tensor_of_the_step_in_its_order",
    "nan-passes": f"{PARITY}nan_is_a_failure_even_on_both_sides",
    "shapes-broadcast": f"{ROWS}rows_compare_shapes_dtypes_and_names_first",
    "weights-shared": "compare.parity.test_weights.test_copies_share_no_memory",
}


for bug in BUGS:  # a property of the layer has a test of its own name
    for module, properties in (
        (LAYER, against_torch.PROPERTIES),
        (PROPERTIES, test_rnn_properties.PROPERTIES),
    ):
        if bug.caught_by in [each.name for each in properties]:
            CAUGHT_BY[bug.name] = module + bug.caught_by.replace(" ", "_")


def test_every_bug_of_the_catalogue_has_its_test() -> None:
    assert {bug.name for bug in BUGS} <= CAUGHT_BY.keys()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_caught_by_its_test(bug: Bug, count: Count) -> None:
    name = CAUGHT_BY[bug.name]
    real = importlib.import_module(bug.package)
    caught = try_test(name, real, bug.load(), cell=bug.cell or "rnn")
    assert caught is not None, f"{name} passes with {bug.name}"
    count("bugs injected and caught")
    count("examples that it took", caught.examples)


@pytest.mark.parametrize("name", sorted(set(CAUGHT_BY.values()))[:: number(3, 1)])
def test_the_real_packages_pass_the_same_trial(name: str) -> None:
    """Otherwise the test could fail with or without a bug."""
    is_of_compare = name.startswith("compare.") and not name.startswith(TRUNCATION)
    package = compare if is_of_compare else scratch_rnn
    assert try_test(name, package, package, examples=8) is None
