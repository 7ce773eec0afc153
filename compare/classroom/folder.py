"""The files of a folder, each checked on its own, in a table.

Each job is a Python process that checks one file after the other. It computes the cases, the right
results and their tolerances once, because they do not depend on the file. The code of each file
runs in its own processes, as for a single file.
"""

import os
import pickle
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import DEVNULL, PIPE, TimeoutExpired
from typing import IO, Any

from rich.text import Text

from compare.check import (
    STYLES,
    CheckConfig,
    Report,
    find_source,
    refuse_replacing,
    write_json,
    write_page,
)
from compare.classroom.class_report import ClassReport, hash_file, name_page
from compare.classroom.config import GradeConfig
from compare.classroom.submissions import find_submissions
from compare.files import JsonObject
from compare.implementations import Source, clean
from compare.terminal import (
    CommandError,
    Terminal,
    describe_end,
    hide_memory,
    plural,
    start_python,
    usable_cpus,
)

Row = JsonObject
Examine = Callable[[CheckConfig, Terminal, Source], Report]

JOB = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from compare.check.command import examine; from compare.classroom.folder import "
    "answer_requests; answer_requests(examine)"
)
"""The code of the process of a job."""
LONG_SECONDS = 60.0  # without a result; then a line says what is being checked
NOTHING: Row = {"ok": False, "score": 0.0, "out_of": 0.0, "stages": [], "failures": [], "notes": []}


def check_folder(config: GradeConfig, terminal: Terminal) -> list[Row]:
    """Check the files of a folder, and print a line for each as soon as it is done."""
    folder = config.submissions.path
    submissions = find_submissions(config)
    files = submissions.files
    jobs = min(config.jobs or usable_cpus(), len(files))
    width, digits = max(map(len, files)), len(str(len(files)))
    sizes = f"{plural(len(files), 'file')}, seed {config.seed}, {plural(jobs, 'job')}"
    report = None if config.report is None else ClassReport(config, config.report, submissions)
    refuse_replacing(config, submissions.code, [] if report is None else report.list_outputs())
    terminal.line(f"{clean(str(folder))}: {sizes}")
    if submissions.note:
        terminal.line(f"  {submissions.note}", "dim", whole=True)
    rows = [] if report is None else report.begin()
    if rows:
        terminal.line(f"  {len(rows)} of them are in {config.report} already", "dim", whole=True)
    left = {name: path for name, path in files.items() if name not in {r["file"] for r in rows}}
    _write(config, rows, report)
    with closing(_checked(config, left, jobs, terminal)) as checked:
        for row in checked:
            rows.append(row)
            _write(config, rows, report)
            _show(row, f"{str(len(rows)).rjust(digits)}/{len(files)}", width, terminal)
    if report is not None:
        report.write_all(rows)
        terminal.line(f"  Written to {config.report}: class.html, grades.csv", "dim", whole=True)
    return rows


def _write(config: GradeConfig, rows: Sequence[Row], report: ClassReport | None) -> None:
    """Write the results so far, in order of name."""
    ordered = sorted(rows, key=lambda row: row["file"])
    if config.json is not None:
        write_json(config.json, {"seed": config.seed, "files": ordered})
    if report is not None:
        report.write_rows(ordered)


def _show(row: Row, done: str, width: int, terminal: Terminal) -> None:
    """Print the line of a file: its score, and its failures."""
    failed = [stage for stage in row["stages"] if stage["verdict"] != "right"]
    phrases = [f"{stage['name']} {stage['verdict']}" for stage in failed] + row["failures"]
    verdicts = {stage["verdict"] for stage in failed}
    if len(failed) == row["out_of"] and len(verdicts) == 1 and verdicts != {"wrong"}:
        phrases = [": ".join(filter(None, (failed[0]["verdict"], failed[0]["got"])))]  # one reason
    phrases = phrases or ["right" if row["ok"] else f"error: {row['failed']}"]
    score = f"{row['score']:g} of {row['out_of']:g}"
    text = Text(f"  {done}  {row['file'].ljust(width)}  {score}  ")
    text.append(", ".join(phrases), "" if row["ok"] else STYLES["wrong"])
    text.append("".join(f"; {note}" for note in row["notes"]), "dim")
    terminal.console.print(text, soft_wrap=True)


def _checked(
    config: GradeConfig, files: dict[str, Path], jobs: int, terminal: Terminal
) -> Generator[Row]:
    """Yield the results of all files, in the order in which they are done."""
    running = [_Job(config) for _ in range(jobs)]
    idle, done = SimpleQueue[_Job](), SimpleQueue[Future[Row]]()
    begun: dict[str, float] = {}  # when the check of each file began
    for job in running:
        idle.put(job)

    def check(name: str, path: Path) -> Row:
        job = idle.get()
        begun[name] = time.monotonic()
        row = job.check(name, path)
        del begun[name]
        idle.put(job)
        return {"file": name} | row

    pool = ThreadPoolExecutor(jobs)
    try:
        for item in files.items():
            pool.submit(check, *item).add_done_callback(done.put)
        for _ in files:
            yield _wait_for_next(done, begun, terminal).result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for wait in (False, True):  # a job may have been started meanwhile
            for job in running:
                job.close()
            pool.shutdown(wait)


def _wait_for_next(
    done: SimpleQueue[Future[Row]], begun: dict[str, float], terminal: Terminal
) -> Future[Row]:
    """Return the next result; print which files are checked whenever that takes a minute."""
    while True:
        try:
            return done.get(timeout=LONG_SECONDS)
        except Empty:
            now = time.monotonic()
            running = ", ".join(f"{name} {now - then:.0f} s" for name, then in begun.copy().items())
            terminal.line(f"  still running: {running}", "dim", whole=True)


class _Job:
    """A process that checks files; a new one takes its place if the code of a file ends it."""

    def __init__(self, config: GradeConfig) -> None:
        self._config = config
        self._process: Any = None

    def check(self, name: str, path: Path) -> Row:
        """Return the results of a file, and write its page."""
        try:
            if self._process is None:
                self._start()
            _send(self._process.stdin, (name, path))
            row: Row = pickle.load(self._process.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self.close()
            how, self._process = describe_end(self._process.returncode), None
            return NOTHING | {"failed": f"its check ended {how}"}
        return row

    def _start(self) -> None:
        self._process = start_python(["-c", JOB], [PIPE, PIPE, DEVNULL])
        for value in (sys.path, self._config):
            _send(self._process.stdin, value)

    def close(self) -> None:
        """Let it end, or end it if it has something to do."""
        if self._process is not None:
            with suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(1.0)
            except TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()


def answer_requests(examine: Examine) -> None:
    """Check files until there are no more."""
    hide_memory()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    config: GradeConfig = pickle.load(requests)
    with suppress(EOFError):
        while True:
            name, path = pickle.load(requests)
            begun = time.monotonic()
            row = _row(config, name, path, examine)
            if config.report is not None:
                row["sha256"] = hash_file(path)
            _send(answers, row | {"seconds": round(time.monotonic() - begun, 2)})


def _row(config: GradeConfig, name: str, path: Path, examine: Examine) -> Row:
    try:
        check = config.make_check_config(path)
        folder = config.submissions.path.absolute()
        source = replace(find_source(check), submissions=str(folder))
        report = examine(check, Terminal(quiet=True), source)
        if config.report is not None:
            write_page(report, name_page(config.report, name), name)
    except CommandError as error:  # as of a flag that does not fit to this file
        return NOTHING | {"failed": clean(str(error))}
    except Exception as error:  # the other files are checked all the same
        problem = f"the check itself failed: {type(error).__name__}: {error}"
        return NOTHING | {"failed": clean(problem)}
    return report.to_json() | {"failures": report.failures, "failed": report.failed}


def _send(stream: IO[bytes], value: object) -> None:
    pickle.dump(value, stream)
    stream.flush()
