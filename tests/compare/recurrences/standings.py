"""Some properties of a recurrence are tried, and no others."""

from compare.implementations import read_target
from compare.recurrences.building import read_recurrence
from compare.recurrences.examine import try_properties
from compare.recurrences.properties import PROPERTIES
from compare.recurrences.trial import Trial


def try_some(target, *names):
    """Return how the properties of these names stand, by name."""
    trial = Trial(read_recurrence(read_target(target)))
    chosen = [each for each in PROPERTIES if each.name in names]
    assert len(chosen) == len({*names})
    return {standing.name: standing for standing in try_properties(trial, properties=chosen)}
