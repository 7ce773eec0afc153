"""The page to write in, in a browser, as `make site` has built it.

With RNN_PARITY_SITE=site these tests read site/write.
"""

import os
import threading
from pathlib import Path

import pytest

from compare.study import WriteConfig
from compare.study.writing.serve import make_server
from tests.compare.check.corpus import plain_source, replaced
from tests.compare.study.pages import axe_violations

SITE = os.environ.get("RNN_PARITY_SITE", "")
pytestmark = pytest.mark.skipif(not SITE, reason="expected RNN_PARITY_SITE, a site of `make site`")

SLOPE = [("1 - h_t**2", "1 - h_t")]
ENDLESS_IN_C = (
    "def rnn_step(*given):\n    return sum(iter(int, 1))  # no line is ever reached again\n"
)
SECONDS = {"#check": 20, "#check-all": 60, "#train": 120, "#link": 5}
CHECK = "async (source) => await rnnParity.check(source, { cell: CELL })"


class Writing:
    """The page in a context of its own, with an empty memory."""

    def __init__(self, browser, address):
        self.context, self.address = browser.new_context(), address
        self.requests, self.complaints = [], []
        self.page = self.open("")

    def open(self, fragment):
        """Open a new tab of the writing, and wait until Python is ready."""
        tab = self.context.new_page()
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("console", lambda message: self.complaints.append(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.goto(self.address + fragment)
        tab.wait_for_selector("#check:enabled", timeout=120_000)
        return tab

    def check(self, source, cell="rnn"):
        """Return the report of the function for tools."""
        return self.page.evaluate(CHECK.replace("CELL", repr(cell)), source)

    def write(self, source):
        """Put a text into the editor, as pasted."""
        self.page.click(".cm-content")
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.evaluate(PASTE, source)

    def press(self, button, words):
        """Press a button, and wait until the line of the state has these words."""
        self.page.click(button)
        self.page.wait_for_selector(f"#status:has-text('{words}')", timeout=SECONDS[button] * 1000)


PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const paste = new ClipboardEvent("paste", { clipboardData });
  document.querySelector(".cm-content").dispatchEvent(paste);
}"""


@pytest.fixture(scope="module")
def writing(tab):
    with make_server(WriteConfig(site=Path(SITE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        writing = Writing(tab.context.browser, f"http://127.0.0.1:{server.server_port}/write/")
        writing.server = server
        yield writing
        writing.context.close()
        server.shutdown()


@pytest.mark.parametrize(
    ("source", "verdict", "got"),
    [
        (
            "def rnn_step(*_):\n    while True:\n        print('x' * 10**5)\n",
            "timeout",
            "within 5 s",
        ),
        ("def rnn_step(*_):\n    return rnn_step()\n", "error", "RecursionError"),
        ("def rnn_step(*_):\n    return [0] * 10**9\n", "error", "MemoryError"),
        (
            "import torch\ndef rnn_step(*_): return torch.zeros(1)\n",
            "error",
            "No module named 'torch'",
        ),
        ("def rnn_step(*_):\n    raise SystemExit\n", "error", "SystemExit"),
    ],
)
def test_code_that_does_not_work_has_a_verdict(source, verdict, got, writing):
    stage = writing.check(source)["stages"][0]
    assert (stage["verdict"], got in stage["got"]) == (verdict, True), stage["got"]


def test_a_learner_writes_checks_and_leaves(writing):
    """The verdict, the likely mistake, both arrays; and the file is there on the next day."""
    writing.write(replaced(plain_source("rnn"), SLOPE))
    writing.press("#check-all", "Checked in")
    assert writing.page.inner_text(".verdicts .wrong").split() == [
        "✗",
        "rnn_step_backward",
        "wrong",
    ]
    assert "without the square" in writing.page.inner_text("#shown")
    assert "12 of 12 entries wrong, marked *" in writing.page.inner_text("#shown pre")
    assert not writing.page.is_visible("#equation")
    writing.page.click("#equation-box summary")
    assert "δ" in writing.page.inner_text("#equation")
    for scheme in ("light", "dark"):
        writing.page.emulate_media(color_scheme=scheme)
        assert axe_violations(writing) == []
    again = writing.open("")
    assert again.inner_text(".verdicts .wrong").split()[1] == "rnn_step_backward"
    again.click(".cm-content")
    for _ in range(3):
        again.keyboard.press("ControlOrMeta+z")  # there is nothing to undo yet
    kept = "() => localStorage.getItem('rnn-parity write rnn').includes('d_h_t * (1 - h_t)')"
    assert "d_h_t * (1 - h_t)" in again.inner_text(".cm-content") or again.evaluate(kept)
    again.close()


def test_the_equations_are_those_of_the_function_whose_numbers_are_shown(writing):
    unwritten = ("    z_t = x_t", "    raise NotImplementedError\n    z_t = x_t")
    writing.write(replaced(plain_source("rnn"), [unwritten, *SLOPE]))
    writing.press("#check-all", "Checked in")
    assert "rnn_step_backward on " in writing.page.inner_text("#shown pre")
    assert writing.page.inner_text("#equation-title").endswith(" of rnn_step_backward")
    assert "tanh'(z_t)" in writing.page.text_content("#equation")


def test_it_opens_with_its_title_on_a_phone(writing):
    phone = writing.context.new_page()
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.goto(writing.address)
    phone.wait_for_selector("html[data-ready]", state="attached")
    phone.wait_for_timeout(500)  # the editor scrolls
    assert phone.locator("h1").bounding_box()["y"] >= 0
    phone.close()


def test_the_functions_of_a_learner_train_and_write(writing):
    writing.write(plain_source("rnn"))
    writing.press("#check-all", "Checked in")
    writing.press("#train", "Trained in")
    compared = writing.page.inner_text("#compared")
    assert compared.startswith("For 20 updates your training equals the plain version's")
    assert writing.page.locator("#written li").count() == 30
    assert writing.page.get_attribute("#written li >> nth=-1", "value") == "30"
    points = writing.page.get_attribute("#curve polyline", "points")
    ys = [float(point.split(",")[1]) for point in points.split()]
    texts = writing.page.locator("#curve text").all_text_contents()
    assert (texts[0], texts[2], len(ys)) == ("0", "epoch 30", 30)
    assert ys[0] < ys[-1]  # the loss falls
    assert writing.page.inner_text("#written li >> nth=-1").startswith("the clock ")


def test_a_function_that_never_ends_is_stopped_and_nothing_is_lost(writing):
    writing.write(ENDLESS_IN_C)
    writing.press("#check", "Trying")
    writing.page.click("#stop")
    assert writing.page.inner_text("#shown").startswith("Stopped.")
    writing.page.wait_for_selector("#check:enabled", timeout=120_000)
    assert "iter(int, 1)" in writing.page.inner_text(".cm-content")
    assert writing.check(plain_source("rnn"))["ok"]


def test_a_link_opens_the_code_and_runs_nothing(writing):
    writing.write("raise SystemExit  # 'λ'\n")
    writing.page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }"
    )
    writing.press("#link", "address bar")
    fragment = "#" + writing.page.url.partition("#")[2]
    other = Writing(writing.context.browser, writing.address)
    opened = other.open(fragment)
    assert opened.inner_text(".cm-line >> nth=0") == "raise SystemExit  # 'λ'"
    assert "came with the link" in opened.inner_text("#notice")
    assert "not tried" in opened.inner_text("#verdicts")
    assert "right" not in opened.inner_text("#verdicts")
    assert other.open("#cell=rnn").evaluate("() => localStorage.length") == 0
    assert other.complaints == []
    other.context.close()


def test_an_exercise_opens_with_its_own_check(writing):
    exercise = writing.open("#exercise=07_gru")
    assert exercise.input_value("#stage") == "gru_step_backward"
    exercise.click("#check")
    exercise.wait_for_selector("#status:has-text('Checked in')")
    assert not exercise.is_visible("#equation-box")
    exercise.close()


def test_a_verdict_is_of_the_text_that_was_checked(writing):
    first = ".verdicts li >> nth=0"
    source = plain_source("rnn").partition("def rnn_forward")[0]
    writing.write(source)
    writing.page.select_option("#stage", "rnn_step")
    writing.press("#check", "Checked in")
    assert writing.page.inner_text(first).split() == ["✓", "rnn_step", "right"]
    assert writing.page.inner_text("#onward") == "Next: rnn_forward"
    writing.write(replaced(source, [("np.tanh(z_t)", "np.sin(z_t)")]))
    assert writing.page.inner_text(first).split() == ["·", "rnn_step", "changed"]
    assert writing.page.inner_text("#onward") == ""


def test_a_verdict_belongs_to_the_file_that_was_checked(writing):
    """Another file may be open when it comes."""
    writing.write("def rnn_step(*_):\n    while True:\n        pass\n")
    writing.press("#check", "Trying")
    writing.page.click('[value="gru"]')
    writing.page.wait_for_selector("#status:has-text('that was open before')", timeout=60_000)
    assert "timeout" not in writing.page.inner_text("#verdicts")
    writing.page.click('[value="rnn"]')
    writing.page.wait_for_selector(".verdicts .timeout")


def test_nothing_comes_from_elsewhere_and_then_no_network_is_needed(writing):
    """The last test: it ends the server."""
    assert {url.split(":")[0] for url in writing.requests} <= {"http", "blob", "data"}
    assert {url for url in writing.requests if url.startswith("http")} == {
        url for url in writing.requests if url.startswith(writing.address)
    }
    assert writing.complaints == []
    writing.page.wait_for_selector("#offline:has-text('works without a network')")
    writing.server.shutdown()
    writing.server.server_close()
    writing.page.reload()
    writing.page.wait_for_selector("#check:enabled", timeout=120_000)
    assert writing.check(plain_source("rnn"))["ok"]
