"""The process of the user's code: send requests, and wait no longer than allowed."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from io import BufferedReader

import psutil

from compare.implementations.core.failures import CallFailed
from compare.implementations.inside import server
from compare.implementations.inside.messages import InvalidMessage, Message, encode_message, read
from compare.implementations.worker.source import FIRST_PRINTED, PATIENCE, Notes, Source
from compare.terminal import describe_end, start_python

INTERVAL = 0.1  # seconds between two looks at the time that a call takes
SECONDS = 60.0  # within which a process says that it reads requests


class Process:
    """A process of `server`; `call_back`, of (head, arrays), answers its calls of our functions."""

    def __init__(self, source: Source, call_back: Callable[..., Message], notes: Notes) -> None:
        self.ended = ""  # in words, how
        self._call_back, self._notes = call_back, notes
        self._total = source.total
        self._limits: list[tuple[Callable[[], float], float, str]] = []
        self._measure_rest()
        arguments = [server.__file__, str(source.gibibytes), str(source.total)]
        self._worker = worker = start_python(arguments, [subprocess.PIPE] * 3)
        self._process = psutil.Process(worker.pid)
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._wanted = threading.Semaphore(0)  # answers, which are not read before
        self._answers: queue.SimpleQueue[Message | Exception] = queue.SimpleQueue()
        works = (self._write_requests, self._read_answers, self._read_printed)
        self._threads = [
            threading.Thread(target=work, args=(pipe,), daemon=True)
            for work, pipe in zip(works, (worker.stdin, worker.stdout, worker.stderr), strict=True)
        ]
        for thread in self._threads:
            thread.start()
        self._wanted.release()
        with contextlib.suppress(queue.Empty):  # the time to load Python and NumPy is not counted
            self._answers.get(timeout=SECONDS)
        self._used = self._processor_time()

    def request(self, message: Message, seconds: float, wall: float) -> Message:
        """Send a request and return the answer; CallFailed if it takes more time, ours included."""
        if self.ended:
            raise CallFailed("error", f"its process ended {self.ended}")
        rests = self._measure_rest()  # short calls end before anybody looks at the time
        begun, begun_wall = self._used, time.monotonic()
        clocks = (self._processor_time, begun), (time.monotonic, begun_wall)
        call_limits = (
            (seconds, f"{seconds:g} s of processor time"),
            (wall, f"{wall:g} s of wall time"),
        )
        self._limits = [  # a clock, the time at which it is late, and what it measures
            (clock, now + most, meaning)
            for limits in (rests, call_limits)
            for (clock, now), (most, meaning) in zip(clocks, limits, strict=True)
        ]
        self._look_again = begun_wall + min(INTERVAL, seconds)
        try:
            while True:
                answer = self._read_next(message)
                if "call" not in answer[0]:
                    return answer
                message = self._call_back(*answer)
        except TimeoutError as error:
            self.close()
            raise CallFailed("timeout", f"no result within {error}") from None
        except (EOFError, OSError):
            raise CallFailed("error", f"its process ended {self.close()}") from None
        except InvalidMessage as error:
            self.close()
            raise CallFailed("error", f"its process sent an invalid message: {error}") from None
        finally:
            self._notes.seconds += time.monotonic() - begun_wall
            self._used = max(self._used, self._processor_time())
            self._notes.processor += self._used - begun

    def _measure_rest(self) -> list[tuple[float, str]]:
        """Return what is left of the processor time and the wall time for all calls, with words.

        CallFailed if nothing is left. Wall time is no measure of code on a busy machine: its limit
        only ends what sleeps.
        """
        rests = []
        both = ("processor", 1, self._notes.processor), ("wall", PATIENCE, self._notes.seconds)
        for kind, factor, used in both:
            limit = factor * self._total
            meaning = f"{limit:g} s of {kind} time for all calls (--total-timeout)"
            if used >= limit:
                raise CallFailed("timeout", f"no result within {meaning}")
            rests.append((limit - used, meaning))
        return rests

    def _read_next(self, message: Message) -> Message:
        """Send a message and return the next one; TimeoutError if there is none in time."""
        self._requests.put(encode_message(*message))
        self._wanted.release()
        has_ended = False
        while True:
            self._check()
            try:
                answer = self._answers.get(timeout=INTERVAL)
            except queue.Empty:
                if has_ended:
                    raise EOFError from None
                has_ended = self._has_ended()
                continue
            if isinstance(answer, Exception):
                raise answer
            return answer

    def _check(self) -> None:
        """Raise TimeoutError if it is late; look at most once in each interval."""
        if time.monotonic() > self._look_again:
            self._look_again = time.monotonic() + INTERVAL
            self._used = self._processor_time()  # it may have ended afterwards
            for clock, end, meaning in self._limits:
                if clock() > end:
                    raise TimeoutError(meaning)

    def _processor_time(self) -> float:
        with contextlib.suppress(psutil.Error):
            times = self._process.cpu_times()
            return float(times.user + times.system)
        return 0.0

    def _has_ended(self) -> bool:
        """Return whether the process has ended; one that it started may still hold its pipes."""
        with contextlib.suppress(psutil.Error):
            return bool(self._process.status() == psutil.STATUS_ZOMBIE)
        return True

    def close(self) -> str:
        """Kill the process, and those that it started; return how it ended."""
        if not self.ended:
            with contextlib.suppress(AttributeError, OSError):  # Windows; or all have ended
                os.killpg(self._worker.pid, signal.SIGKILL)
            self._worker.kill()
            self.ended = describe_end(self._worker.wait())
            self._requests.put(None)
            self._wanted.release()
            for thread in self._threads:
                thread.join(1)
        return self.ended

    def _write_requests(self, stream: BufferedReader) -> None:
        with contextlib.suppress(OSError), stream:  # it has ended, or does not read
            while (message := self._requests.get()) is not None:
                stream.write(message)
                stream.flush()

    def _read_answers(self, stream: BufferedReader) -> None:
        with stream:
            try:
                while self._wanted.acquire() and not self.ended:
                    self._answers.put(read(stream))
            except (EOFError, OSError) as error:
                self._answers.put(error)
            except Exception as error:  # the code has written among the answers
                self._answers.put(InvalidMessage(f"{type(error).__name__}: {error}"))

    def _read_printed(self, stream: BufferedReader) -> None:
        with stream:
            while printed := stream.read1(65536):
                if len(self._notes.first) < FIRST_PRINTED:
                    self._notes.first += printed[:FIRST_PRINTED].decode(errors="replace")
