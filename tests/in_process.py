"""The user's code in this process: fast, without limits, and with the modules of the tests."""

import io
from functools import partial
from unittest.mock import patch

from rich.console import Console

from compare.check import CheckConfig, examine, list_trials
from compare.check.core.results import Result
from compare.check.exercise.functions import FunctionsSubject, call_reference
from compare.check.layers.features import (
    FEATURES,
    find_surface,
    find_wrong_combination,
    try_features,
)
from compare.check.layers.layer import PARTS, LayerSubject, find_layout
from compare.check.layers.properties import PROPERTIES, try_property
from compare.check.properties.property import LayerProperty
from compare.implementations import (
    Source,
    Submission,
    UserLayerFactory,
    Verdict,
    make_source,
    read_target,
)
from compare.implementations.worker.local_process import LocalProcess
from compare.terminal import Terminal

submit = partial(Submission, start=LocalProcess)
"""Load a source in this process."""


def source_of(target, **limits):
    """Return what a process loads for FILE, FILE:CLASS or MODULE:CLASS."""
    return make_source(read_target(str(target)), **limits)


def submission_of(target, **limits):
    """Load FILE, FILE:CLASS or MODULE:CLASS in this process."""
    return submit(source_of(target, **limits))


def loader(folder, text):
    """Write a file of functions, and return what loads it in this process."""
    file = folder / "student.py"
    file.write_text(text, encoding="utf-8")
    return partial(submit, Source(file=str(file)), call_reference)


def examine_text(folder, text, **options):
    """Check a file of functions in this process, and return the report."""
    file = folder / "student.py"
    file.write_text(text, encoding="utf-8")
    config = CheckConfig(target=str(file), **options)
    return examine(config, Terminal(quiet=True), start=LocalProcess)


def subject_of(load, stages, seed=0, order=()):
    """Return the subject of a file's functions, to be tried in these stages."""
    return FunctionsSubject(load, stages[0].cell, order, tuple(stages), seed)


def terminal(width=200, *, color=False, **options):
    """Return a terminal, and what is printed in it; options as `rich.console.Console` has them."""
    printed = io.StringIO()
    options |= {"force_terminal": True, "color_system": "standard"} if color else {}
    return Terminal(Console(file=printed, width=width, **options)), printed


def try_one(target, cell, name):
    """Try one part, feature or property of a class alone; return its result.

    A property may be one of a test's own.
    """
    with submission_of(target) as submission:
        layers = UserLayerFactory(submission, cell)
        if name in PARTS:
            return next(r for r in find_layout(LayerSubject(layers, 0)) if r.name == name)
        subject = LayerSubject(layers, 0, list_trials()[:1])
        find_layout(subject)
        own = name if isinstance(name, LayerProperty) else None
        tried = own or next((each for each in PROPERTIES if each.name == name), None)
        if tried is not None:  # first without any feature, which takes less time
            features = [Result(name=each, verdict=Verdict.MISSING) for each in FEATURES]
            found = try_property(tried, layers, find_surface(layers, features), 0, 1)
            if found.verdict == Verdict.WRONG:
                return found
        elif found := [each for each in FEATURES if each.startswith(name)]:
            with patch.dict(FEATURES, {each: FEATURES[each] for each in found}, clear=True):
                return next(each for each in try_features(subject) if each.name in found)
        features = list(try_features(subject))
        if tried is not None:
            return try_property(tried, layers, find_surface(layers, features), 0, 1)
        [combination] = find_wrong_combination(subject, features, PARTS)
        return combination
