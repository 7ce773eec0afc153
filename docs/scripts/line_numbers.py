"""Keep the line numbers in the documents right.

A reference is a link to a line of our source, followed by the code that stands there:

    [cells/elman.py:74](../../scratch_rnn/cells/elman.py#L74) `np.tanh(z, out=z)`

If the code has moved to another line, the script corrects the numbers.

    python docs/scripts/line_numbers.py           # correct the numbers in docs/
    python docs/scripts/line_numbers.py --check   # only say which are wrong
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1]
REFERENCE = re.compile(r"\[([\w./]+):(\d+)\]\(([\w./]+)#L(\d+)\)(\s+)`([^`\n]+)`")


class LineError(ValueError):
    """A reference to code that is not in exactly one line; the message is one line."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A link to a line."""

    text: str  # as it stands in the document
    path: str  # from the document's directory
    label: int
    anchor: int
    code: str
    line: int  # where the code really is

    @property
    def ok(self) -> bool:
        """Whether both numbers are right."""
        return self.label == self.anchor == self.line

    def corrected(self) -> str:
        """Return the reference with the right numbers."""
        text = re.sub(r":\d+\]", f":{self.line}]", self.text, count=1)
        return re.sub(r"#L\d+\)", f"#L{self.line})", text, count=1)


def references(document: Path) -> Iterator[Reference]:
    """Yield the references of a document.

    Raises
    ------
    LineError
        If the code of one is not in its file, or in more than one line of it.
    """
    for match in REFERENCE.finditer(document.read_text(encoding="utf-8")):
        name, label, path, anchor, _, code = match.groups()
        source = document.parent / path
        where = f"{document.name}, {name}:{label}"
        if source.parts[-len(Path(name).parts) :] != Path(name).parts or not source.is_file():
            raise LineError(f"{where}: expected a file of this name, got {path}")
        lines = source.read_text(encoding="utf-8").split("\n")
        found = [number for number, line in enumerate(lines, start=1) if code in line]
        if len(found) != 1:
            raise LineError(f"{where}: expected {code!r} in one line of {name}, got {found}")
        yield Reference(match[0], path, int(label), int(anchor), code, found[0])


def refresh(document: Path) -> list[Reference]:
    """Correct a document's numbers; return those that were wrong."""
    wrong = [reference for reference in references(document) if not reference.ok]
    text = document.read_text(encoding="utf-8")
    for reference in wrong:
        text = text.replace(reference.text, reference.corrected())
    if wrong:
        document.write_text(text, encoding="utf-8")
    return wrong


def main(arguments: list[str]) -> int:
    """Correct all documents, or only say what is wrong with them."""
    check = arguments == ["--check"]
    count = 0
    try:
        for document in sorted(DOCS.rglob("*.md")):
            wrong = [r for r in references(document) if not r.ok] if check else refresh(document)
            count += len(wrong)
            for reference in wrong:
                sys.stdout.write(f"{document.name}: {reference.text} is in {reference.line}\n")
    except LineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return int(check and count > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
