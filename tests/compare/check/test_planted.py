"""This test suite catches every bug of the catalogue.

`NOTICED_BY` names for each bug of `compare/check/bugs` the test that must notice it. The test runs
on a copy of the package with the bug, where it must fail, and on the real package, where it must
pass. The end of the run shows how many examples were needed.
"""

import importlib

import pytest

import compare
import scratch_rnn
from compare.check.bugs.catalogue import BUGS, Bug
from tests.compare.check.trial import try_test
from tests.counts import Count

LAYER = "scratch_rnn.test_rnn_is_nn_rnn.test_"
LAWS = "scratch_rnn.test_rnn_laws.test_"
REFUSALS = "scratch_rnn.test_rnn_refusals.test_"
BEGINNINGS = "scratch_rnn.test_rnn_beginnings.test_"
LOSS = "scratch_rnn.test_loss.test_"
OPTIM = "scratch_rnn.test_optim.test_"
MODEL = "scratch_rnn.test_model.test_"
TRAIN = "scratch_rnn.test_train.test_"
TRUNCATION = "compare.parity.test_truncation.test_"
TEXT = "text.test_batches.test_"
PARITY = "compare.parity.test_parity.test_"
ROWS = "compare.parity.test_tolerance.test_"

RESULTS = f"{LAYER}output_and_last_state_are_those_of_nn_rnn"
GRADIENTS = f"{LAYER}gradients_of_parameters_are_those_of_autograd"
INPUT_GRADIENTS = f"{LAYER}gradients_of_x_and_h0_are_those_of_autograd"
TWICE = f"{LAWS}backward_twice_on_one_tape_gives_the_same_bits"
STEP = f"{MODEL}every_tensor_of_a_training_step_is_pytorchs"
CLIPPING = f"{OPTIM}clipping_is_torchs"
DESCENT = f"{OPTIM}steps_are_torchs"

NOTICED_BY = {
    # forward
    "state-ignored": RESULTS,
    "weights-not-transposed": RESULTS,
    "bias-hh-forgotten": RESULTS,
    "exp-tanh": f"{LAYER}saturated_units_too",
    "state-of-one-row-for-all": RESULTS,
    "float32-buffer": RESULTS,
    "tf32": RESULTS,
    "memory-reused": f"{LAWS}tapes_live_side_by_side",
    # backward
    "no-carry-back": GRADIENTS,
    "last-step-only": GRADIENTS,
    "state-one-step-late": GRADIENTS,
    "tanh-derivative": GRADIENTS,
    "relu-derivative": GRADIENTS,
    "one-bias-learns": GRADIENTS,
    "bias-gradient-averaged": GRADIENTS,
    "input-gradient-skips-tanh": INPUT_GRADIENTS,
    "initial-state-gradient-missing": INPUT_GRADIENTS,
    "final-state-gradient-ignored": GRADIENTS,
    "upstream-overwritten": TWICE,
    "gradients-accumulate": TWICE,
    "repeated-tokens-lost": GRADIENTS,
    # layers, directions, padding
    "reverse-gradient-dropped": GRADIENTS,
    "reverse-left-reversed": RESULTS,
    "lower-layer-untaught": GRADIENTS,
    "mask-forgotten-backward": GRADIENTS,
    "dropout-unscaled": f"{BEGINNINGS}masks_drop_with_their_probability_and_scale_the_rest",
    "last-state-of-the-padding": f"{LAYER}lengths_do_what_packed_sequences_do",
    "reverse-from-the-padding": f"{LAYER}lengths_do_what_packed_sequences_do",
    "gradient-in-the-padding": f"{LAYER}lengths_do_what_packed_sequences_do",
    # what is handed in
    "memory-order-assumed": f"{LAWS}arguments_may_be_read_only_and_lie_in_any_order",
    "state-broadcast": f"{REFUSALS}a_mistaken_call_is_refused",
    "negative-tokens-wrap": f"{REFUSALS}mistakes_that_nn_rnn_cannot_make_are_refused_too",
    "empty-batch-refused": f"{LAWS}an_empty_batch_has_empty_results",
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
    "state-not-reset": f"{TRAIN}epochs_step_by_step",
    "carry-not-detached": f"{TRUNCATION}two_epochs_with_a_carried_state_are_pytorchs",
    "parts-weigh-the-same": f"{TRAIN}threads_change_rounding_at_most",
    "no-warm-up": f"{TRAIN}prediction_takes_the_likeliest_token_each_time",
    # text
    "last-target-wraps": f"{TEXT}sequential_batches_worked_by_hand",
    "rows-of-strangers": f"{TEXT}sequential_batches_worked_by_hand",
    "global-random-batches": f"{TEXT}two_passes_at_once_do_not_disturb_each_other",
    "same-cuts-every-epoch": f"{TEXT}every_offset_occurs_and_no_other",
    "one-cut-never-made": f"{TEXT}every_offset_occurs_and_no_other",
    "unknown-is-the-last": "text.test_vocab.test_look_up",
    # comparing
    "printed-not-asserted": f"{PARITY}a_change_of_any_parameter_is_noticed",
    "tolerance-by-inspection": f"{PARITY}a_change_of_any_parameter_is_noticed",
    "last-bit-demanded": f"{PARITY}rows_name_every_tensor_of_the_step_in_its_order",
    "nan-passes": f"{PARITY}a_number_that_is_none_is_a_failure_even_on_both_sides",
    "shapes-broadcast": f"{ROWS}rows_compare_shapes_dtypes_and_names_first",
    "weights-shared": "compare.parity.test_weights.test_copies_share_no_memory",
    # gated cells
    "gru-gates-swapped": RESULTS,
    "gru-bias-outside-reset-gate": RESULTS,
    "gru-reset-before-product": RESULTS,
    "gru-update-gate-inverted": RESULTS,
    "gru-direct-path-lost": GRADIENTS,
    "gru-direct-path-not-scaled": GRADIENTS,
    "gru-sigmoid-slope-of-reset-gate": GRADIENTS,
    "gru-state-one-step-late": GRADIENTS,
    "gru-biases-learn-alike": GRADIENTS,
    "lstm-gates-reordered": RESULTS,
    "lstm-forget-bias-forgotten": RESULTS,
    "lstm-forget-bias-one": RESULTS,
    "lstm-output-without-tanh": RESULTS,
    "lstm-peephole-left-in": RESULTS,
    "lstm-gates-coupled": RESULTS,
    "lstm-cell-gradient-cut": GRADIENTS,
    "lstm-cell-gradient-not-scaled": GRADIENTS,
    "lstm-cell-one-step-late": GRADIENTS,
    "lstm-tanh-slope-forgotten": GRADIENTS,
    "lstm-sigmoid-slope-of-tanh": GRADIENTS,
    "lstm-final-cell-gradient-ignored": GRADIENTS,
    "lstm-sigmoid-overflows": f"{LAYER}saturated_units_too",
}


def test_every_bug_of_the_catalogue_has_its_test() -> None:
    assert {bug.name for bug in BUGS} <= NOTICED_BY.keys()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Bug, count: Count) -> None:
    name = NOTICED_BY[bug.name]
    real = importlib.import_module(bug.package)
    caught = try_test(name, real, bug.load(), cell=bug.cell or "rnn")
    assert caught is not None, f"{name} lets {bug.name} pass"
    count("bugs planted and caught")
    count("examples that it took", caught.examples)


@pytest.mark.parametrize("name", sorted(set(NOTICED_BY.values())))
def test_the_real_packages_pass_the_same_trial(name: str) -> None:
    """Otherwise the trial itself could be what fails."""
    judged_by_compare = name.startswith("compare.") and not name.startswith(TRUNCATION)
    package = compare if judged_by_compare else scratch_rnn
    assert try_test(name, package, package, examples=20) is None
