"""The page of a class: scores, what was missed how often, likely mistakes."""

import html
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import quote

from compare.classroom.config import GradeConfig
from compare.files import JsonObject, fill_page, is_page, join_modules, resource, write_output
from compare.implementations import Verdict
from compare.terminal import plural

MARK = '<meta name="generator" content="rnn-parity grade">'

MOST_NAMES = 8  # of students in a cell of a table
RIGHT, *UNRIGHT = Verdict
OF_THE_WHOLE = (Verdict.MISSING, Verdict.ERROR, Verdict.NOT_TRIED)
"""The verdicts on a submission that could not be checked as a whole."""


def is_class_page(path: Path) -> bool:
    """Return whether a file is a page of a class."""
    return is_page(path, MARK)


def write_class_page(
    path: Path, rows: Sequence[JsonObject], config: GradeConfig, note: str
) -> None:
    """Write the page, with a note on the folder; a file at the path is replaced."""
    score = median(row["score"] for row in rows)
    out_of = max(row["out_of"] for row in rows)
    lead = (
        f"{count_right(rows, 'submission')}. The median score is {score:g} of {out_of:g}. "
        f"Seed {config.seed}."
    )
    values = {
        "mark": MARK,
        "title": html.escape(f"Class: {count_right(rows, 'submission')}"),
        "lead": lead,
        "scores": _write_table(["score", "students", "share"], list_scores(rows)),
        "stages": _write_table(
            ["function or part", *list_verdicts(rows), "not right"], list_stages(rows)
        ),
        "mistakes": _write_table(["mistake", "in", "students", "who"], list_mistakes(rows))
        or "<p>No known mistake was found.</p>",
        "students": _write_table(
            ["file", "score", *list_verdicts(rows)[1:], "notes", "seconds"], list_students(rows)
        ),
        "note": f"<p>{html.escape(note)}</p>" if note else "",
    }
    template, style = (resource(__package__, f"class.{kind}") for kind in ("html", "css"))
    script = join_modules("classroom/class.js")
    page = fill_page(template, style, script, values)
    write_output(path, page.encode(errors="backslashreplace"))


def count_right(rows: Sequence[JsonObject], noun: str) -> str:
    """Return in words how many are right."""
    right, number = sum(row["ok"] for row in rows), len(rows)
    verb = "is" if 1 in (right, number) else "are"
    return f"{right} of {plural(number, noun)} {verb} right"


def list_scores(rows: Sequence[JsonObject]) -> Iterator[list[str]]:
    """Yield each score, how many have it, and a bar."""
    count = Counter(row["score"] for row in rows)
    for score in range(int(max(row["out_of"] for row in rows)), -1, -1):
        yield [str(score), str(count[score]), _draw_bar(count[score], len(rows))]


def list_stages(rows: Sequence[JsonObject]) -> Iterator[list[str]]:
    """Yield each function with the number of its verdicts, and the share that is not right."""
    verdicts_of_stage: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for stage in row["stages"]:
            verdicts_of_stage[stage["name"]][stage["verdict"]] += 1
    for name, count in verdicts_of_stage.items():
        missed = count.total() - count[RIGHT]
        numbers = [str(count[verdict] or "") for verdict in list_verdicts(rows)]
        share = f"{_draw_bar(missed, count.total())} {100 * missed / count.total():.0f} %"
        yield [_mark_code(name), *numbers, share]


def list_mistakes(rows: Sequence[JsonObject]) -> Iterator[list[str]]:
    """Yield each likely mistake, the most frequent first, and who made it."""
    files_by_mistake: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        for stage in row["stages"]:
            if stage["likely"]:
                files_by_mistake[stage["likely"], stage["name"]].append(row["file"])
    for (mistake, stage), files in sorted(files_by_mistake.items(), key=lambda item: -len(item[1])):
        percent = 100 * len(files) / len(rows)
        share = f"{len(files)} ({percent:.{int(percent < 1)}f} %)"
        yield [html.escape(mistake), _mark_code(stage), share, _write_links(files)]


def list_students(rows: Sequence[JsonObject]) -> Iterator[list[str]]:
    """Yield each submission in order of name, with a cell for each verdict but right."""
    for row in rows:
        missed = [_list_missed(row, verdict) for verdict in list_verdicts(rows)[1:]]
        score, seconds = f"{row['score']:g} of {row['out_of']:g}", f"{row.get('seconds', 0):.1f}"
        words = (html.escape("; ".join(each)) for each in (*missed, row["notes"]))
        yield [_write_links([row["file"]]), score, *words, seconds]


def list_verdicts(rows: Sequence[JsonObject]) -> list[Verdict]:
    """Return right, and the other verdicts that the class has."""
    missed = (verdict for verdict in UNRIGHT if any(_list_missed(row, verdict) for row in rows))
    return [RIGHT, *missed]


def _list_missed(row: JsonObject, verdict: Verdict) -> list[str]:
    """Return the functions with a verdict, or one word if all have it, and what is known of it."""
    missed = [stage["name"] for stage in row["stages"] if stage["verdict"] == verdict]
    missed = ["all"] if len(missed) == len(row["stages"]) else missed
    if verdict == Verdict.WRONG:
        return [*missed, *(line for line in row["failures"] if line != row["failed"])]
    return [*missed, *list_reasons(row, verdict)]


def list_remarks(row: JsonObject) -> list[str]:
    """Return why a submission has no results, what else fails, and what its check noted."""
    reasons = (reason for verdict in OF_THE_WHOLE for reason in list_reasons(row, verdict))
    return [*dict.fromkeys([*reasons, *row["failures"], *row["notes"]])]


def list_reasons(row: JsonObject, verdict: Verdict) -> list[str]:
    """Return the first reason of a verdict, and why the check as a whole ended with it."""
    got = [s["got"] for s in row["stages"] if s["verdict"] == verdict and s["got"]]
    shown = got[:1] if verdict in (Verdict.ERROR, Verdict.NOT_TRIED) else []
    of_first = row["stages"][0]["verdict"] if row["stages"] else Verdict.ERROR
    is_whole = verdict == (of_first if of_first in OF_THE_WHOLE else Verdict.ERROR)
    return [*dict.fromkeys([*shown, *filter(None, [row["failed"] if is_whole else ""])])]


def _write_links(files: Sequence[str], most: int = MOST_NAMES) -> str:
    """Return links to the pages of students."""
    links = [
        f'<a href="{html.escape(quote(f"students/{file}.html"))}">{html.escape(file)}</a>'
        for file in files[:most]
    ]
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(links) + more


def _mark_code(text: str) -> str:
    return f"<code>{html.escape(text)}</code>"


def _draw_bar(count: int, of: int) -> str:
    """Return a bar; the full length is the whole class."""
    width = 100 * count / of
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="presentation">'
        f'<rect width="{width:.1f}" height="10"/></svg>'
    )


def _write_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells in HTML; nothing without rows."""
    lines = []
    for row in rows:
        cells = (f'<td data-head="{h}">{cell}</td>' for h, cell in zip(heads, row, strict=True))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    body = "\n".join(lines)
    return (
        '<div class="scroller" tabindex="0" role="group" aria-label="Table">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )
