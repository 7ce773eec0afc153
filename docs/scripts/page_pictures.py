"""Draw the pictures of the page of `explain` in docs/images, with Chromium."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pages import DOCS
from playwright.sync_api import Page, sync_playwright

from compare.study.config import ExplainConfig
from compare.study.page.explain import explain

IMAGES = DOCS / "images"


def draw(page: Page) -> None:
    """Draw each picture of the page that is open."""
    bar = "() => document.querySelector('.controls').style"
    page.evaluate(f"() => (({bar})().position = 'static')")  # else it covers a part of a picture
    page.set_viewport_size({"width": 1280, "height": 1800})
    page.evaluate("() => choose({ t: 8, s: 1 })")
    page.wait_for_timeout(1000)
    page.locator("#unrolled").screenshot(path=IMAGES / "explain-unrolled.png")
    page.evaluate("() => { hero.at = 7 * PARTS + 3.9; drawHero(); }")
    page.locator("#hero-picture").screenshot(path=IMAGES / "live-page.png")
    page.evaluate("() => $('unfold').click()")
    page.wait_for_timeout(1000)
    page.locator("#backward-body").screenshot(path=IMAGES / "explain-backward.png")
    page.evaluate("() => $('unfold').click()")
    page.evaluate(f"() => (({bar})().position = '')")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("#guide-start").click()
    page.wait_for_timeout(1000)
    page.locator("#guide-next").click()
    page.locator("#guide-title", has_text="Question 2").wait_for()
    page.locator("#guide-options input").nth(1).check()
    page.locator("#guide-look").click()
    page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / "explain-guide.png")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "explain.html"
        explain(ExplainConfig(cell="rnn", out=path))
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=program)
        opened = browser.new_page(viewport={"width": 1120, "height": 900})
        opened.emulate_media(reduced_motion="reduce", color_scheme="light")
        opened.goto(path.as_uri())
        opened.wait_for_selector("html[data-ready]", state="attached")
        draw(opened)
        browser.close()
