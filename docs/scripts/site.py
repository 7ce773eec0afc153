"""What MkDocs does besides: `make site` calls these functions while it builds.

Things that the repository has and MkDocs does not look for become pages: README.md as the start,
each source file that a document links to, the page that `rnn-parity explain` writes, one for each
cell, and the page to write in. Mathematics becomes MathML, which browsers show without a script.
"""

import html
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from compare.implementations import CELLS
from compare.study import ExplainConfig, explain

sys.path.append(str(Path(__file__).parent))  # MkDocs loads this file alone
from write_page import EXERCISE, WORK, Unavailable, build_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TOP = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
"""The documents outside docs/, and where they are in the site."""

MOVING = """<p class="ways">
<a class="md-button md-button--primary" href="explain-rnn.html">See a network read</a>
<a class="md-button" href="write/index.html">Write one yourself</a></p>
<iframe class="moving" src="explain-rnn.html?moving" title="A network reads a text"></iframe>
<script>addEventListener("message", ({ source, data }) => {
  const frame = document.querySelector(".moving");
  if (source === frame.contentWindow) frame.style.height = `${data.height}px`;
});</script>
"""
STANDING = re.compile(r"^\[!\[A network reads.*$", re.MULTILINE)
"""README.md's picture of the live page. In the site, it is two buttons and the moving picture."""

BUILT = {
    "live pages": """<p class="ways">
<a class="md-button md-button--primary" href="../explain-rnn.html">Watch an RNN</a>
<a class="md-button" href="../explain-gru.html">a GRU</a>
<a class="md-button" href="../explain-lstm.html">an LSTM</a></p>""",
    "page to write in": """<p class="ways">
<a class="md-button md-button--primary" href="../write/index.html">Open the page</a></p>""",
}
"""Links to pages that only a build makes: a document has `<!-- site: NAME -->` in their place."""
MARKER = re.compile(r"^<!-- site: (.*) -->$", re.MULTILINE)

FOR_EVERYONE = """<script>
new MutationObserver(() => {
  for (const each of document.querySelectorAll("nav.md-code__nav:not([role])")) each.role = "none";
  const tables = document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])");
  for (const each of tables) each.tabIndex = 0;
}).observe(document.body, { childList: true, subtree: true });
</script>
"""
"""A code block's buttons are no landmark; a table that the theme wraps is scrolled by keyboard."""

WRITING = WORK / "site"
"""The page to write in, before it is copied into the site."""

WITHOUT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Not in this site</title>
<p>This site was built without the page to write in: {}.</p>
<p><code>rnn-parity new my_rnn.py</code> writes the same exercise for a terminal.</p>
"""

COLOURED = {".py": "python", ".toml": "toml", ".yml": "yaml", ".json": "json", ".ipynb": "python"}
"""The kinds of files that become pages, and as what they are coloured."""

LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
LINE = re.compile(r'<a ([^>]*)data-line="(\d+)"([^>]*)>')
MATHS = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def source_of(document: Path, link: str) -> Path | None:
    """Return the source file or folder that a link leads to, by its path in the repository."""
    target = (document.parent / link).resolve()
    if target.is_dir() or (target.is_file() and target.suffix in COLOURED):
        return target.relative_to(ROOT)
    return None  # MkDocs finds it, or says that there is none


def page_of(source: Path) -> str:
    """Return where the page of a source file or a folder is, from docs/."""
    name = source.as_posix().lstrip(".")  # MkDocs leaves out what begins with a dot
    return f"source/{name}/index.md" if (ROOT / source).is_dir() else f"source/{name}.md"


def page(source: Path, documents: list[Path]) -> str:
    """Return a page with the text of a source file, or of all files in a folder.

    Above it are the documents that link to it.
    """
    path = ROOT / source
    if path.suffix == ".ipynb":
        path = path.with_suffix(".py")  # the same cells, without the pictures
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    blocks = [
        f'````{{.{COLOURED[file.suffix]} title="{file.name}" linenums="1"}}\n'
        f"{file.read_text(encoding='utf-8').rstrip()}\n````\n"
        for file in files
        if file.suffix in COLOURED
    ]
    # No contents, so that a line of code fits; the search finds documents first.
    head = "---\nhide: [toc]\nsearch: { boost: 0.1 }\n---\n"
    here = (DOCS / page_of(source)).parent
    about = ", ".join(
        f"[{heading_of(document)}]({Path(os.path.relpath(place_of(document), here)).as_posix()})"
        for document in documents
    )
    return "\n".join([head, f"# {source.as_posix()}\n", f"Read about it in: {about}\n", *blocks])


def heading_of(document: Path) -> str:
    """Return the first heading of a document."""
    return next(
        line[2:] for line in document.read_text(encoding="utf-8").split("\n") if line[:2] == "# "
    )


def place_of(document: Path) -> Path:
    """Return where a document is in the site, as if from docs/."""
    return DOCS / TOP[document.name] if document.parent == ROOT else document


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made of other files."""
    documents = [*(ROOT / name for name in TOP), *DOCS.rglob("*.md")]
    texts = {document: document.read_text(encoding="utf-8") for document in documents}
    linked: dict[Path, list[Path]] = {}  # source -> the documents that link to it
    for document in documents:
        for link in dict.fromkeys(link for link, _ in LINK.findall(texts[document])):
            if (source := source_of(document, link)) is not None:
                linked.setdefault(source, []).append(document)
    for source in sorted(linked):
        content = page(source, linked[source])
        files.append(File.generated(config, page_of(source), content=content))
    for name, uri in TOP.items():
        content = with_pages(texts[ROOT / name], ROOT / name)
        content = STANDING.sub(MOVING, content)
        files.append(File.generated(config, uri, content=content))
    for cell in ("rnn", "gru", "lstm"):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "explain.html"
            explain(ExplainConfig(cell=cell, out=out))
            written = out.read_text(encoding="utf-8").replace("</main>", f"{links(cell)}</main>")
            written = written.replace("<body>", '<body data-pages="explain-CELL.html">')
        files.append(File.generated(config, f"explain-{cell}.html", content=written))
    files.append(File.generated(config, "write/index.html", content=make_writing_page()))
    return files


def make_writing_page() -> str:
    """Build the page to write in, and return it; or one that says why it could not be built."""
    try:
        build_page(WRITING)
    except Unavailable as missing:
        shutil.rmtree(WRITING, ignore_errors=True)
        sys.stderr.write(f"The site is built without the page to write in: {missing}\n")
        return WITHOUT.format(html.escape(str(missing)))
    return (WRITING / "index.html").read_text(encoding="utf-8")


def on_post_build(config: Any) -> None:
    """Put what the page to write in loads beside it."""
    if WRITING.is_dir():
        shutil.copytree(WRITING, Path(config.site_dir) / "write", dirs_exist_ok=True)


def links(cell: str) -> str:
    """Return the links of a live page, which may be in a frame, to formulas and source."""
    formulas = "learn/bptt.html" if cell == "rnn" else f"learn/gates.html#the-{cell}"
    source = page_of(Path(CELLS[cell].plain_file))
    addresses = {
        "words and first questions": "learn/words.html",
        "the derivation of its formulas": formulas,
        "the source of the plain version": source.removesuffix(".md") + ".html",
        "what is on this page": "use/explain.html",
        "exercises": "exercises/index.html",
        "a page to write the six functions in": "write/index.html",
    }
    found = (f'<a href="{to}" target="_top">{name}</a>' for name, to in addresses.items())
    return f'<p class="hint">In this site: {", ".join(found)}.</p>'


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links to source files lead to their pages, and a line's to the line."""
    document = DOCS / page.file.src_uri
    markdown = MARKER.sub(lambda marker: BUILT[marker[1]], markdown)
    if document == DOCS / "exercises" / "README.md":
        markdown = EXERCISE.sub(with_writing_page, markdown)
    return with_pages(markdown, document) if document.is_file() else markdown


def with_writing_page(row: re.Match[str]) -> str:
    """Return the row of an exercise with a link that opens it in the page to write in."""
    return f'{row[0]}<br><a href="../write/index.html#exercise={row[1]}">in the browser</a>'


def with_pages(markdown: str, document: Path) -> str:
    """Return a document with its links as they are seen from its place in the site."""
    place = place_of(document)

    def link(match: re.Match[str]) -> str:
        path, anchor = match[1], match[2] or ""
        source, to = source_of(document, path), (document.parent / path).resolve()
        if source is not None:
            to = DOCS / page_of(source)
        elif to.parent == ROOT and to.name in TOP:
            to = DOCS / TOP[to.name]
        found = Path(os.path.relpath(to, place.parent)).as_posix()
        line = re.fullmatch(r"#L(\d+)", anchor)  # MkDocs does not know a line's anchor
        return f'{found}){{ data-line="{line[1]}" }}' if line else f"{found}{anchor})"

    return LINK.sub(link, markdown)


def on_post_template(output_content: str, **_: Any) -> str:
    """Do the same for the page that says that there is none."""
    return on_post_page(output_content)


def on_post_page(output: str, **_: Any) -> str:
    """Give names and the keyboard to what the theme makes without them."""
    named = output.replace('class="md-search"', 'class="md-search" aria-label="Search"')
    return named.replace("</body>", f"{FOR_EVERYONE}</body>")


def on_page_content(content: str, **_: Any) -> str:
    """Turn LaTeX into MathML, and let a link to a line lead to the line."""
    content = LINE.sub(
        lambda match: re.sub(
            'href="([^"]*)"', rf'href="\1#__codelineno-0-{match[2]}"', f"<a {match[1]}{match[3]}>"
        ),
        content,
    )
    return MATHS.sub(
        lambda match: mathml(html.unescape(match[2]), is_block=match[1] == "div"), content
    )


def mathml(latex: str, *, is_block: bool) -> str:
    """Return a formula as MathML; a long one scrolls where the window is narrow.

    Raises
    ------
    PluginError
        If a part of it is not understood.
    """
    known = latex.replace("{aligned}", "{align*}")  # GitHub takes the one, latex2mathml the other
    made = convert(known, display="block" if is_block else "inline")
    if "<mi>&</mi>" in made or "\\" in made:
        raise PluginError(f"expected LaTeX that latex2mathml understands, got {latex}")
    made = re.sub('columnalign="(left|right)"', r'style="text-align: \1"', made)
    if not is_block and len(latex) < 50:
        return made
    tag = "div" if is_block else "span"
    return f'<{tag} class="formula" tabindex="0">{made}</{tag}>'
