"""A browser, and a page of the demonstration."""

import dataclasses

import pytest

from compare.study.page.build import write_page
from compare.study.page.explain import demonstration
from tests.compare.parity.courses import course
from tests.compare.study.look import Reader
from tests.compare.study.pages import TEXT, Network, Opened, recorded, written
from tests.compare.study.reading import H, Seen


@pytest.fixture
def open_page(tab):
    """Return the function that loads a page; then check that it loaded nothing else.

    ``anew=False`` takes the page as the test before left it, if it is the same: for tests of
    functions that change nothing. These ``sections`` are open, as a closed one is not drawn;
    without a list all are, and the comparison with PyTorch is shown.
    """
    opened = Opened(tab)
    listeners = {
        "request": lambda request: opened.requests.append(request.url),
        "console": lambda message: opened.complaints.append(message.text),
        "pageerror": lambda error: opened.complaints.append(str(error)),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)

    def open_page(path, *, width=1280, scheme="light", anew=True, sections=None):
        is_whole = sections is None
        if anew or tab.url != path.as_uri() or tab.was_whole != is_whole:
            tab.was_whole = is_whole
            tab.set_viewport_size({"width": width, "height": 900})
            tab.emulate_media(color_scheme=scheme)
            tab.goto(path.as_uri())
            tab.wait_for_selector("html[data-ready]", state="attached")
            if is_whole:
                tab.evaluate("() => ['unfold', 'compare-check'].forEach((id) => $(id).click())")
            opened.settle()
        if not is_whole:
            opened.unfold(*sections)
        return opened

    yield open_page
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert opened.complaints == []
    # A worker is made from the text of the page's script.
    assert {url.split("/")[0] for url in opened.requests} <= {"file:", "blob:null"}


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A page of 16 units."""
    return written(recorded(TEXT, course(16)), tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def made():
    """The numbers of a trained network, as of a training with short sequences."""
    trained = demonstration()
    setting = dataclasses.replace(trained.setting, num_steps=10)
    return recorded(TEXT, dataclasses.replace(trained, setting=setting))


@pytest.fixture(scope="session")
def path(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "a page.html"
    size = write_page(made, path, most_bytes=1_000_000)
    assert size.kept == size.with_details == (0, 1, 2, 3)
    return path


NETWORKS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]


@pytest.fixture(scope="session", params=NETWORKS, ids=[f"{cell}-{f}" for cell, f in NETWORKS])
def network(request, tmp_path_factory):
    """A page of 12 units for each cell."""
    cell, f = request.param
    made = recorded(
        TEXT, course(12, gains=(1.0, 2.0), cell=cell, nonlinearity=f, num_steps=5, max_norm=0.8)
    )
    return Network(made, written(made, tmp_path_factory.mktemp("network")))


@pytest.fixture
def seen(network, open_page, request):
    """The page as another test left it, with the same text, weights and choice.

    The mark ``sections`` of a test names those that are open.
    """
    mark = request.node.get_closest_marker("sections")
    sections = mark.args if mark else ()
    return Seen(network, open_page(network.path, anew=False, sections=sections))


@pytest.fixture
def page(network, open_page):
    """A reader of the page, with a typed text; whatever the fonts, its pictures have one width."""
    opened = open_page(network.path, anew=False)
    opened.run("spaces.get = () => 640")
    Seen(network, opened)
    opened.choose(v=None, s=1, u=H)
    return Reader(opened.page)
