"""The page for a projector, by keyboard alone."""

import re

import pytest

import tlkit
from tlkit.publish import COURSE

pytest.importorskip("voila", reason="no Voila: make test-browser installs it")


@pytest.fixture(scope="module")
def address(serve, free_port, browser):
    notebook = COURSE / "lessons" / "demo" / "decision_map.ipynb"
    command = ["voila", notebook, "--no-browser", f"--port={free_port}", "--template=projector"]
    return serve(*command, port=free_port, JUPYTER_PATH=str(notebook.parent))


@pytest.fixture
def demo(page, address):
    outside = []
    page.on("request", lambda request: outside.append(request.url) if not _is_local(request.url) else None)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(address, wait_until="commit")
    page.get_by_text("Opening the map").wait_for()
    page.get_by_text("Which way wins here?").wait_for()
    page.get_by_text("Hands up!").wait_for()
    yield page
    assert outside == [], "the page asks for nothing from the network"


def _is_local(url):
    return re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", url)


def _question(page):
    return page.locator(".demo-question").inner_text()


def test_the_map_is_driven_by_keyboard_alone(demo, find_serious):
    for key, words in (("ArrowRight", "herbarium, 5"), ("ArrowUp", "herbarium, 20"), ("ArrowLeft", "flowers, 20")):
        demo.keyboard.press(key)
        demo.wait_for_function("words => document.querySelector('.demo-question').innerText.includes(words)", arg=words)
    for key in "3315":
        demo.keyboard.press(key)
    demo.keyboard.press("Backspace")
    demo.get_by_text("3 so far").wait_for()
    assert "%" not in demo.locator(".demo-answer").inner_text()
    demo.keyboard.press("r")
    demo.get_by_text("Rule:").wait_for()
    advice = tlkit.load_map().recommend("flowers", 20)
    shown = demo.locator(".demo-page").inner_text()
    assert all(f"{mean.mean:.1%}" in shown for mean in advice.accuracy.values())
    assert "Room (grey): fine-tuning" in shown
    assert find_serious(demo) == []
    demo.keyboard.press("d")
    demo.locator(".demo-night").wait_for()
    assert find_serious(demo) == []
    height, width = demo.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert height <= 720 and width <= 1280, "nobody has to scroll in front of a class"


def test_live_training_starts_and_stops_at_a_key(demo):
    demo.keyboard.press("l")
    demo.get_by_text("Live:").wait_for()
    demo.keyboard.press("l")
    demo.get_by_text("Stopped.").wait_for()
    demo.keyboard.press("ArrowRight")  # and the page still listens
    demo.wait_for_function("document.querySelector('.demo-question').innerText.includes('herbarium')")


def test_enter_reveals_after_a_click_and_a_vote_on_the_answer_does_not_count(demo):
    demo.get_by_title("+ a hand for probe").click()
    demo.get_by_text("1 so far").wait_for()
    demo.keyboard.press("Enter")  # the button is in focus
    demo.get_by_text("Room (grey): probe").wait_for()
    demo.keyboard.press("3")
    demo.get_by_text("Votes are closed").wait_for()
    demo.keyboard.press("Enter")
    demo.get_by_text("1 so far").wait_for()
    demo.keyboard.press("Space")
    demo.get_by_text("2 so far").wait_for()


def test_it_opens_dark_where_the_machine_is(page, address):
    page.emulate_media(color_scheme="dark")
    page.goto(address, wait_until="commit")
    page.locator("#loading.demo-night").wait_for()
    page.locator(".demo-page.demo-night").wait_for()
    page.keyboard.press("d")
    page.locator(".demo-page:not(.demo-night)").wait_for()
