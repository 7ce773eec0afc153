"""The walk-through runs from top to bottom, as a notebook, and shows what it says.

It is kept twice, as text and as a notebook with outputs; both have the same cells.
"""

import copy
import re

import pytest

from tests.scripts import ROOT

WALKTHROUGH = ROOT / "notebooks" / "walkthrough.py"
NOTEBOOK = WALKTHROUGH.with_suffix(".ipynb")
SAMPLE = ROOT / "scratch_rnn" / "text" / "sample.txt"
EPOCHS = 2

CELLS = [  # of the lecture, in their order, and the plain version before the fast one
    "load_time_machine(batch_size, num_steps",
    "vocab.token_to_idx.items()",
    "batch_1 = next(",
    "sample_1 = batch_1.inputs[1, :]",
    "vocab.to_tokens(sample_1)",
    "sample_1_y = batch_1.targets[1, :]",
    "num_hiddens = 256",
    "state = np.zeros((1, batch_size, num_hiddens)",
    "plain.rnn_forward(X, state[0]",
    "Y, state_new = scratch_layer(X, state)",
    "RNNModel(scratch_layer, len(vocab)",
    "predict(prefix, 10, scratch_model, vocab)",
    "train_in_lockstep(",
    'for prefix in ("time traveller", "traveller")',
]


def test_its_cells_follow_the_lecture():
    source = WALKTHROUGH.read_text(encoding="utf-8")
    places = [source.index(code) for code in CELLS]
    assert places == sorted(places)


@pytest.fixture(scope="module")
def stored():
    """The notebook with the outputs that readers see."""
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    return notebook


def test_the_notebook_has_the_cells_of_the_text(stored):
    """If not: jupytext --to ipynb --update notebooks/walkthrough.py."""
    jupytext = pytest.importorskip("jupytext")

    def sources(cells):
        return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in cells]

    assert sources(stored.cells) == sources(jupytext.read(WALKTHROUGH).cells)


@pytest.fixture(scope="module")
def executed(stored):
    """Run the notebook in a kernel of its own: few epochs, on the built-in sample."""
    nbclient, notebook = pytest.importorskip("nbclient"), copy.deepcopy(stored)
    environment = {
        "PYTHONPATH": str(ROOT),
        "WALKTHROUGH_EPOCHS": str(EPOCHS),
        "WALKTHROUGH_TEXT": str(SAMPLE),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        client = nbclient.NotebookClient(
            notebook, timeout=800, startup_timeout=800, kernel_name="python3"
        )
        client.execute(cwd=str(ROOT))
    return notebook


@pytest.mark.parametrize("which", ["stored", "executed"])
def test_the_cells_ran_from_top_to_bottom_without_errors_or_warnings(which, request):
    notebook = request.getfixturevalue(which)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    [picture] = [o for o in outputs if "image/png" in o.get("data", {})]  # redrawn in its place
    assert picture.output_type == "display_data"
    assert len(picture.data["image/png"]) > 10_000
    assert [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"] == []


def test_both_implementations_say_the_same(executed):
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    assert "(35, 32, 256) (1, 32, 256)\n(35, 32, 256) (1, 32, 256)" in text
    assert "(1120, 28) (1120, 28)" in text
    scratch, concise = re.findall(r"^(time traveller.{10})$", text, re.MULTILINE)[:2]
    assert scratch == concise
    assert len(re.findall(r"allowed  True$", text, re.MULTILINE)) >= 20
    updates = re.findall(r"^(loss \S+, perplexity \S+, gradient norm \S+)$", text, re.MULTILINE)
    assert len(updates) == 3  # the fast version, PyTorch, the plain version
    assert len(set(updates)) == 1
    allowed = re.findall(r"^updated .* (\S+) allowed", text, re.MULTILINE)
    apart = re.findall(r"to the plain version (\S+), to PyTorch (\S+)$", text, re.MULTILINE)
    assert apart
    for pair, limit in zip(apart, allowed, strict=True):
        assert max(map(float, pair)) <= float(limit)
    [(ours, theirs)] = re.findall(r"perplexity scratch ([\d.]+), concise ([\d.]+)", text)
    assert ours == theirs
    assert 1 < float(ours) < 28
    [apart] = re.findall(r"any two weights: (\S+)", text)
    assert 0 < float(apart) < 1e-5
    assert text.count("\nTrue") == 2
