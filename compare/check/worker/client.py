"""Call the user's code, which runs in a process of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from compare.check.worker.exceptions import in_words
from compare.check.worker.messages import (
    Message,
    clean,
    cleaned,
    fits,
    is_packed,
    layout_of,
    pack,
    unpack,
)
from compare.check.worker.process import PATIENCE, Notes, Process, Trouble
from compare.check.worker.source import Source

__all__ = ["Handle", "Notes", "Source", "Submission", "Trouble"]

MOST_NOTED = 50  # names of each kind

NOTED = {
    "seen": {"imported": [str], "opened": [str], "started": [str]},
    "changed": [str],
}
RAISED = {"raised": {"kinds": [str], "message": str, "where": str}}
"""The form of a part of each answer, and that of an exception."""


@dataclass(frozen=True, slots=True)
class Handle:
    """An object in the process of the user's code, or a part of it."""

    number: int
    path: tuple[int, ...] = ()
    names: tuple[str, ...] = ()  # what can be called, of an object that stays there


class Submission:
    """The user's code, loaded; Trouble if it cannot be.

    `ours`, a function of (name, arguments), computes the results of those functions that ours have
    replaced. `notes` is for what the report notes; one may serve for many processes.
    """

    start = Process

    def __init__(
        self,
        source: Source,
        ours: Callable[[str, Any], Any] | None = None,
        notes: Notes | None = None,
    ) -> None:
        self.source, self._ours = source, ours
        self.notes = Notes() if notes is None else notes
        self.last = Handle(0)  # the last result
        self.order: tuple[str, tuple[str, ...]] = ("", ())  # a cell, and its gates in this order
        self._replaced: tuple[str, ...] = ()
        self._load()

    def _load(self) -> None:
        source = self.source
        self._replaced = ()
        self._process = self.start(source, self._call_back, self.notes)
        names = ("file", "module", "name", "folders", "numpy_only", "interpret")
        head = {"do": "load"} | {name: getattr(source, name) for name in names}
        seconds = 6 * source.seconds if source.file else max(60.0, 3 * source.seconds)
        wall = PATIENCE * source.seconds if source.file else PATIENCE * seconds
        try:
            loaded = self._request(head, (), seconds, wall)[0]
        except BaseException:
            self.close()
            raise
        self.names: list[str] = loaded["names"]  # of its functions
        self.adapter: str = loaded["adapter"]  # of a class of another library
        self.kinds: list[str] = loaded["kinds"]  # names of the class and its bases

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its process."""
        self._process.close()

    def revive(self) -> None:
        """Load it anew if its process has ended; its objects are lost."""
        if self._process.ended:
            self._load()

    def call(
        self, name: str, *args: Any, of: int = 0, keep: Sequence[int] = (), **kwargs: Any
    ) -> Any:
        """Call a function, or a method of the object number `of`; Trouble if there is no result.

        An empty name calls the object itself. Arguments are plain values, arrays and handles. An
        array that the function changes is changed here. Those items of the result that `keep` names
        stay in the process, and `Handle` takes their place; with -1 the whole result stays there.
        """
        arrays: list[np.ndarray] = []
        head = {
            "do": "call",
            "of": of,
            "method": name,
            "args": [_packed(value, arrays) for value in args],
            "kwargs": {key: _packed(value, arrays) for key, value in kwargs.items()},
            "keep": list(keep),
        }
        answer, received = self._request(head | {"layouts": [*map(layout_of, arrays)]}, arrays)
        for k, packed in answer["written"]:
            value = unpack(packed, received)
            if not isinstance(value, np.ndarray) or value.shape != arrays[k].shape:
                raise Trouble("error", "changed the shape of an argument")
            if not arrays[k].flags.writeable:
                raise Trouble("error", "changed an argument that is read-only")
            arrays[k][...] = value
        number = answer["number"]
        self.last = Handle(number, names=tuple(answer["names"]))
        if -1 in keep:
            return self.last
        result = unpack(answer["result"], received)
        if keep and isinstance(result, tuple):
            handles = {k: Handle(number, (k,)) for k in keep}
            return tuple(handles.get(k, item) for k, item in enumerate(result))
        return result

    def look(
        self, handle: Handle, *attributes: str, without: Sequence[int] = (), double: bool = False
    ) -> Any:
        """Return an object of the process as it is now, or an attribute of it.

        Items of it that `without` names are left out. With `double`, its arrays are doubled first,
        in place and one by one.
        """
        head = {"do": "get", "of": handle.number, "path": [*handle.path, *attributes]}
        head |= {"without": list(without), "double": double}
        answer, received = self._request(head)
        return unpack(answer["result"], received)

    def write(
        self, handle: Handle, name: str, values: dict[str, np.ndarray], *, replace: bool = False
    ) -> None:
        """Write values into the arrays of a dictionary that an object has, or replace these."""
        items = [[key, k] for k, key in enumerate(values)]
        head = {"do": "set", "of": handle.number, "name": name, "items": items}
        head["replace"] = replace
        self._request(head, [np.asarray(value) for value in values.values()])

    def forget(self) -> None:
        """Delete all results; their handles are invalid."""
        self._request({"do": "forget"})

    def launches(self) -> list[dict[str, Any]]:
        """Return Triton's kernels that were launched, with the types of their arguments."""
        launches: list[dict[str, Any]] = self._request({"do": "launches"})[0]["launches"]
        return launches

    def replace(self, names: Sequence[str]) -> None:
        """Replace these functions, and only these, by ours."""
        self._replaced = tuple(names)
        self._request({"do": "replace", "names": list(names)})

    def _request(
        self,
        head: dict[str, Any],
        arrays: Sequence[np.ndarray] = (),
        seconds: float | None = None,
        wall: float | None = None,
    ) -> Message:
        limit = self.source.seconds if seconds is None else seconds
        wall = PATIENCE * limit if wall is None else wall
        answer, received = self._process.request(head, list(arrays), limit, wall)
        form = _form_of(head["do"], len(arrays), len(received))
        if not (fits(answer, RAISED | NOTED) or fits(answer, form | NOTED)):
            raise self._invalid(f"an answer to {head['do']!r}")
        answer = cleaned(answer)
        for kind, names in answer["seen"].items():
            noted = getattr(self.notes, kind)
            noted += [name for name in names[:MOST_NOTED] if name not in noted]
        if "raised" in answer:
            raised = answer["raised"]
            kinds = tuple(raised["kinds"]) or ("an exception",)
            message = in_words(kinds[0], raised["message"], raised["where"])
            verdict = "missing" if "NotImplementedError" in kinds else "error"
            raise Trouble(verdict, message, kinds)
        if answer["changed"]:
            raise Trouble("error", f"changed {answer['changed'][0]}, which is not its own")
        for first, second in answer.get("shared", ()):
            received[second] = received[first]  # as they are there
        return answer, received

    def _invalid(self, expected: str) -> Trouble:
        self.close()
        return Trouble("error", f"its process sent an invalid message: expected {expected}")

    def _call_back(self, head: dict[str, Any], arrays: list[np.ndarray]) -> Message:
        """Compute the result of a function that ours have replaced, and of no other."""

        def is_argument(item: Any) -> bool:
            return is_packed(item, len(arrays))

        if not fits(head, {"call": str, "args": [is_argument]}):
            raise self._invalid("a call of a function")
        name, sent = clean(head["call"]), list[np.ndarray]()
        if name not in self._replaced:
            if name not in self.notes.asked and len(self.notes.asked) < MOST_NOTED:
                self.notes.asked.append(name)
            return {"refused": f"expected no call of the reference's {name}"}, []
        try:
            assert self._ours is not None
            result = self._ours(name, tuple(unpack(item, arrays) for item in head["args"]))
        except Exception as error:  # arguments that our function does not take
            return {"refused": " ".join(str(error).split())[:300]}, []
        return {"result": pack(result, sent)}, sent


def _form_of(do: str, sent: int, received: int) -> dict[str, Any]:
    """Return the form of an answer; both messages have so many arrays."""

    def packed(value: Any) -> bool:
        return is_packed(value, received)

    def written(value: Any) -> bool:
        is_pair = isinstance(value, list) and len(value) == 2
        return is_pair and value[0] in range(sent) and packed(value[1])

    def shared(value: Any) -> bool:
        return fits(value, [int]) and len(value) == 2 and set(value) <= set(range(received))

    result = {"result": packed, "shared": [shared]}
    forms: dict[str, dict[str, Any]] = {
        "load": {"names": [str], "adapter": str, "kinds": [str]},
        "call": result | {"number": int, "names": [str], "written": [written]},
        "get": result,
        "launches": {"launches": [dict]},
    }
    return forms.get(do, {})


def _packed(value: Any, arrays: list[np.ndarray]) -> dict[str, Any]:
    if isinstance(value, Handle):
        return {"ref": value.number, "path": list(value.path)}
    return pack(value, arrays)
