"""The programs that load and store each entry of an array while a kernel runs, in their order.

Triton's interpreter runs one program after the other, and all its threads at once. A GPU promises
much less. Two accesses to an entry, of which one stores, have an order only

- within a program: if there is a barrier in between, since other threads may do the other access;
- between programs: if the earlier one publishes what it has done with an atomic operation that
  releases (after a barrier, so that all its threads have done it), and the later one acquires that.

Everything without such an order is refused. Each barrier begins a new *epoch*; epochs count up over
all programs. For each program, the current one knows the epoch before which it has seen everything.

Exempt are stores of a value that is there already, and a tile that is loaded, changed entry by
entry, and stored to where it was: whoever stores an entry has loaded it before. This holds also if
a product uses what was computed from the tile, but not if it uses the tile itself: then the
compiler may load it once more.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Epochs = npt.NDArray[np.int32]  # of each program
Flags = npt.NDArray[np.bool_]
Addresses = npt.NDArray[np.int64]  # or the places of entries in an array

MARGIN = 4096  # least number of bytes between two arrays
SEVERAL = -1  # in the place of a tile: different tiles have the entry


class Order:
    """The events before the next access of the current program."""

    def __init__(self, programs: int) -> None:
        self.program, self.epoch = 0, 0  # programs count from 1
        self.seen = np.zeros(programs + 1, np.int32)
        self.published: dict[int, Epochs] = {}  # by the address of an atomic operation
        self.exchanged: set[int] = set()  # tiles of this epoch that other threads have read
        self.passed_on: set[int] = set()  # those from which others have read what was computed

    def begin_program(self) -> None:
        """Begin the next program, which has seen nothing."""
        self.program += 1
        self.seen[:] = 0
        self.seen[0] = 1  # nobody's accesses, of epoch 0
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """All threads of the program have seen what it has done."""
        self.epoch += 1
        self.seen[self.program] = self.epoch
        self.exchanged.clear()
        self.passed_on.clear()

    def release(self, address: int) -> None:
        """Publish what the program has seen, and what it has done before its last barrier."""
        self.published[address] = np.maximum(self.published.get(address, 0), self.seen)

    def forget(self, address: int) -> None:
        """Forget what was published there: a value is stored that does not depend on it."""
        self.published.pop(address, None)

    def acquire(self, address: int) -> None:
        """See what has been published there."""
        np.maximum(self.seen, self.published.get(address, 0), out=self.seen)


class Accesses:
    """Who has loaded the entries of an array, or stored them, or changed them atomically.

    Of each entry the last access is kept. If an earlier program's access has no order with it, both
    have to be waited for: then `earlier` has the number of a link, which holds an access and the
    number of the link before it.
    """

    def __init__(self, entries: int) -> None:
        self.by = np.zeros(entries, np.int32)  # the last program
        self.at = np.zeros(entries, np.int32)  # its epoch
        self.tile = np.zeros(entries, np.int64)
        self.earlier = np.zeros(entries, np.int32)
        self.links = [(0, 0, 0)]  # the link before, a program, its epoch
        self.numbers: dict[tuple[int, int, int], int] = {}  # of the links

    def record(
        self, places: Addresses, tile: int, order: Order, counts: Flags | bool = True
    ) -> None:
        """Record an access of the current program; earlier ones may not count."""
        by, at = self.by[places], self.at[places]
        is_apart = (at >= order.seen[by]) & (by != order.program) & counts
        if is_apart.any():
            self._keep(places[is_apart])
        is_again = (at == order.epoch) & (self.tile[places] != tile)
        self.tile[places] = np.where(is_again, SEVERAL, tile)
        self.by[places], self.at[places] = order.program, order.epoch

    def _keep(self, places: Addresses) -> None:
        """Add a link for the last access of some entries."""
        links = np.stack([array[places] for array in (self.earlier, self.by, self.at)], axis=1)
        if (links != links[0]).any():
            links, which = np.unique(links, axis=0, return_inverse=True)
        else:
            links, which = links[:1], np.zeros(len(places), int)
        numbers = []
        for before, program, epoch in links.tolist():
            link = before, program, epoch
            if link not in self.numbers:
                self.numbers[link] = len(self.links)
                self.links.append(link)
            numbers.append(self.numbers[link])
        self.earlier[places] = np.array(numbers, np.int32)[which.ravel()]

    def find_own(self, places: Addresses, order: Order) -> Flags:
        """Return where the program itself has accessed since its last barrier."""
        is_own: Flags = (self.by[places] == order.program) & (self.at[places] == order.epoch)
        return is_own

    def find_others(self, places: Addresses, order: Order) -> Flags:
        """Return where another program has accessed that the current one has not waited for."""
        by, earlier = self.by[places], self.earlier[places]
        is_other: Flags = (self.at[places] >= order.seen[by]) & (by != order.program)
        for number in np.unique(earlier) if earlier.any() else ():
            is_other |= (earlier == number) & self._has_unseen(number, order)
        return is_other

    def _has_unseen(self, number: int, order: Order) -> bool:
        while number:
            number, program, epoch = self.links[number]
            if epoch >= order.seen[program]:
                return True
        return False


class Array:
    """The memory of an array while a kernel runs: a copy with a margin around it."""

    def __init__(self, name: str, storage: Any, size: int) -> None:
        self.name, self.size, self.nbytes = name, size, storage.nbytes()  # size: of an entry
        self.margin = MARGIN * (1 + self.nbytes // MARGIN)
        self.memory = torch.zeros(self.nbytes + 2 * self.margin, dtype=torch.uint8)
        self.inside = self.memory[self.margin : self.margin + self.nbytes]
        self.inside.copy_(read_bytes(storage.cpu()))
        self.first = self.inside.data_ptr()

    def prepare(self) -> None:
        """Forget all accesses."""
        entries = self.nbytes // self.size + 1
        self.loads, self.stores, self.atomics = (Accesses(entries) for _ in range(3))
        self.changed = np.zeros(entries, bool)  # whether a store has changed the value

    def read(self, addresses: Addresses, dtype: np.dtype) -> np.ndarray:
        """Return the values at some addresses."""
        number = self.nbytes // dtype.itemsize
        values = self.inside.numpy()[: number * dtype.itemsize].view(dtype)
        return values[(addresses - self.first) // dtype.itemsize]

    def load(self, places: Addresses, tile: int, order: Order) -> None:
        """Record that entries are loaded; RuntimeError if that has no order."""
        changed = self.changed[places]
        if (self.stores.find_own(places, order) & changed).any():
            self._refuse_without_barrier("storing", "loading")
        if self.atomics.find_own(places, order).any():
            self._refuse_without_barrier("an atomic operation on", "loading")
        if (self.stores.find_others(places, order) & changed).any():
            raise RuntimeError(
                f"expected a program to load its own entries of {self.name}, got those that "
                "another program stores"
            )
        if self.atomics.find_others(places, order).any():
            raise RuntimeError(
                f"expected a program to wait for the atomic operations of the others on "
                f"{self.name} before it loads the entries, got no such order"
            )
        self.loads.record(places, tile, order)

    def store(
        self,
        places: Addresses,
        tile: int,
        order: Order,
        is_changed: Flags | bool,
        tiles: Collection[int] = (),
    ) -> None:
        """Record that entries are stored; RuntimeError if that has no order.

        `tiles` are those from whose entries each value was computed.
        """
        loaded = self.loads.find_own(places, order) & is_changed
        if tile not in order.exchanged and (tile in tiles or tile not in order.passed_on):
            loaded &= self.loads.tile[places] != tile
        if loaded.any():
            self._refuse_without_barrier("loading", "storing")
        stored = self.stores.find_own(places, order) & (self.stores.tile[places] != tile)
        if (stored & is_changed).any():
            self._refuse_without_barrier("storing", "storing other values in")
        is_counter = self._is_counter(places, order)
        counted = self.atomics.find_own(places, order)
        if (counted & ~(is_counter & (self.atomics.tile[places] == tile))).any():
            self._refuse_without_barrier("an atomic operation on", "storing")
        for accesses, what, is_ordered in (
            (self.loads, "loads", False),
            (self.stores, "stores", False),
            (self.atomics, "changes atomically", is_counter),
        ):
            if not is_ordered and (accesses.find_others(places, order) & is_changed).any():
                raise RuntimeError(
                    f"expected a program to store its own entries of {self.name}, got those that "
                    f"another program {what}, in no order"
                )
        self.stores.record(places, tile, order, is_changed)
        self.changed[places] |= is_changed

    def _is_counter(self, places: Addresses, order: Order) -> bool:
        """Return whether there is one entry, which the program was the last to change atomically.

        Atomic operations on one entry have an order, whoever does them: what the program then
        stores comes after all of them.
        """
        return len(places) == 1 and bool(self.atomics.by[places[0]] == order.program)

    def change(self, places: Addresses, tile: int, order: Order) -> None:
        """Record an atomic operation on entries; RuntimeError if it has no order."""
        if self.stores.find_own(places, order).any():
            self._refuse_without_barrier("storing", "an atomic operation on")
        loaded = self.loads.find_own(places, order) & (self.loads.tile[places] != tile)
        if loaded.any():
            self._refuse_without_barrier("loading", "an atomic operation on")
        for accesses, what in ((self.loads, "loads"), (self.stores, "stores")):
            if accesses.find_others(places, order).any():
                raise RuntimeError(
                    f"expected an atomic operation on entries of {self.name} that no other program "
                    f"accesses otherwise, got those that one {what}, in no order"
                )
        self.atomics.record(places, tile, order)

    def _refuse_without_barrier(self, first: str, second: str) -> None:
        raise RuntimeError(
            f"expected a barrier between {first} entries of {self.name} and {second} them, "
            "got none: add tl.debug_barrier()"
        )


def read_bytes(storage: torch.UntypedStorage) -> torch.Tensor:
    """Return the memory of a tensor as a tensor of bytes."""
    return torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)


def split(arrays: tuple[Array, ...], addresses: Addresses, size: int) -> list[tuple[Array, Flags]]:
    """Return the arrays to which addresses belong, with a mask of each; or raise IndexError.

    `size` is an entry's size, in bytes.
    """
    parts = []
    left = np.ones(addresses.shape, bool)
    while left.any():
        first = addresses[left.argmax()]
        nearest = min(arrays, key=lambda a: abs(int(first) - a.first - a.nbytes // 2))
        inside = (addresses >= nearest.first) & (addresses + size <= nearest.first + nearest.nbytes)
        if not inside[left.argmax()]:
            after = first >= nearest.first
            distance = first - nearest.first - nearest.nbytes if after else nearest.first - first
            where = f"{distance} bytes {'after the end' if after else 'before the beginning'}"
            raise IndexError(f"expected entries of {nearest.name}, got one {where} (no mask?)")
        parts.append((nearest, inside))
        left &= ~inside
    return parts
