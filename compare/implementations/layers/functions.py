"""Call the functions of a cell by name: in this process, or in a submission's process."""

from collections.abc import Callable, Collection, Sequence
from functools import partial, reduce
from operator import getitem
from typing import Any

from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import CallFailed
from compare.implementations.layouts.gate_order import Order, translate_call
from compare.implementations.worker.client import Handle, Submission

OTHER_CALLS = frozenset(["before", "after", "between", "again"])
"""Calls beside the one whose results are compared, as functions may keep something.

They come before and after it, between the two passes, and again on the same tape.
"""


class LocalFunctions:
    """Functions of this process: methods, whose names are without the cell's name."""

    other_calls: Collection[str] = OTHER_CALLS
    _result: Any = None

    def __init__(self, cell: str) -> None:
        self.cell = cell

    def call(self, name: str, *args: object, keep: Sequence[int] = ()) -> Any:
        """Call one; all results stay in this process."""
        self._result = getattr(self, name.removeprefix(f"{self.cell}_"))(*args)
        return self._result

    def see_last(self, *path: int) -> Callable[[], object]:
        """Return a function that gives the last result, or an item of it, as it is then."""
        return partial(reduce, getitem, path, self._result)

    def forget(self) -> None:
        """Do nothing: a result of this process lives for as long as it is used."""


class SubmissionFunctions:
    """The functions of a submission, whose weights may have the gates in an order of their own.

    The reference replaces those that `replaced` names, also where the submission calls them itself.
    With `runs_forward_once` a second forward pass returns the result of the first.
    """

    other_calls: Collection[str] = OTHER_CALLS

    def __init__(
        self,
        submission: Submission,
        cell: str,
        order: Order = (),
        replaced: Sequence[str] = (),
        *,
        runs_forward_once: bool = False,
    ) -> None:
        self.submission, self.cell = submission, cell
        self.forward_pass: Any = None  # arguments and result of the only one
        self._order, self._replaced, self._once = order, replaced, runs_forward_once
        if replaced:
            submission.replace(replaced)

    def call(self, name: str, *args: object, keep: Sequence[int] = ()) -> Any:
        """Call one, without the items of its result that `keep` names; CallFailed without one."""
        if not (self._once and name.endswith("_forward")):
            return self._call(name, args, keep)
        if self.forward_pass is None:
            self.forward_pass = args, self._call(name, args, keep)
        return self.forward_pass[1]

    def _call(self, name: str, args: tuple[object, ...], keep: Sequence[int]) -> object:
        if name in self._replaced:
            return self.submission.call_ours(name, args)
        if name not in self.submission.names:
            raise CallFailed("missing", f"no function {name}")
        call = partial(self.submission.call, name, keep=keep)
        if not self._order:
            return call(*args)
        return translate_call(call, name, self.cell, args, CELLS[self.cell].gates, self._order)

    def see_last(self, *path: int) -> Callable[[], object]:
        """Return a function that gives the last result, or an item of it, as it is then."""
        return partial(self.submission.look, Handle(self.submission.last.number, path))

    def forget(self) -> None:
        """Delete all results in its process."""
        self.submission.forget()


Functions = LocalFunctions | SubmissionFunctions
"""The functions of a cell, such as ``rnn_step`` and ``rnn_forward``."""
