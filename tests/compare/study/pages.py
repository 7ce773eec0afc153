"""Pages of `explain` in a real browser: what their tests share."""

import base64
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

import scratch_rnn
from compare.parity import CELLS
from compare.runs.snapshots import Course
from compare.study.page.build import write_page
from compare.study.page.record import record
from scratch_rnn.text import Batch, Vocab
from tests.annotations import unchecked

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TEXT = "time traveller"
T, H, K = len(TEXT), 16, len(TEXT) - 1
EPOCHS = (0, 10, 100, 1000)


@dataclass(eq=False)
class Opened:
    """A page, its requests, and its errors."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Wait until what was chosen is drawn."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        self.page.wait_for_function("() => changed.size === 0 && waiting.size === 0 && !work.now")

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def unfold(self, section: str) -> None:
        """Open one section, and close all others."""
        fold = (
            "(id) => document.querySelectorAll('.panel').forEach((e) => (e.open = e.closest(id)))"
        )
        self.page.evaluate(fold, f"#{section}")
        self.settle()

    def click(self, selector: str, **options: Any) -> None:
        self.page.locator(selector, **options).click()
        self.settle()

    def fill(self, selector: str, value: str) -> None:
        self.page.locator(selector).fill(value)
        self.settle()

    def select(self, selector: str, value: str) -> None:
        self.page.locator(selector).select_option(value)
        self.settle()

    def point(
        self, selector: str, x: float, columns: int, y: float, rows: int, do: str = "click"
    ) -> None:
        """Click into a picture of rows and columns, or hover: x columns, y rows from its corner."""
        target = self.page.locator(selector)
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        position = {"x": x / columns * box["width"], "y": y / rows * box["height"]}
        getattr(target, do)(position=position, force=True)
        self.settle()

    def focus(self, selector: str) -> None:
        self.page.locator(selector).first.focus()

    def run(self, script: str) -> None:
        self.page.evaluate(f"() => {{ {script} }}")
        self.settle()

    def text(self, selector: str) -> str:
        content = self.page.locator(selector).first.text_content()
        assert content is not None
        return str(content)

    def choose(self, **chosen: int) -> None:
        self.page.evaluate("(changes) => choose(changes)", chosen)
        self.settle()

    def chosen(self) -> dict[str, Any]:
        found = self.page.evaluate("() => ({...chosen})")
        assert isinstance(found, dict)
        return found


Open = Callable[..., Opened]


@dataclass(frozen=True, eq=False)
class Network:
    """What a page is made from, and its file."""

    made: dict[str, Any]
    path: Path


def model_of(opened: Opened, made: dict[str, Any]) -> tuple[scratch_rnn.RNNModel, Vocab]:
    """Return the current network of the page, in float64, and its vocabulary."""
    network = opened.page.evaluate("() => rnnParity.network()")
    V, H = np.shape(network["parameters"]["linear.weight"])
    model = scratch_rnn.RNNModel(layer_of(scratch_rnn, made, V, H, dtype=np.float64), V)
    assert list(network["parameters"]) == list(model.parameters)
    for name, array in network["parameters"].items():
        model.parameters[name][...] = array
    return model, Vocab.from_list(network["vocab"])


def networks_of(opened: Opened) -> dict[str, scratch_rnn.RNNModel]:
    """Return the networks of all cells that are side by side, in float64."""
    found = opened.page.evaluate(
        """() => Object.entries(side.networks).map(([name, { parameters }]) =>
          [name, NAMES.map((each) => [...parameters[each]])])"""
    )
    models = {}
    for name, arrays in found:
        layer = getattr(scratch_rnn, CELLS[name].layer)(len(arrays[-1]), 16, dtype=np.float64)
        models[name] = scratch_rnn.RNNModel(layer, len(arrays[-1]))
        for parameter, array in zip(models[name].parameters.values(), arrays, strict=True):
            parameter[...] = np.reshape(array, parameter.shape)
    return models


def states_of(model: Any, ids: list[int]) -> list[np.ndarray]:
    """Return h, and c of an LSTM, after each step: (T, H) each."""
    after = [model.rnn(np.array(ids[: t + 1])[:, None])[1] for t in range(len(ids))]
    pairs = [state if isinstance(state, tuple) else (state,) for state in after]
    return [np.concatenate(states)[:, 0] for states in zip(*pairs, strict=True)]


def loss_of(model: Any, ids: list[int]) -> tuple[float, Any]:
    """Return the mean loss of a text, and its gradients."""
    logits, _, tape = model.forward(np.array([ids[:-1]]), model.begin_state())
    loss, d_logits = scratch_rnn.cross_entropy(logits, np.array(ids[1:]))
    return loss, model.backward(tape, d_logits)


def layer_of(module: Any, made: dict[str, Any], V: int, H: int, **more: Any) -> Any:
    """Build the layer of a page's cell: ours, PyTorch's, or that of a copy with a bug."""
    cell = CELLS[made["cell"]]
    more |= {"nonlinearity": made["nonlinearity"]} if len(cell.nonlinearities) > 1 else {}
    return getattr(module, cell.layer)(V, H, **more)


def as_batch(text: str, vocab: Vocab) -> Batch:
    ids = np.array(vocab[list(text)])
    return Batch(ids[None, :-1].copy(), ids[None, 1:].copy())


def largest(a: Any, b: Any) -> float:
    """Return the largest difference between two numbers, arrays, or dicts of them."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return max(largest(a[name], b[name]) for name in a)
    assert np.shape(a) == np.shape(b)
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def recorded(text: str, course: Course) -> dict[str, Any]:
    """Return what a page is made from."""
    with unchecked():  # test_explain.py checks the annotations
        return record(text, course)


def written(made: dict[str, Any], folder: Path) -> Path:
    """Write a page with all weights; return its path."""
    path = folder / "page.html"
    size = write_page(made, path, most_bytes=1_000_000)
    assert len(size.kept) == len(size.with_details) == size.num_checkpoints
    return path


def rounded(x: float, digits: int = 3) -> str:
    return f"{float(f'{x:.{digits}g}'):g}"


def axe_violations(opened: Opened) -> list[str]:
    script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    opened.page.evaluate(script)
    found = opened.page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    assert found["testEngine"]["version"].split(".")[0] == "4"
    assert len(found["passes"]) > 20
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


MEGABYTE = 1_000_000


def unpacked(
    entries: list[dict[str, Any]],
    text: str,
    column: list[int] | None = None,
    input_rows: list[int] | None = None,
) -> dict[str, np.ndarray]:
    """Read packed arrays back, as the page's script does."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for entry in entries:
        if entry["is_sum"]:
            arrays[entry["name"]] = (
                arrays["W_ih"][input_rows] + (arrays["b_ih"] + arrays["b_hh"])
                if entry["name"] == "a"
                else arrays["a"][column] + arrays["u"]
            )
            continue
        kind = np.dtype(entry["dtype"]).newbyteorder("<")
        size = int(np.prod(entry["shape"])) * kind.itemsize
        stored = planes[start : start + size].reshape(kind.itemsize, -1).T.copy().view(kind)
        start += size
        array = stored.reshape(entry["shape"])
        if entry["steps"]:
            bits = arrays[entry["name"].removeprefix("torch.")].view(np.int32).astype(np.int64)
            place = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits) + array
            bits = np.where(place < 0, -place | 0x80000000, place)
            array = bits.astype(np.uint32).view(np.float32)
        arrays[entry["name"]] = array
    assert start == len(planes)
    return arrays


class Page(HTMLParser):
    """The elements of a page, and the text of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: list[str] = []
        self.is_inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.contents.append("")
        self.is_inside = True

    def handle_endtag(self, tag: str) -> None:
        self.is_inside = False

    def handle_data(self, data: str) -> None:
        if self.is_inside:
            self.contents[-1] += data

    def content(self, tag: str, **attributes: str) -> str:
        [found] = [
            content
            for (name, attrs), content in zip(self.elements, self.contents, strict=True)
            if name == tag and attributes.items() <= attrs.items()
        ]
        return found
