"""Which programs load and store each entry of an array while a kernel runs, and in which order.

Triton's interpreter runs one program after the other, and all its threads at once. A GPU promises
much less. Two accesses to an entry, of which one stores, have an order only

- within a program: if there is a barrier in between, since other threads may do the other access;
- between programs: if the earlier one publishes what it has done with an atomic operation that
  releases (after a barrier, so that all its threads have done it), and the later one acquires that.

Everything without such an order is refused. Each barrier begins a new *epoch*; epochs count up over
all programs. For each program, the current one knows the epoch before which it has seen everything.

Exempt are stores of a value that is there already, and a tile that is loaded, changed entry by
entry, and stored to where it was: whoever stores an entry has loaded it before.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Flags = npt.NDArray[np.bool_]
Addresses = npt.NDArray[np.int64]  # or the places of entries in an array

MARGIN = 4096  # least number of bytes between two arrays


class Order:
    """What has happened before the next access of the current program."""

    def __init__(self, programs: int) -> None:
        self.program, self.epoch = 0, 0  # programs count from 1
        self.seen = np.zeros(programs + 1, np.int32)
        self.published: dict[int, np.ndarray] = {}  # by the address of an atomic operation
        self.exchanged: set[int] = set()  # tiles of this epoch that other threads have read

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

    def release(self, address: int) -> None:
        """Publish what the program has seen, and what it has done before its last barrier."""
        self.published[address] = np.maximum(self.published.get(address, 0), self.seen)

    def acquire(self, address: int) -> None:
        """See what has been published there."""
        np.maximum(self.seen, self.published.get(address, 0), out=self.seen)


class Accesses:
    """Who has loaded the entries of an array, or stored them, or changed them atomically."""

    def __init__(self, entries: int, programs: int) -> None:
        self.by = np.zeros(entries, np.int32)  # the last program
        self.at = np.zeros(entries, np.int32)  # its epoch
        self.tile = np.zeros(entries, np.int64)
        self.by_several = np.zeros(entries, bool)  # whether also by an earlier program
        self.latest = np.zeros(programs + 1, np.int32)  # the last epoch of each program

    def record(
        self, places: Addresses, tile: int, order: Order, counts: np.ndarray | bool = True
    ) -> None:
        """Record an access of the current program; earlier ones may not count."""
        before = self.by[places]
        self.by_several[places] |= (before != 0) & (before != order.program) & counts
        self.by[places], self.at[places], self.tile[places] = order.program, order.epoch, tile
        self.latest[order.program] = order.epoch

    def find_own(self, places: Addresses, order: Order) -> Flags:
        """Return where the program itself has accessed since its last barrier."""
        own: Flags = (self.by[places] == order.program) & (self.at[places] == order.epoch)
        return own

    def find_others(self, places: Addresses, order: Order) -> Flags:
        """Return where another program has accessed that the current one has not waited for."""
        by = self.by[places]
        found: Flags = (self.at[places] >= order.seen[by]) & (by != order.program)
        unseen = (self.latest > 0) & (self.latest >= order.seen)
        unseen[order.program] = False
        return found | self.by_several[places] if unseen.any() else found


class Array:
    """The memory of an array while a kernel runs: a copy with a margin around it."""

    def __init__(self, name: str, storage: Any, size: int) -> None:
        self.name, self.size, self.nbytes = name, size, storage.nbytes()  # size: of an entry
        self.margin = MARGIN * (1 + self.nbytes // MARGIN)
        self.memory = torch.zeros(self.nbytes + 2 * self.margin, dtype=torch.uint8)
        self.inside = self.memory[self.margin : self.margin + self.nbytes]
        self.inside.copy_(bytes_of(storage.cpu()))
        self.first = self.inside.data_ptr()

    def prepare(self, programs: int) -> None:
        """Forget all accesses."""
        entries = self.nbytes // self.size + 1
        self.loads, self.stores, self.atomics = (Accesses(entries, programs) for _ in range(3))

    def read(self, addresses: Addresses, dtype: np.dtype) -> np.ndarray:
        """Return the values at some addresses."""
        number = self.nbytes // dtype.itemsize
        values = self.inside.numpy()[: number * dtype.itemsize].view(dtype)
        return values[(addresses - self.first) // dtype.itemsize]

    def load(self, places: Addresses, tile: int, order: Order) -> None:
        """Record that entries are loaded; RuntimeError if that has no order."""
        if self.stores.find_own(places, order).any():
            self._refuse_without_barrier("storing", "loading")
        if self.atomics.find_own(places, order).any():
            self._refuse_without_barrier("an atomic operation on", "loading")
        if self.stores.find_others(places, order).any():
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
        self, places: Addresses, tile: int, order: Order, is_changed: np.ndarray | bool
    ) -> None:
        """Record that entries are stored; RuntimeError if that has no order."""
        loaded = self.loads.find_own(places, order) & is_changed
        if tile not in order.exchanged:
            loaded &= self.loads.tile[places] != tile
        if loaded.any():
            self._refuse_without_barrier("loading", "storing")
        stored = self.stores.find_own(places, order) & (self.stores.tile[places] != tile)
        if (stored & is_changed).any():
            self._refuse_without_barrier("storing", "storing other values in")
        if self.atomics.find_own(places, order).any():
            self._refuse_without_barrier("an atomic operation on", "storing")
        for accesses, what in (
            (self.loads, "loads"),
            (self.stores, "stores"),
            (self.atomics, "changes atomically"),
        ):
            if (accesses.find_others(places, order) & is_changed).any():
                raise RuntimeError(
                    f"expected a program to store its own entries of {self.name}, got those that "
                    f"another program {what}, in no order"
                )
        self.stores.record(places, tile, order, is_changed)

    def change(self, places: Addresses, tile: int, order: Order) -> None:
        """Record an atomic operation on entries; RuntimeError if it has no order."""
        if self.stores.find_own(places, order).any():
            self._refuse_without_barrier("storing", "an atomic operation on")
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


def bytes_of(storage: Any) -> Any:
    """Return the memory of a tensor as a tensor of bytes."""
    return torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)


def split(
    arrays: tuple[Array, ...], addresses: Addresses, size: int
) -> list[tuple[Array, np.ndarray]]:
    """Return the arrays to which addresses belong, with a mask of each; or raise IndexError.

    `size` is that of an entry, in bytes.
    """
    found = []
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
        found.append((nearest, inside))
        left &= ~inside
    return found
