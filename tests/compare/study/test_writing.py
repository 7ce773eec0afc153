"""The page to write in: its check and training without processes and PyTorch, and its server."""

import json
import re
import threading
from http.client import HTTPConnection
from pathlib import Path

import pytest

from compare.check import CheckConfig, examine
from compare.study import WriteConfig
from compare.study.page.build import cell_names
from compare.study.writing.build import MARK, describe_cell, write_page
from compare.study.writing.serve import make_server
from compare.terminal import Terminal
from tests.compare.check.corpus import plain_source, replaced
from tests.counts import number
from tests.scripts import ended

SCRIPT = Path(__file__).with_name("without_processes.py")

SLOPES = {
    "rnn": ("1 - h_t**2", "1 - h_t"),
    "gru": ("1 - n**2", "1 - n"),
    "lstm": ("1 - g**2", "1 - g"),
}
ENDLESS = "    while True:\n        print('again')\n"


def endless(source, cell):
    """Return the source with a sequence that never ends, and prints."""
    head, found, rest = source.partition(f"def {cell}_forward(")
    assert found
    signature, end, body = rest.partition('"""\n')
    return head + found + signature + end + ENDLESS + body


@pytest.fixture(scope="module", params=number(["rnn"], cell_names()))
def printed(request, tmp_path_factory):
    """A cell, the answers to its files, the trained network, and what was told meanwhile."""
    cell, folder = request.param, tmp_path_factory.mktemp(request.param)
    right = plain_source(cell)
    sources = {"wrong": replaced(right, [SLOPES[cell]])}
    if cell == "rnn":  # what no cell is needed for
        sources |= {"endless": endless(right, cell), "no Python": "def f(:\n"}
        sources["empty"] = describe_cell(cell)["exercise"]
    sources["right"] = right
    files = []
    for name, source in sources.items():
        files.append(folder / f"{name}.py")
        files[-1].write_text(source, encoding="utf-8")
    code, output, errors = ended(SCRIPT, folder, cell, *files)
    assert (code, errors) == (0, "")
    *answers, network, told = map(json.loads, output.splitlines())
    return cell, dict(zip(sources, answers, strict=True)), network, told, files


def verdicts(answer):
    return [stage["verdict"] for stage in answer["report"]["stages"]]


def test_the_verdicts_are_those_of_the_command(printed):
    """And all that the report says beside them; numbers may differ in their last bits."""
    cell, answers, *_, files = printed
    [file] = [file for file in files if file.stem == "wrong"]
    report = examine(CheckConfig(target=str(file)), Terminal(quiet=True))
    there, here = report.to_json(), answers["wrong"]["report"]
    for one, other in zip(there["stages"], here["stages"], strict=True):
        for name in ("expected", "got") if one["verdict"] == "wrong" else ():
            assert one.pop(name) == pytest.approx(other.pop(name), rel=1e-9)
    assert here == there
    assert verdicts(answers["right"]) == ["right"] * 6
    wrong = here["stages"][2]
    assert (wrong["name"], wrong["verdict"]) == (f"{cell}_step_backward", "wrong")
    assert "without the square" in wrong["likely"]
    assert "Likely mistake" in answers["wrong"]["shown"]
    assert "δ" in answers["wrong"]["equations"][f"{cell}_step_backward"]


@pytest.mark.parametrize("printed", ["rnn"], indirect=True)
def test_an_endless_loop_is_ended_and_what_is_no_function_is_called_so(printed):
    _, answers, *_ = printed
    report = answers["endless"]["report"]
    found = verdicts(answers["endless"])
    del found[3]  # the plain version's backward pass reads the reference's tape
    assert found == ["right", "timeout", "right", "right", "right"]
    text = endless(plain_source("rnn"), "rnn").splitlines()
    found = re.fullmatch(r"no result within 1 s \(line (\d+)\)", report["stages"][1]["got"])
    assert text[int(found[1]) - 1].strip() in ("while True:", "print('again')")
    assert any(note.startswith("printed ") for note in report["notes"])
    assert verdicts(answers["empty"]) == ["missing"] * 6
    [words] = {stage["got"] for stage in answers["no Python"]["report"]["stages"]}
    assert words == "SyntaxError: invalid syntax in `def f(:` (line 1)"


def test_the_functions_train_the_plain_versions_model(printed):
    """Beside the plain version, within rounding; then the model writes."""
    _, _, network, told, _ = printed
    [compared] = [message["compared"] for message in told if "compared" in message]
    assert (compared["updates"], compared["wrong"]) == (20, None)
    epochs = [message for message in told if "epoch" in message]
    assert [(each["epoch"], each["epochs"]) for each in epochs] == [(1, 2), (2, 2)]
    assert all(re.fullmatch("the clock .{60}", each["wrote"]) for each in epochs)
    assert 1 < epochs[1]["loss"] < epochs[0]["loss"] < 3.4
    assert len(network["vocab"]) == len(network["parameters"]["b"])
    assert any(message.get("trying", "").endswith("forward") for message in told)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (SLOPES["rnn"], "loss: "),
        (
            ("- one_hot(targets, V, y.dtype)) / N", "- one_hot(targets, V, y.dtype)) / (N + 1)"),
            "loss: ",
        ),
        (("max_norm / (norm + 1e-6)", "2 * max_norm / (norm + 1e-6)"), "loss: "),
        (("h @ W_hh.T + b_hh", "(b_hh + h @ W_hh.T)"), None),
    ],
    ids=["backward", "loss", "clipping", "another order of the sum"],
)
def test_a_training_that_differs_is_noticed(change, wrong, tmp_path, monkeypatch):
    """By more than rounding: a wrong function follows another path from the first update on."""
    from compare.study.writing import browser

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(browser, "EPOCHS", 0)
    told = []
    browser.train(replaced(plain_source("rnn"), [change]), "rnn", told.append)
    [message] = map(json.loads, told)
    compared = message["compared"]
    assert compared["difference"] > 0
    assert compared["wrong"] is None if wrong is None else compared["wrong"].startswith(wrong)


# The server -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    page = write_page("const script = 1;", [{"name": "a.whl", "bytes": 3e6}], {})
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    (tmp_path / "core.mjs").write_text("export {};")
    return tmp_path


def test_the_page_says_what_it_may_load(folder):
    """Its own files and nothing else; and it has each cell's exercise."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count(MARK) == 1
    assert "connect-src 'self'; " in page
    assert "http" not in page.partition("Content-Security-Policy")[2].partition(">")[0]
    for cell in cell_names():  # a trained network of these has a page
        assert f"def {cell}_step_backward(" in page


def test_the_server_has_the_files_of_the_site_alone_for_this_machine(folder, tmp_path_factory):
    """With the types that a browser demands."""
    outside = tmp_path_factory.mktemp("outside") / "secret.txt"
    outside.write_text("a secret")
    (folder / "link.txt").symlink_to(outside)
    (folder / "inside.mjs").symlink_to("core.mjs")
    for name, page in (("out", outside), ("in", folder / "index.html")):
        (folder / name).mkdir()
        (folder / name / "index.html").symlink_to(page)
    with make_server(WriteConfig(site=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, host, status, kind in (
            ("", "127.0.0.1", 200, "text/html"),
            ("inside.mjs", "localhost:1234", 200, "text/javascript"),
            ("inside.mjs", "example.org", 421, "text/html;charset=utf-8"),
            ("link.txt", "127.0.0.1", 404, "text/html;charset=utf-8"),
            ("in/", "127.0.0.1", 200, "text/html"),
            ("out/", "127.0.0.1", 404, "text/html;charset=utf-8"),
            ("a" * 5000, "127.0.0.1", 404, "text/html;charset=utf-8"),
        ):
            client = HTTPConnection("127.0.0.1", server.server_port)
            client.request("GET", f"/{name}", headers={"Host": host})
            answer = client.getresponse()
            assert (answer.status, answer.headers["Content-Type"]) == (status, kind), name
            client.close()
        server.shutdown()


def test_without_a_free_port_there_is_one_line(folder, refused):
    with make_server(WriteConfig(site=folder)) as server:
        (folder / "write").mkdir()
        (folder / "index.html").rename(folder / "write" / "index.html")
        address, port = server.server_address[0], server.server_port
        assert address == "127.0.0.1"  # for this machine alone
        line = refused(f"write --site {folder} --port {port}", 2)
    assert line == f"expected a free --port, got {port}: Address already in use"
