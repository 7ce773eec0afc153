"""A class that somebody else wrote, to be tried with Hypothesis on what it has.

What it has is found out as `rnn-parity check` does; of the rest no case is drawn.
"""

from compare.check.cases.layer_case import SURFACE
from compare.check.layers.features import find_surface, try_features
from compare.check.layers.layer import LayerSubject, find_layout
from compare.implementations.core.failures import CallFailed, Verdict
from compare.implementations.core.guesses import guess_cell_of_class
from compare.implementations.layers.user_layer import UserLayerFactory
from tests.in_process import submission_of


def hand_in(name):
    """Return the class of MODULE:CLASS or FILE:CLASS, and the features that it does not have."""
    try:
        submission = submission_of(name)
    except (FileNotFoundError, CallFailed) as error:
        raise ValueError(f"expected a class as MODULE:CLASS, got {name!r} ({error})") from error
    layers = UserLayerFactory(submission, guess_cell_of_class(submission.kinds) or "rnn")
    subject = LayerSubject(layers, 0)
    results = find_layout(subject)
    if any(result.verdict == "missing" for result in results):
        raise ValueError(f"expected a layer from {name}, got {results[0].got}")
    missing = [f for f in try_features(subject) if f.verdict == Verdict.MISSING]
    SURFACE.update(find_surface(layers, missing))  # broken ones are drawn; properties say how
    return layers, [feature.name for feature in missing]


def leave_out(implementation, case, **needs):
    """Raise NotImplementedError for a case with something that a class does not have."""
    if isinstance(implementation, UserLayerFactory):
        fields = {name: getattr(case, name) for name in SURFACE}
        for name, value in [*fields.items(), *needs.items()]:
            if value not in SURFACE[name]:
                raise NotImplementedError(f"{name}={value!r}")
