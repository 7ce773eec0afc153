"""A browser, and a page of the demonstration."""

import dataclasses
from types import SimpleNamespace

import pytest

from compare.study.page.build import write_page
from compare.study.page.explain import demonstration
from tests.compare.study.courses import course
from tests.compare.study.pages import AT, TEXT, TYPED, Opened, recorded, written


@pytest.fixture
def open_page(tab):
    """Return the function that loads a page; then check that it loaded nothing else.

    ``anew=False`` takes the page as the test before left it, if it is the same. All panels are
    open, and the comparison with PyTorch is shown, unless it is ``folded``.
    """
    opened = Opened(tab)
    listeners = {
        "request": lambda request: opened.requests.append(request.url),
        "console": lambda message: opened.complaints.append(message.text),
        "pageerror": lambda error: opened.complaints.append(str(error)),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)

    def open_page(path, *, width=1280, scheme="light", anew=True, folded=False):
        if anew or tab.url != path.as_uri() or tab.was_folded != folded:
            tab.was_folded = folded
            tab.set_viewport_size({"width": width, "height": 900})
            tab.emulate_media(color_scheme=scheme, reduced_motion="reduce", media="screen")
            tab.goto("about:blank")  # a page with a fragment would only be scrolled
            tab.goto(path.as_uri())
            tab.wait_for_selector("html[data-ready]", state="attached")
            if not folded:
                tab.evaluate("() => ['unfold', 'compare-check'].forEach((id) => $(id).click())")
            opened.settle()
        return opened

    yield open_page
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert opened.complaints == []
    # The worker is made from the text of a script in the page.
    assert {url.split(":")[0] for url in opened.requests} <= {"file", "blob"}


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


NETWORKS = {
    "rnn-tanh": {"cell": "rnn"},
    "rnn-relu": {"cell": "rnn", "nonlinearity": "relu", "dtype": "float64"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}


@pytest.fixture(scope="session", params=NETWORKS)
def network(request, tmp_path_factory):
    """What a page of 12 units for each cell is made from, and its file."""
    options = NETWORKS[request.param] | {"num_steps": 5, "max_norm": 0.8}
    made = recorded(TEXT, course(12, gains=(1.0, 2.0), **options))
    return SimpleNamespace(made=made, path=written(made, tmp_path_factory.mktemp("network")))


@pytest.fixture
def page(network, open_page):
    """The page of a network with a typed text; whatever the fonts, its pictures have one width."""
    opened = open_page(network.path, anew=False)
    opened.run(
        "spaces.get = () => 640; redraw('*'); pickWeight('rnn.weight_hh_l0', 0);"
        "$('unfold').textContent.startsWith('Open') && $('unfold').click()"
    )
    if opened.page.locator("#text-input").input_value() != TYPED:
        opened.fill("#text-input", TYPED)  # all is computed and drawn anew
    opened.choose(c=1, v=None, s=1, u=12, ulps=False, **AT)
    return opened
