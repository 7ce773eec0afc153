"""Call the user's code, which runs in a process of its own."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from compare.implementations.core.failures import CallFailed
from compare.implementations.inside.messages import (
    WHOLE,
    Array,
    Head,
    Message,
    pack,
    read_layout,
    unpack,
)
from compare.implementations.worker.exceptions import explain_exception
from compare.implementations.worker.source import Notes, Source


class Running(Protocol):
    """The process of the user's code, or its substitute in this process."""

    ended: str  # in words, how; empty while it runs

    def request(self, message: Message, seconds: float, wall: float, /) -> Message:
        """Return the answer to a request; CallFailed if there is none within these times."""

    def close(self) -> object:
        """End it."""


CallBack = Callable[[Head, list[Array]], Message]
"""Answers a call of our functions."""

Start = Callable[[Source, CallBack, Notes], Running]
"""Starts the process of the user's code, or what takes its place."""

MOST_LAUNCHES = 1000  # that are noted

NOT_WRITTEN = "NotImplementedError"
VERDICTS = {"CannotBeTried": "not tried", "NoSuchClass": "missing"}
"""Verdicts of what the interpreter of kernels and the server raise: their messages are whole."""


@dataclass(frozen=True, slots=True)
class Handle:
    """An object in the process of the user's code, or a part of it."""

    number: int
    path: tuple[int, ...] = ()
    names: tuple[str, ...] = ()  # what can be called, of an object that stays there


class Call(NamedTuple):
    """A call of a function, or of a method of an object, that is made together with others.

    As an argument, `Handle(-1)` is the result of the first of them, `Handle(-2)` of the second.
    """

    method: str
    args: tuple[object, ...]
    of: int = 0
    keep: tuple[int, ...] = ()  # items of the result that are not read


def start_process(source: Source, call_back: CallBack, notes: Notes) -> Running:
    """Start a process for the user's code; psutil and pipes are not needed before."""
    from compare.implementations.worker.process import Process

    return Process(source, call_back, notes)


class Submission(AbstractContextManager["Submission"]):
    """The user's code, loaded; CallFailed if it cannot be.

    `ours`, a function of (name, arguments), computes the results of those functions that ours have
    replaced. `notes` is for what the report notes; one may serve for many processes. `start` starts
    the process, or takes its place (`in_process`).
    """

    def __init__(
        self,
        source: Source,
        ours: Callable[[str, tuple[object, ...]], object] | None = None,
        notes: Notes | None = None,
        start: Start | None = None,
    ) -> None:
        self.source, self._ours, self._start = source, ours, start or start_process
        self.notes = Notes() if notes is None else notes
        self.last = Handle(0)  # the last result
        self._process = self._start(source, self._call_back, self.notes)
        self.load()

    def load(self) -> None:
        """Load it, also again; its objects are lost."""
        source = self.source
        self._replaced: tuple[str, ...] = ()
        if self._process.ended:
            self._process = self._start(source, self._call_back, self.notes)
        seconds = max(60.0 if source.module else 10.0, 6 * source.seconds)
        limits = seconds, source.patience * seconds
        try:
            loaded = self._request("load", (), limits, **asdict(source))
        except BaseException:
            self.close()
            raise
        self.names: list[str] = loaded["names"]  # of its functions
        self.adapter: str = loaded["adapter"]  # of a class of another library
        self.kinds: list[str] = loaded["kinds"]  # names of the class and its bases
        self.arguments: list[tuple[str, bool, str]] = loaded["arguments"]  # of its constructor
        self.rest: str = loaded["rest"]  # in words, what of a file is not run
        self.infers_only: bool = loaded["infers_only"]  # its library may lose small digits
        self.classes: list[str] = loaded["classes"]  # beside it, which may be layers
        self.skipped: list[str] = loaded["skipped"]  # the lines of a script that are not run

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its process."""
        self._process.close()

    def revive(self) -> None:
        """Load it anew if its process has ended; its objects are lost."""
        if self._process.ended:
            self.load()

    def call(
        self, name: str, *args: object, of: int = 0, keep: Sequence[int] = (), **kwargs: object
    ) -> Any:
        """Call a function, or a method of the object number `of`; CallFailed if there is no result.

        An empty name calls the object itself. Arguments are plain values, arrays and handles. An
        array that the function changes is changed here. Those items of the result that `keep` names
        stay in the process, and `Handle` takes their place.
        """
        arrays: list[Array] = []
        request: Head = {"of": of, "method": name, "keep": list(keep)}
        request["args"] = [_pack(value, arrays) for value in args]
        request["kwargs"] = {key: _pack(value, arrays) for key, value in kwargs.items()}
        answer = self._request("call", arrays, layouts=[*map(read_layout, arrays)], **request)
        for array, value in answer["written"]:
            if not isinstance(value, np.ndarray) or value.shape != array.shape:
                raise CallFailed("error", "changed the shape of an argument")
            if not array.flags.writeable:
                raise CallFailed("error", "changed an argument that is read-only")
            array[...] = value
        number, result = answer["number"], answer["result"]
        self.last = Handle(number, names=tuple(answer["names"]))
        if keep and isinstance(result, tuple):
            handles = {k: Handle(number, (k,)) for k in keep}
            return tuple(handles.get(k, item) for k, item in enumerate(result))
        return result

    def make(self, name: str, *args: object, of: int = 0, **kwargs: object) -> Handle:
        """Make a call, and return the result as an object that stays in the process."""
        self.call(name, *args, of=of, keep=(WHOLE,), **kwargs)
        return self.last

    def time(self, times: int, *calls: Call) -> float:
        """Make these calls so many times; return the mean seconds of all, as its process measures.

        The time excludes the cost of the messages. Changes of the arguments are not sent back.
        """
        arrays: list[Array] = []
        packed = [
            call._asdict() | {"args": [_pack(value, arrays) for value in call.args]}
            for call in calls
        ]
        layouts = [*map(read_layout, arrays)]
        answer = self._request("time", arrays, times=times, calls=packed, layouts=layouts)
        return float(answer["seconds"])

    def look(
        self, handle: Handle, *attributes: str, without: Sequence[int] = (), double: bool = False
    ) -> Any:
        """Return an object as it is now, without some items; `double` doubles its arrays first."""
        place: Head = {"of": handle.number, "path": [*handle.path, *attributes]}
        return self._request("get", without=list(without), double=double, **place)["result"]

    def forget(self, *keep: Handle) -> None:
        """Delete all results but those to keep; the handles of the others are invalid."""
        self._request("forget", keep=[handle.number for handle in keep])

    def replace(self, names: Sequence[str]) -> None:
        """Replace these functions, and only these, by ours."""
        self._replaced = tuple(names)
        self._request("replace", names=list(names))

    def call_ours(self, name: str, args: tuple[object, ...]) -> object:
        """Return the result of our function in the place of one of its own."""
        assert self._ours is not None
        return self._ours(name, args)

    def _request(
        self,
        do: str,
        arrays: Sequence[Array] = (),
        limits: tuple[float, float] | None = None,
        **request: object,
    ) -> Head:
        """Return the answer to a request, with the values of its messages."""
        seconds = self.source.seconds
        limits = limits or (seconds, self.source.patience * seconds)
        sent = {"do": do, **request}, list(arrays)
        answer: Head
        answer, received = self._process.request(sent, *limits)
        if "result" in answer:
            answer["result"] = unpack(answer["result"], received)
        written = [(arrays[k], unpack(v, received)) for k, v in answer.pop("written", ())]
        self._note(answer)
        if "raised" in answer:
            raise self._explain(**answer["raised"])
        return answer | {"written": written}

    def _note(self, answer: Head) -> None:
        """Keep what an answer notes."""
        for kind, names in answer["seen"].items():
            noted = getattr(self.notes, kind)
            noted += [name for name in names if name not in noted]
        for noted in (self.notes.launched, self.notes.launched_here):
            if len(noted) < MOST_LAUNCHES:
                noted += [launch for launch in answer.get("launched", ()) if launch not in noted]
        self.notes.hints += answer.get("hints", ())
        self.notes.operations += answer.get("operations", 0)

    def _explain(self, kinds: list[str], message: str, where: str) -> CallFailed:
        """Return what was raised as CallFailed."""
        kind = next(iter(kinds), "an exception")
        if kind in VERDICTS:
            return CallFailed(VERDICTS[kind], message, tuple(kinds))
        verdict = "missing" if NOT_WRITTEN in kinds else "error"
        return CallFailed(verdict, explain_exception(kind, message, where), tuple(kinds))

    def _call_back(self, head: Head, arrays: list[Array]) -> Message:
        """Compute the result of a function that ours have replaced, and of no other."""
        name, sent = head["call"], list[Array]()
        if name not in self._replaced:
            return {"refused": f"expected no call of the reference's {name}"}, []
        args = tuple(unpack(item, arrays) for item in head["args"])
        try:
            result = self.call_ours(name, args)
        except Exception as error:  # arguments that our function does not take
            return {"refused": " ".join(str(error).split())[:300]}, []
        return {"result": pack(result, sent)}, sent


def _pack(value: object, arrays: list[Array]) -> Head:
    if isinstance(value, Handle):
        return {"ref": value.number, "path": list(value.path)}
    return pack(value, arrays)


def describe_kind(value: object) -> str:
    """Return the type of a value with its length or shape, for a message."""
    if value is None:
        return "None"
    if isinstance(value, tuple | list | dict):
        kind = "dict" if isinstance(value, dict) else "list or tuple"
        return f"a {kind} of {len(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"a value of type {getattr(value, '__type__', type(value).__name__)}"
