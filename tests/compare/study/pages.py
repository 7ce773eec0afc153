"""Pages of `explain` in a real browser: what their tests share."""

import shutil
from functools import partial
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import scratch_rnn
from compare.implementations import CELLS
from compare.study.page.build import write_page
from compare.study.page.record import record
from scratch_rnn.text import Batch, Vocab
from tests.annotations import unchecked

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SCRIPTS = [Path(__file__).with_name(name) for name in ("page.js", "panels.js")]
TEXT = "time traveller"  # which was recorded
TYPED = "a time machine at the end"
AT = {"t": 6, "i": 7, "k": 9, "n": 4}  # step, unit, loss, steps after which gradients are cut
SMALL = 1e-9


class Opened:
    """A page, its requests, and its errors."""

    def __init__(self, page):
        self.page, self.requests, self.complaints = page, [], []

    def settle(self):
        """Wait until what was chosen is drawn."""
        self.js("see.settle()")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def unfold(self, section):
        """Open this section, and close all others: a closed section is not drawn."""
        self.run(f"see.all('.panel').forEach((each) => (each.open = each.closest('#{section}')))")

    def click(self, selector, **options):
        self.page.locator(selector, **options).click()
        self.settle()

    def fill(self, selector, value):
        self.page.locator(selector).fill(value)
        self.settle()

    def select(self, selector, value):
        self.page.locator(selector).select_option(value)
        self.settle()

    def point(self, selector, x, columns, y, rows, do="click"):
        """Click into a picture of rows and columns, or hover: x columns, y rows from its corner."""
        target = self.page.locator(selector)
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        position = {"x": x / columns * box["width"], "y": y / rows * box["height"]}
        getattr(target, do)(position=position, force=True)
        self.settle()

    def focus(self, selector):
        self.page.locator(selector).first.focus()

    def run(self, script):
        self.page.evaluate(f"() => {{ {script} }}")
        self.settle()

    def js(self, expression):
        """Return the value of an expression in the page."""
        return self.page.evaluate(f"() => {expression}")

    def text(self, selector):
        return self.page.locator(selector).first.text_content()

    def count(self, selector):
        return self.page.locator(selector).count()

    def choose(self, **chosen):
        self.page.evaluate("(changes) => choose(changes)", chosen)
        self.settle()

    def chosen(self):
        return self.js("({...chosen})")


def load_model(page, make_layer):
    """Return the current network of the page, in float64, and its vocabulary."""
    network = page.evaluate("() => rnnParity.network()")
    V, H = np.shape(network["parameters"]["linear.weight"])
    model = scratch_rnn.RNNModel(make_layer(V, H, dtype=np.float64), V)
    assert list(network["parameters"]) == list(model.parameters)
    for name, array in network["parameters"].items():
        model.parameters[name][...] = array
    return model, Vocab.from_list(network["vocab"])


def model_of(opened, made):
    """Return the same of a page of one of our cells."""
    return load_model(opened.page, partial(layer_of, scratch_rnn, made))


def run_by(package, model, batch):
    """Return what `rnnParity.run` has, computed by scratch_rnn, or by a copy of it with a bug."""
    logits, _, tape = model.forward(batch.inputs, model.begin_state())
    loss, d_logits = package.cross_entropy(logits, batch.targets[0])
    gradients = model.backward(tape, d_logits)
    return {"states": tape.h, "logits": logits, "loss": loss, "gradients": gradients}


def on(*networks):
    """Run a test on the pages of these networks alone."""
    return pytest.mark.parametrize("network", networks, indirect=True)


def optimizer_of(opened, name, model):
    """Return our optimizer of this name, with the learning rate of the page's."""
    lr = opened.page.evaluate("learningRateOf", name)
    return {"sgd": scratch_rnn.SGD, "adam": scratch_rnn.Adam}[name](model.parameters, lr)


def layer_of(module, made, V, H, **more):
    """Build the layer of a page's cell: ours, PyTorch's, or that of a copy with a bug."""
    cell = CELLS[made["cell"]]
    more |= {"nonlinearity": made["nonlinearity"]} if len(cell.nonlinearities) > 1 else {}
    return getattr(module, cell.layer)(V, H, **more)


def as_batch(text, vocab):
    ids = np.array(vocab[list(text)])
    return Batch(ids[None, :-1].copy(), ids[None, 1:].copy())


def largest(a, b):
    """Return the largest difference between two numbers, arrays, or dicts of them."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return max(largest(a[name], b[name]) for name in a)
    assert np.shape(a) == np.shape(b)
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def recorded(text, course):
    """Return what a page is made from."""
    with unchecked():  # test_explain.py checks the annotations
        return record(text, course)


def written(made, folder):
    """Write a page with all weights; return its path."""
    path = folder / "page.html"
    size = write_page(made, path, most_bytes=1_000_000)
    assert len(size.kept) == len(size.with_details) == size.num_checkpoints
    return path


def axe_violations(opened, *parts):
    """Return what axe finds in the page, or in some parts of it."""
    script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    opened.page.evaluate(script)
    found = opened.page.evaluate(
        "(context) => axe.run(context ?? document, { resultTypes: ['violations'] })",
        {"include": [[part] for part in parts]} if parts else None,
    )
    assert found["testEngine"]["version"].split(".")[0] == "4"
    assert len(found["passes"]) > (10 if parts else 20)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


MEGABYTE = 1_000_000


class Page(HTMLParser):
    """The elements of a page, and the text of its scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.is_inside = [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])
        self.is_inside = True

    def handle_endtag(self, tag):
        self.is_inside = False

    def handle_data(self, data):
        if self.is_inside:
            self.elements[-1][-1] += data

    def content(self, tag, **attributes):
        [found] = [
            content
            for name, attrs, content in self.elements
            if name == tag and attributes.items() <= attrs.items()
        ]
        return found
