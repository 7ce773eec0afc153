"""A browser, and a page of a small training."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scratch_rnn
from compare.parity.build import build_models
from compare.parity.config import ParityConfig
from compare.runs.snapshots import Course, Snapshot
from compare.study.page.build import write_page
from scratch_rnn.text import Batches
from scratch_rnn.text.corpus import sample_text
from scratch_rnn.text.load import load_corpus
from tests.annotations import unchecked
from tests.compare.parity.courses import course
from tests.compare.study.pages import (
    CHROMIUM,
    EPOCHS,
    FLAGS,
    TEXT,
    H,
    Open,
    Opened,
    recorded,
    written,
)


@pytest.fixture(scope="session")
def tab() -> Iterator[Any]:
    """A tab of a browser, for all tests: a new one would take longer than most of them."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_context(reduced_motion="reduce").new_page()
        tab.set_default_timeout(200_000)
        yield tab
        browser.close()


@pytest.fixture
def open_page(tab: Any) -> Iterator[Open]:
    """Return the function that loads a page; then check that it loaded nothing else.

    ``anew=False`` takes the page as the test before left it, if it is the same: for tests of
    functions that change nothing.
    """
    opened = Opened(tab)
    listeners = {
        "request": lambda request: opened.requests.append(request.url),
        "console": lambda message: opened.complaints.append(message.text),
        "pageerror": lambda error: opened.complaints.append(str(error)),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)

    def open_page(
        path: Path, *, width: int = 1280, scheme: str = "light", anew: bool = True
    ) -> Opened:
        if not anew and tab.url == path.as_uri():
            return opened
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme)
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-ready]", state="attached")
        opened.settle()
        return opened

    yield open_page
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert opened.complaints == []
    assert {url.split("/")[0] for url in opened.requests} <= {"file:"}


@pytest.fixture(scope="session")
def trained() -> Course:
    """A short training: 24 units, 60 epochs."""
    setting = ParityConfig(hidden_size=H, lr=1.0, num_steps=10, batch_size=32)
    corpus, vocab = load_corpus(sample_text(), max_tokens=2000)
    batches = Batches(corpus, setting.batch_size, setting.num_steps)
    model, _ = build_models(len(vocab), H)
    snapshots, curve = [], []

    def keep(epoch: int) -> None:
        if epoch in EPOCHS:
            weights = {name: array.copy() for name, array in model.parameters.items()}
            snapshots.append(Snapshot(float(epoch), f"after {epoch} epochs", weights))

    def on_epoch(epoch: int, result: scratch_rnn.EpochResult) -> None:
        curve.append(result.perplexity)
        keep(epoch + 1)

    keep(0)
    with unchecked():
        scratch_rnn.train(model, batches, setting.lr, EPOCHS[-1], on_epoch=on_epoch)
    assert curve[-1] < 8 < curve[0]
    return Course("a test", setting, vocab, tuple(snapshots), tuple(curve))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 16 units."""
    return written(recorded(TEXT, course(16)), tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def made(trained: Course) -> dict[str, Any]:
    return recorded(TEXT, trained)


@pytest.fixture(scope="session")
def path(made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "a page.html"
    size = write_page(made, path, most_bytes=1_000_000)
    assert size.kept == size.with_details == (0, 1, 2, 3)
    return path
