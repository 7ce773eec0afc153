"""Talk to a submission's code: call its functions, with limits of time, and learn what went wrong."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil

from compare.check.worker import server
from compare.check.worker.server import Server, pack, read, unpack, write

PATIENCE = 10
"""How many times as long a call may take by the clock as of the processor's time."""

FIRST_PRINTED = 400
"""How many characters of what the submission prints are kept, to be shown."""


class Trouble(Exception):
    """A call gave no result: `verdict` is missing, error or timeout, and the message says why."""

    expected = "a result"

    def __init__(self, verdict: str, message: str, kinds: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.verdict, self.got = verdict, message
        self.kinds = kinds  # the names of the exception's classes


@dataclass(frozen=True, slots=True)
class Handle:
    """An object that stays with the submission, or a part of it."""

    number: int
    path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where the submission's code is, and how it is to be run."""

    file: str = ""  # one of both
    module: str = ""
    name: str = ""  # of a class in it
    adapter: str = ""
    folders: tuple[str, ...] = ()  # to import from
    numpy_only: bool = False
    seconds: float = 10.0  # of the processor, for each call; loading a module has a minute
    gibibytes: float = 4.0
    in_process: bool = False  # for tests of ours: without limits, and fast

    @property
    def shown(self) -> str:
        """What it is called."""
        place = self.file or self.module
        return f"{place}:{self.name}" if self.name else place


@dataclass(slots=True)
class Notes:
    """What is worth knowing of the submission beside its results."""

    imported: list[str] = field(default_factory=list)
    lines: int = 0  # printed, by the process that printed most
    first: str = ""


class Submission:
    """The submission's code, loaded.

    Parameters
    ----------
    source : Source
    ours : function of (name, arguments), optional
        Answers for those of its functions that ours have taken the place of.
    notes : Notes, optional
        Where to write what is worth knowing; one may serve for many processes.

    Raises
    ------
    Trouble
        If it cannot be loaded.
    """

    def __init__(
        self,
        source: Source,
        ours: Callable[[str, Any], Any] | None = None,
        notes: Notes | None = None,
    ) -> None:
        self.source = source
        self.notes = Notes() if notes is None else notes
        self.last = Handle(0)  # the last result
        self._ours = ours
        self._open()

    def _open(self) -> None:
        source = self.source
        self._link: _Link = _Here(self) if source.in_process else _Process(self)
        asked = ("file", "module", "name", "adapter", "folders", "numpy_only")
        head = {"do": "load"} | {name: getattr(source, name) for name in asked}
        seconds = 6 * source.seconds if source.file else max(60.0, 3 * source.seconds)
        try:
            loaded = self._request(head, seconds=seconds)[0]
        except BaseException:
            self.close()
            raise
        self.names: dict[str, list[str] | None] = loaded["names"]
        self.adapter: str = loaded["adapter"]  # that makes another library's class ours
        self.cell: str = loaded["cell"]  # by the class's name; empty if that does not say it

    def __enter__(self) -> Submission:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its process."""
        self._link.close()

    def revive(self) -> None:
        """Load it anew if its process has ended; its objects are gone."""
        if self._link.ended:
            self._open()

    def call(
        self,
        name: str,
        *args: Any,
        of: int = 0,
        keep: Sequence[int] = (),
        **kwargs: Any,
    ) -> Any:
        """Call a function, or with `of` a method of an object that it has.

        Parameters
        ----------
        name : str
            Empty to call the object itself.
        *args, **kwargs
            Plain values, arrays and handles. What the function changes in an array is changed.
        of : int
            Number of the object.
        keep : sequence of int
            Items of the result, a tuple, that stay there; a `Handle` comes in their place. With
            -1 the result is one object, and stays there.

        Raises
        ------
        Trouble
            If no result comes.
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
        answer, sent = self._request(head, arrays)
        for k, packed in answer["written"]:
            arrays[k][...] = unpack(packed, sent)
        number = answer["number"]
        self.last = Handle(number)
        if -1 in keep:
            return Handle(number)
        result = unpack(answer["result"], sent)
        if keep and isinstance(result, tuple):
            return tuple(
                Handle(number, (k,)) if k in keep else item for k, item in enumerate(result)
            )
        return result

    def look(self, handle: Handle, *attributes: str) -> Any:
        """Return what an object of the submission's holds now."""
        path = [*handle.path, *attributes]
        answer, sent = self._request({"do": "get", "of": handle.number, "path": path})
        return unpack(answer["result"], sent)

    def write(self, handle: Handle, name: str, values: dict[str, np.ndarray]) -> None:
        """Write values into the arrays of a dictionary that an object has."""
        items = [[key, k] for k, key in enumerate(values)]
        head = {"do": "set", "of": handle.number, "name": name, "items": items}
        self._request(head, [np.asarray(value) for value in values.values()])

    def object_names(self, handle: Handle) -> dict[str, list[str] | None]:
        """Return what an object of the submission's has that can be called."""
        answer, _ = self._request({"do": "names", "of": handle.number})
        names: dict[str, list[str] | None] = answer["names"]
        return names

    def forget(self) -> None:
        """Let go of all results; their handles mean nothing any more."""
        self._request({"do": "forget"})

    def replace(self, names: Sequence[str]) -> None:
        """Let our functions answer in the place of these of the submission's, and only these."""
        self._request({"do": "replace", "names": list(names)})

    def _request(
        self, head: dict[str, Any], arrays: Sequence[np.ndarray] = (), seconds: float | None = None
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        limit = self.source.seconds if seconds is None else seconds
        answer, sent = self._link.request(head, list(arrays), limit)
        self.notes.imported += [n for n in answer["imported"] if n not in self.notes.imported]
        if "raised" in answer:
            raised = answer["raised"]
            kinds = raised["kinds"]
            message = f"{kinds[0]}: {raised['message']}" if raised["message"] else kinds[0]
            message += f" ({raised['where']})" if raised["where"] else ""
            verdict = "missing" if "NotImplementedError" in kinds else "error"
            raise Trouble(verdict, message, kinds)
        if answer["changed"]:
            raise Trouble("error", f"changed {answer['changed'][0]}, which is not its own")
        return answer, sent

    def answer_for(self, head: dict[str, Any], arrays: list[np.ndarray]) -> tuple[Any, list[Any]]:
        """Answer a question for one of our functions."""
        sent: list[np.ndarray] = []
        try:
            assert self._ours is not None
            result = self._ours(head["ask"], tuple(unpack(item, arrays) for item in head["args"]))
        except Exception as error:  # arguments that our function cannot take
            return {"refused": " ".join(str(error).split())[:300]}, []
        return {"result": pack(result, sent)}, sent


def _packed(value: Any, arrays: list[np.ndarray]) -> dict[str, Any]:
    if isinstance(value, Handle):
        return {"ref": value.number, "path": list(value.path)}
    return pack(value, arrays)


class _Link:
    """A way to the submission."""

    ended = False

    def request(
        self, head: dict[str, Any], arrays: list[np.ndarray], seconds: float
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is left open."""


class _Here(_Link):
    """The submission in this very process."""

    def __init__(self, submission: Submission) -> None:
        def ask(name: str, args: tuple[Any, ...]) -> Any:
            sent: list[np.ndarray] = []
            head = {"ask": name, "args": [pack(item, sent) for item in args]}
            answer, arrays = submission.answer_for(head, sent)
            if "refused" in answer:
                raise TypeError(answer["refused"])
            return unpack(answer["result"], arrays)

        self._server = Server(ask)

    def request(
        self, head: dict[str, Any], arrays: list[np.ndarray], seconds: float
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        copies = [np.array(array, order="K") for array in arrays]
        answer, sent = self._server.answer(head, copies)
        return answer, [np.array(array, order="K") for array in sent]


class _Process(_Link):
    """The submission in a process of its own."""

    def __init__(self, submission: Submission) -> None:
        self._stranger = submission
        one_thread = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", server.__file__, str(submission.source.gibibytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **one_thread, "PYTHONUNBUFFERED": ""},
            start_new_session=True,
        )
        self._requests: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._receive, args=(self._process.stdout,), daemon=True).start()
        heard = (self._process.stderr,)
        self._hearing = threading.Thread(target=self._overhear, args=heard, daemon=True)
        self._hearing.start()

    def request(
        self, head: dict[str, Any], arrays: list[np.ndarray], seconds: float
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        try:
            write(self._requests, head, arrays)
            while True:
                answer = self._within(seconds)
                if answer is None:
                    raise EOFError
                if "ask" not in answer[0]:
                    return answer  # type: ignore[no-any-return]
                write(self._requests, *self._stranger.answer_for(*answer))
        except queue.Empty:
            self.close()
            words = f"no result within {seconds:g} s of processor time"
            raise Trouble("timeout", words) from None
        except (EOFError, OSError):
            self.close()
            raise Trouble("error", f"its process ended {self._how()}") from None

    def _within(self, seconds: float) -> Any:
        """Return the next answer; queue.Empty if there is none in this much processor time."""
        end = time.monotonic() + PATIENCE * seconds
        allowed = self._processor_time() + seconds
        while True:
            try:
                return self._answers.get(timeout=min(seconds, 0.2))
            except queue.Empty:
                if self._processor_time() > allowed or time.monotonic() > end:
                    raise

    def _processor_time(self) -> float:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(self._process.pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def close(self) -> None:
        """Kill the process, and those that it started."""
        self.ended = True
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (AttributeError, OSError):  # Windows; or it has ended meanwhile
                self._process.kill()
        self._process.wait()
        self._hearing.join(1)  # for what it has printed
        with contextlib.suppress(OSError):
            self._requests.close()

    def _how(self) -> str:
        code = self._process.returncode
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def _receive(self, stream: BinaryIO) -> None:
        with stream, contextlib.suppress(Exception):  # the end, or bytes that are no message
            while True:
                self._answers.put(read(stream))
        self._answers.put(None)

    def _overhear(self, stream: BinaryIO) -> None:
        notes, lines = self._stranger.notes, 0
        while printed := stream.read1(65536):  # type: ignore[attr-defined]
            lines += printed.count(b"\n")
            notes.lines = max(notes.lines, lines)
            if len(notes.first) < FIRST_PRINTED:
                notes.first += printed[:FIRST_PRINTED].decode(errors="replace")
        stream.close()


def source_of(target: str, **how: Any) -> Source:
    """Return the source that FILE, FILE:NAME or MODULE:NAME means.

    Raises
    ------
    FileNotFoundError
        If there is no such file, and no name of a module.
    """
    path, colon, name = target.rpartition(":")
    if not colon or len(path) == 1 or "/" in name or "\\" in name:  # C:\file.py
        path, name = target, ""
    file = Path(path)
    if file.suffix == ".py" or file.is_file():
        if not file.is_file():
            raise FileNotFoundError(path)
        file = file.absolute()
        return Source(file=str(file), name=name, folders=(str(file.parent),), **how)
    if not name or not all(part.isidentifier() for part in path.split(".")):
        raise FileNotFoundError(target)
    return Source(module=path, name=name, folders=(str(Path.cwd()),), **how)
