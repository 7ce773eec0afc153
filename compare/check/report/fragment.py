"""The verdict as a piece of HTML, for the output of a notebook's cell, without a script."""

import html
from collections.abc import Iterator
from dataclasses import replace

from compare.check.core.report import Report
from compare.check.core.result_text import explain, summarize
from compare.check.core.results import ItemResult
from compare.implementations import Verdict

COLOURS = {Verdict.RIGHT: "#2e7d32", Verdict.MISSING: "#888"}  # of verdicts; the others are red


def write_fragment(report: Report) -> str:
    """Return the verdict on each stage, and the numbers of the first that is not right."""
    parts = ["<div style='font-family:sans-serif;font-size:14px;line-height:1.5'>"]
    parts += [_describe_verdict(result) for result in report.stages]
    if len(report.stages) > 1:
        parts.append(f"<div><b>{report.score:g} of {len(report.stages)}</b></div>")
    parts += [f"<div>note: {html.escape(note)}</div>" for note in report.notes]
    unright = (Verdict.RIGHT, Verdict.MISSING, Verdict.NOT_TRIED)
    failed = next((r for r in report.stages if r.verdict not in unright), None)
    if failed is not None:
        parts += _explain(failed)
    return "\n".join([*parts, "</div>"])


def _describe_verdict(result: ItemResult) -> str:
    colour = COLOURS.get(result.verdict, "#cf3f1f")
    verdict = f"<b style='color:{colour}'>{html.escape(result.verdict)}</b>"
    return f"<div><code>{result.name}</code> {verdict} {html.escape(summarize(result))}</div>"


def _explain(result: ItemResult) -> Iterator[str]:
    """Yield the case, both arrays, and the likely mistake, as a terminal shows them."""
    plain = replace(result, diagnosis=None, item=replace(result.item, equation=""))
    lines = "\n".join(line.plain for line in explain(plain))
    yield f"<pre tabindex='0' style='font-size:12px'>{html.escape(lines)}</pre>"
    if result.likely:
        yield f"<div><b>Likely mistake:</b> {html.escape(result.likely)}</div>"
    if result.likely_lines:
        lines = html.escape("\n".join(result.likely_lines))
        summary = "<summary>What this mistake looks like in code</summary>"
        yield f"<details>{summary}<pre>{lines}</pre></details>"
