"""Pages of `explain` in a real browser: what their tests share."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from compare.runs.snapshots import Course
from compare.study.page.build import write_page
from compare.study.page.record import record
from tests.annotations import unchecked

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TEXT = "time traveller"
T, H, K = len(TEXT), 24, len(TEXT) - 1
EPOCHS = (0, 1, 10, 60)


@dataclass
class Opened:
    """A page, and all that it asked for and complained about."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Wait until what was chosen is drawn."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        self.page.wait_for_function("() => changed.size === 0 && waiting.size === 0")

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
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


def recorded(text: str, course: Course) -> dict[str, Any]:
    """Return what a page is made from."""
    with unchecked():  # test_explain.py checks the annotations
        return record(text, course)


def written(made: dict[str, Any], folder: Path) -> Path:
    """Write a page with room for everything, and return its path."""
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
