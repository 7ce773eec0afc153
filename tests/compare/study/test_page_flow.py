"""The unrolled network of `explain`'s page, and the gradient that runs back through it."""

from tests.compare.study.pages import K


def test_by_button_slider_and_key_through_all_stages(path, open_page):
    opened = open_page(path)
    page = opened.page
    opened.choose(t=K, s=0)
    assert page.locator("#flow-before").is_disabled()
    seen = [opened.text("#flow-value")]
    for _ in range(5):
        opened.click("#flow-next")
        seen.append(opened.text("#flow-value"))
    stages = ["from the loss", "from the next step", "times the slope", "to the weights"]
    last = [f"step {K}, {stage}" for stage in stages]
    assert seen == [*last, f"step {K - 1}, {stages[0]}", f"step {K - 1}, {stages[1]}"]
    opened.click("#flow-before")
    assert opened.text("#flow-value") == f"step {K - 1}, {stages[0]}"
    page.locator("#flow-slider").focus()
    opened.press("ArrowLeft", "ArrowLeft")  # to the left, as in the picture
    assert opened.text("#flow-value") == f"step {K - 1}, {stages[2]}"
    assert opened.chosen()["t"] == K - 1
    opened.press("End")
    assert opened.text("#flow-value") == f"step 1, {stages[3]}"
    assert page.locator("#flow-next").is_disabled()
    opened.click("#flow-numbers button", has_text="their sum")
    assert opened.text("#flow-value") == f"step 1, {stages[1]}"
    now = page.locator("#flow-numbers .now")
    assert [text for text in now.locator(".where").all_text_contents() if "plain" not in text] == []
    assert now.locator(".where").count() == now.count() == 2


def test_it_plays_back_from_the_last_loss_and_stops(path, open_page):
    opened = open_page(path)
    opened.choose(t=1, s=3)
    opened.page.locator("#flow-play").click()
    opened.page.wait_for_function(f"() => chosen.t === {K} && chosen.s === 1")
    opened.page.locator("#flow-play").click()
    where = (opened.chosen()["t"], opened.chosen()["s"])
    opened.page.wait_for_timeout(900)
    assert (opened.chosen()["t"], opened.chosen()["s"]) == where
    assert opened.text("#flow-play") == "Play"


def test_a_text_of_one_token_has_no_way_back(path, open_page):
    opened = open_page(path)
    opened.fill("#text-input", "t")
    assert opened.page.locator("#flow").is_hidden()
    assert opened.page.locator("#backward-body").is_hidden()
    assert "one token" in opened.text("#backward-absent")
    opened.fill("#text-input", "to")
    assert opened.page.locator("#flow").is_visible()
