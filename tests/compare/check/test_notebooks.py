"""A notebook is checked like a file; inside one, `%%check` shows the verdict under the cell."""

import json
from pathlib import Path

import pytest

from compare import implementation
from compare.check import STAGES, CheckConfig, LayerCase, command
from compare.classroom.magic import check_cells
from compare.cli import main
from compare.implementations.inside.notebook import load_notebook
from tests.compare.check.corpus import function_source, replaced, right_source, styles
from tests.compare.implementations.test_targets import assert_right
from tests.in_process import terminal

NAMES = [stage.name for stage in STAGES["rnn"]]
WRONG = {"rnn_step": ("h @ W_hh.T", "h @ W_hh"), "rnn_backward": ("d_h = d_h_n", "d_h = 0 * d_h_n")}
VERDICTS = ["wrong", "right", "right", "wrong", "missing", "right"]
"""Of the six functions, with these mistakes; the loss is not written."""


def write(*sources, **more):
    """Write a notebook with these cells of code, and return its path."""
    cells = [{"cell_type": "code", "source": source} for source in sources]
    path = Path("mine.ipynb")
    path.write_text(json.dumps({"cells": cells} | more), encoding="utf-8")
    return path


def functions():
    """The functions of a right solution, with these mistakes."""
    found = {name: function_source(right_source(), name) for name in NAMES}
    return found | {name: replaced(found[name], [WRONG[name]]) for name in WRONG}


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def check(path, stage=None):
    """Check a notebook by the command; return each verdict, and what is printed."""
    output, printed = terminal()
    report = command.examine(CheckConfig(target=str(path), stage=stage), output)
    return [str(result.verdict) for result in report.stages], printed.getvalue()


def test_the_notebook_of_new_shows_the_verdicts_of_the_command():
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    assert main(["new", "mine.ipynb"]) == 0
    notebook = nbformat.read("mine.ipynb", as_version=4)
    nbformat.validate(notebook)
    cells = {cell.id: cell for cell in notebook.cells}
    own = functions()
    for name in {*NAMES} - {"cross_entropy"}:
        magic = cells[name].source.partition("\n")[0]
        assert magic == f"%%check {name}"
        cells[name].source = f"{magic}\n{own[name]}"
    notebook.cells += [
        nbformat.v4.new_code_cell(source) for source in ("1 / 1", "%check -x", "%check none")
    ]
    client = nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3")
    client.execute(cwd=str(Path.cwd()))
    nbformat.write(notebook, "mine.ipynb")
    verdicts, printed = check("mine.ipynb")
    assert verdicts == VERDICTS
    for name, verdict in zip(NAMES, verdicts, strict=True):
        [output] = cells[name].outputs
        html = output.data["text/html"]
        assert f"<code>{name}</code> <b" in html
        assert f">{verdict}</b>" in html
        assert ("marked *" in html) == ("Likely mistake:" in html) == (verdict == "wrong")
        line = next(line.split() for line in printed.splitlines() if line.split()[:1] == [name])
        assert " ".join(line[2:]) in html
        said = f"{int(verdict == 'right')} of 1 functions are right"
        said = f"{name} is not written yet" if verdict == "missing" else said
        assert output.data["text/plain"].startswith(said)
    assert "3 of 6" in cells["all"].outputs[0].data["text/html"]
    refusals = [cell.outputs[0].data["text/plain"] for cell in notebook.cells[-2:]]
    assert refusals[0].startswith("check: expected names of functions, such as %%check rnn_step")
    assert refusals[1].startswith("check: expected --stage to be one of rnn_step, rnn_forward, ")


CELLS = [
    '%matplotlib inline\n!pip install \\\n  "numpy"\nimport numpy as np\nimport not_there as plots',
    "   \n",
    "Pairs = dict[str, tuple[int, np.ndarray]]\nLOW = [1, 2][1]\nEPS = np.finfo(float).eps",
    "square = lambda x: x**2\nraise SystemExit",
    "%%time\ndef area(x: Pairs):\n    return square(x) * LOW + EPS\n\nnp.tanh?\nfiles = !ls",
    "%%bash\nthis is no Python",
    "values = [area(x) for x in range(9)]\nlines = plots.plot(values)\nwhile True: pass",
    "class Box:\n    side = LOW",
    "try:\n    import not_there as other\nexcept ImportError:\n    other = None",
    "def use():\n    return values, plots",
]


def test_definitions_are_run_and_nothing_else():
    module = load_notebook(write(*CELLS).absolute())
    assert (module.area(3), module.Box.side, module.other) == (18 + module.EPS, 2, None)
    assert module._left_out["values"] == "cell 6 sets it in a statement that check does not run"
    assert module._left_out["plots"].startswith("cell 1 fails to import it (No module named")


PLACES = {
    "def rnn_step(:\n    pass": "invalid syntax in `def rnn_step(:` (mine.ipynb, cell 3, line 1)",
    "\nclass A:\n    x = 1 % 0": "by zero (mine.ipynb, cell 3, line 3)",
    "def rnn_step(*_):\n    return rng": "NameError: name 'rng' is not defined: cell 2 sets it in "
    "a statement that check does not run (mine.ipynb, cell 3, line 2)",
}
FAILING = {
    "import sys\nsys.exit(0)": "line 6 (SystemExit: 0) was",
    "assert [\n    clip_grad_norm([], 1.0)\n] == [1]": "line 5 (AssertionError) was",
    "losses = train(10)\nprint(losses)": "lines 5 (NameError: name 'train' is not defined), 6 were",
    "raise ValueError('\\x1b[2J')": "line 5 (ValueError: \\x1b[2J) was",
    "while True: pass": "line 5 was",
    "import broken": "line 5 (invalid syntax (broken.py, line 1)) was",
}
UNFORGIVEN = {
    "return": "SyntaxError: 'return' outside function in `return` (line 5)",
    "def clip_grad_norm(gradients, max_norm=1 / 0): ...": "division by zero (line 5)",
}
CLIPPING = """import numpy as np

def clip_grad_norm(gradients, max_norm):
    return float(np.sqrt(sum((g**2).sum() for g in gradients)))
"""
INVALID = {
    b"": "no JSON: Expecting value: line 1 column 1 (char 0)",
    b"\xff\xfe\x00": "no JSON: ",
    b"[" * 100_000: "JSON with too many levels",
    b"[1]": "JSON without a list of cells",
    b'{"cells": [{"cell_type": "code", "source": [1]}]}': "a cell without a text",
    b'{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}': "one of 'R'",
}


@pytest.mark.parametrize(("source", "found"), PLACES.items(), ids=["syntax", "class", "call"])
def test_the_line_of_an_error_is_that_of_the_cell(source, found):
    path = write("import numpy", "rng = print()", "", source)
    printed = check(path, "rnn_step")[1]
    assert found in printed
    assert "opens" not in printed


@pytest.mark.parametrize(("line", "found"), FAILING.items())
def test_a_file_with_a_statement_that_fails_is_read_as_a_script(line, found):
    Path("broken.py").write_text("def (:")
    Path("mine.py").write_text(CLIPPING + line)
    verdicts, printed = check("mine.py", "clip_grad_norm")
    assert verdicts == ["wrong"]  # it returns the norm, and clips nothing
    assert f"note: read as a script: {found} not run\n" in printed


@pytest.mark.parametrize(("line", "found"), UNFORGIVEN.items())
def test_an_error_in_the_syntax_or_in_a_definition_remains_one(line, found):
    Path("mine.py").write_text(CLIPPING + line)
    verdicts, printed = check("mine.py", "clip_grad_norm")
    assert verdicts == ["error"]
    assert found in printed


@pytest.mark.parametrize(("content", "found"), INVALID.items(), ids=range(len(INVALID)))
def test_what_is_no_notebook_gets_one_line(content, found):
    Path("mine.ipynb").write_bytes(content)
    verdicts, printed = check("mine.ipynb", "rnn_step")
    assert verdicts == ["error"]
    [line] = [line for line in printed.splitlines() if "NotANotebook" in line]
    assert f"NotANotebook: expected a Jupyter notebook of Python, got {found}" in line


D2L = [
    "%matplotlib inline\nimport torch\nfrom torch import nn\nfrom not_there import torch as d2l",
    "def add_to_class(Class):\n    return lambda method: setattr(Class, method.__name__, method)",
    "data = torch.zeros(-1)",  # raises, as a download may
    """class RNNScratch(nn.Module):
    def __init__(self, num_inputs, num_hiddens, sigma=0.01):
        super().__init__()
        self.W_xh = nn.Parameter(torch.randn(num_inputs, num_hiddens) * sigma)
        self.W_hh = nn.Parameter(torch.randn(num_hiddens, num_hiddens) * sigma)
        self.b_h = nn.Parameter(torch.zeros(num_hiddens))""",
    """@add_to_class(RNNScratch)
def forward(self, inputs, state=None):
    if state is None:
        state = torch.zeros((inputs.shape[1], len(self.b_h)))
    outputs = []
    for X in inputs:
        state = torch.tanh(X @ self.W_xh + state @ self.W_hh + self.b_h)
        outputs.append(state)
    return torch.stack(outputs), state""",
    "rnn = RNNScratch(16, 32)\nouts, state = rnn(torch.ones((100, 2, 16)))\nd2l.plot(outs)",
]
"""A layer as a chapter of d2l builds it: a method for each cell, then a trial of it."""

COURSE = "%load_ext autoreload\nfrom google.colab import drive", "drive.mount('/content')"
"""The first cells of CS231n's assignment; then come its functions, each followed by its test."""


def test_a_layer_in_the_layout_of_d2l():
    case = LayerCase(T=3, B=2, V=4, H=5, dtype="float32", one_bias=True)
    with implementation(f"{write(*D2L)}:RNNScratch") as it:
        assert_right(it, case)


def test_functions_in_the_layout_of_cs231n():
    source = next(s.source for s in styles()[0] if "def rnn_step_forward" in s.source)
    names = ["rnn_step_forward", "rnn_step_backward", "rnn_forward", "rnn_backward"]
    trial = "x = np.linspace(-0.4, 0.7, num=30)\nprint('error: ', rel_error(expected, x))"
    cells = [cell for name in names for cell in (function_source(source, name), trial)]
    path = write(*COURSE, "import numpy as np", *cells)
    verdicts, printed = check(path, "rnn_step_backward,rnn_backward")
    assert verdicts == ["right"] * 2
    assert "CS231n's four functions" in printed


def test_a_notebook_without_equations_shows_no_line_of_the_solution():
    assert main(["new", "mine.ipynb", "--no-equations"]) == 0
    cells = json.loads(Path("mine.ipynb").read_text(encoding="utf-8"))["cells"]
    magics = [cell["source"][0] for cell in cells if cell["id"] in (*NAMES, "all")]
    assert [magic.split()[-1] for magic in magics] == ["--no-equations"] * 7
    sources = ["import numpy as np", *functions().values()]
    for words in (["rnn_step"], ["rnn_step", "--no-equations"]):
        shown = check_cells(sources, words)
        html = shown._repr_html_()
        assert "W_hh is not transposed" in html
        assert ("in code</summary>" in html) == ("W_hh h_{t-1}" in repr(shown)) == (len(words) == 1)


def test_cells_without_functions_are_checked_in_this_process_too(monkeypatch):
    shown = check_cells(["import numpy"], ["rnn_step"])
    assert "no function rnn_step" in repr(shown)
    cells = ["", "import numpy", "%%check rnn_step\ndef rnn_step(*_):\n    return 1 / 0"]
    assert "by zero (In[2], line 3)" in repr(check_cells(cells, ["rnn_step"]))
    assert repr(check_cells([], ["--cell"])).startswith("check: expected names of functions")
