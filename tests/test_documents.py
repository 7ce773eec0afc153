"""What the documents show works as it stands there, after set-up; their links lead somewhere.

The quick test asks each of them whether its program, its target or its flags are there. With
``RNN_PARITY_COMMANDS=all`` (``make commands``) each one is run, in a copy of the project.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compare.cli import parse
from tests.scripts import ROOT
from tests.tables import table_of

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

TABLE = table_of(__file__)
PLACEHOLDERS, SHORTER, NOT_RUN = TABLE["placeholders"], TABLE["shorter"], tuple(TABLE["not_run"])


def commands(document):
    """Return the lines of a document's shell blocks, without what is said about them."""
    blocks = re.findall(r"^```sh\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S)
    lines = [re.split(r"\s+#", line)[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


ALL = [(path, line) for path in DOCUMENTS for line in commands(path)]


def filled_in(line):
    for placeholder, value in PLACEHOLDERS.items():
        line = line.replace(placeholder, value)
    return line


def test_each_document_is_in_the_navigation_of_the_site():
    """`make site`, which has tools of its own, refuses a page that no menu leads to."""
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    docs = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert docs <= {*re.findall(r"[\w/-]+\.md", menu)}


def test_the_documents_have_commands():
    assert {"make run", "make test", "rnn-parity bench"} <= {line for _, line in ALL}


@pytest.mark.parametrize(("document", "line"), ALL, ids=[line for _, line in ALL])
def test_each_command_is_one_that_there_is(document, line):
    for part in line.split("&&"):
        words = shlex.split(filled_in(part.strip()))
        program = words[0].removeprefix(".venv/bin/")
        if program == "rnn-parity":
            known = [
                word for word in words[1:] if word != "--resume" and "runs/document" not in word
            ]
            parse(known)
        elif program == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M)
        elif program == "python" and words[1].endswith(".py"):
            assert (ROOT / words[1]).is_file()
        else:
            known = re.fullmatch("python|pip|uv|jupytext|jupyter|source|git|cd|cp", program)
            assert known or (Path(sys.executable).parent / program).exists()


LINK = re.compile(r"""(?:\]\(|(?:href|src)=")(?!https?:)([^)"#\s]*)#?([^)"\s]*)[)"]""")
"""A link in Markdown or HTML, as GitHub follows it: to a file of the repository, and a heading."""


def anchors(document):
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


LINKS = {path: LINK.findall(path.read_text(encoding="utf-8")) for path in DOCUMENTS}
LINKED = [path for path, links in LINKS.items() if links]


@pytest.mark.parametrize("document", LINKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_somewhere(document):
    for path, anchor in LINKS[document]:
        target = document.parent / path if path else document
        assert target.exists(), path
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{path}#{anchor}"


def test_each_column_of_a_table_has_a_name():
    """In letters: a screen reader does not read a formula."""
    for document in DOCUMENTS:
        for head in re.findall(r"^(\|.*)\n\|[ :|-]+$", document.read_text("utf-8"), re.M):
            names = re.sub(r"\$[^$]*\$", "", head).strip("|").split("|")
            assert all(name.strip() for name in names), (document, head)


def not_copied(directory, names):
    """What a fresh copy of the project has not: results, which only its root has, and caches."""
    results = {".git", "build", "mutants", "runs", "site"} if Path(directory) == ROOT else set()
    caches = (".venv*", "__pycache__", ".*_cache")
    return results.intersection(names) | shutil.ignore_patterns(*caches)(directory, names)


@pytest.mark.skipif(
    os.environ.get("RNN_PARITY_COMMANDS") != "all",
    reason="expected RNN_PARITY_COMMANDS=all to run every command (make commands)",
)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.name))
def test_each_command_runs(document, tmp_path):
    lines = [line for line in commands(document) if not line.startswith(NOT_RUN)]
    project = tmp_path / "project"
    shutil.copytree(ROOT, project, ignore=not_copied)
    (project / ".venv").symlink_to(Path(sys.executable).parents[1])
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(project),
    }

    def run(command):
        result = subprocess.run(
            command, shell=True, cwd=project, env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, (command, result.stdout[-2000:], result.stderr[-2000:])

    if any("runs/…" in line for line in lines):
        run("rnn-parity train --model scratch --epochs 2 --name document --runs begun")
        (project / "runs").mkdir(exist_ok=True)
        shutil.move(next((project / "begun").iterdir()), project / "runs" / "document")
    epochs = 2
    for line in lines:
        command = filled_in(line)
        for beginning, more in SHORTER.items():
            if line.startswith(beginning) and "--plot" not in line:  # which measures nothing
                epochs += 1
                command += f" {more}".replace("--epochs 4", f"--epochs {epochs}")
        run(command)
        if template := re.search(r"rnn-parity new (\S+)", line):  # the reader fills it in
            cell = "gru" if "--cell gru" in line else "elman"
            shutil.copy(ROOT / "scratch_rnn" / "plain" / f"{cell}.py", project / template[1])
