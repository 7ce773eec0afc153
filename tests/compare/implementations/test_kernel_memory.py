"""Which accesses to memory have an order: each launch is a list of what its programs do."""

import numpy as np
import pytest
import torch

from compare.kernels.memory import Array, Order

COUNTERS = 1000  # the address of the first one


def launch(*actions):
    """Record accesses to an array of eight entries.

    An action is ("load", place, …), ("store", …), ("add", …), each of its own tile; or a method of
    `Order`, with its arguments. An access with "of" a tile is (what, place, …, "of", tile); a store
    "again" stores the value that is there.
    """
    array, order = Array("z", torch.zeros(8).untyped_storage(), 4), Order(9)
    array.prepare()
    for number, (what, *rest) in enumerate(actions, 100):
        *places, _, tile = rest if "of" in rest else (*rest, "of", number)
        if what == "load":
            array.load(np.array(places), tile, order)
        elif what in ("store", "store again"):
            array.store(np.array(places), tile, order, np.full(len(places), what == "store"))
        elif what == "add":
            array.change(np.array(places), tile, order)
        else:
            getattr(order, what)(*rest)


PROGRAM, BARRIER = ("begin_program",), ("begin_epoch",)


def count(counter):
    """Return what an atomic operation on a counter does, which releases and acquires."""
    return ("release", COUNTERS + counter), ("acquire", COUNTERS + counter)


RIGHT = {
    "the last program of a tile loads the sum; those of another tile are not waited for": (
        *(PROGRAM, ("add", 0, 1), BARRIER, *count(0)),
        *(PROGRAM, ("add", 2, 3), BARRIER, *count(1)),
        *(PROGRAM, ("add", 0, 1), BARRIER, *count(0), ("load", 0, 1)),
    ),
    "programs take several tiles in turn, and count for each of them": (
        *(PROGRAM, ("add", 0), BARRIER, *count(0), ("add", 1), BARRIER, *count(1)),
        *(PROGRAM, ("add", 0), BARRIER, *count(0), ("load", 0), ("add", 1), BARRIER, *count(1)),
    ),
    "the last program sets its counter to zero": (
        *(PROGRAM, ("add", 0, "of", 1)),
        *(PROGRAM, ("add", 0, "of", 1), ("store", 0, "of", 1)),
    ),
    "a value that is there already is stored, and loaded by others": (
        *(PROGRAM, ("store again", 0)),
        *(PROGRAM, ("load", 0)),
    ),
    "a tile is loaded, changed entry by entry, and stored": (
        *(PROGRAM, ("load", 0, 1, "of", 1), ("store", 0, 1, "of", 1)),
    ),
}


@pytest.mark.parametrize("words", RIGHT)
def test_what_has_an_order_is_accepted(words):
    launch(*RIGHT[words])


WRONG = {
    "loaded by two tiles, of which one is stored": (
        "a barrier between loading",
        (PROGRAM, ("load", 0, 1, "of", 1), ("load", 0, 1, "of", 2), ("store", 0, 1, "of", 2)),
    ),
    "added to what another thread may still load": (
        "a barrier between loading entries of z and an atomic operation on them",
        (PROGRAM, ("load", 0, 1), ("add", 0, 1)),
    ),
    "one of two programs is waited for": (
        "wait for the atomic operations of the others",
        (
            *(PROGRAM, ("add", 0), BARRIER),
            *(PROGRAM, ("add", 0), BARRIER, *count(0)),
            *(PROGRAM, *count(0), ("load", 0)),
        ),
    ),
    "two programs have loaded what is stored, one is waited for": (
        "another program loads",
        (
            *(PROGRAM, ("load", 0), BARRIER),
            *(PROGRAM, ("load", 0), BARRIER, *count(0)),
            *(PROGRAM, *count(0), ("store", 0)),
        ),
    ),
    "added after the barrier before the counter": (
        "wait for the atomic operations of the others",
        (
            *(PROGRAM, BARRIER, ("add", 0), *count(0)),
            *(PROGRAM, ("add", 0), BARRIER, *count(0), ("load", 0)),
        ),
    ),
    "stored after the barrier before the counter": (
        "another program stores",
        (*(PROGRAM, ("store", 0), *count(0)), *(PROGRAM, *count(0), ("load", 0))),
    ),
    "a sum of several entries is set to zero by one of those who add": (
        "another program changes atomically",
        (
            *(PROGRAM, ("add", 0, 1)),
            *(PROGRAM, ("add", 0, 1), BARRIER, ("store", 0, 1)),
        ),
    ),
    "a flag is set again, by a program that has released nothing": (
        "another program stores",
        (
            *(PROGRAM, ("store", 0), BARRIER, ("release", COUNTERS)),
            *(PROGRAM, ("forget", COUNTERS)),
            *(PROGRAM, ("acquire", COUNTERS), ("load", 0)),
        ),
    ),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_has_no_order_is_refused(words):
    message, actions = WRONG[words]
    with pytest.raises(RuntimeError, match=message):
        launch(*actions)
