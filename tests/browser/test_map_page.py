"""The map as one file: from the disk, with the network off, on a phone and on a projector, by keyboard."""

import pytest

import tlkit
from tlkit.transfer.ways import CHOICES
from tools import map_page

SIZES = [(400, 860), (768, 1024), (1024, 768), (1280, 720), (1440, 900), (1920, 1080)]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    map_page.write_map_page(folder)
    (path,) = folder.iterdir()
    return path


@pytest.fixture
def opened(page, file):
    """The page as it opens; it asks for nothing, and no line of its script fails."""
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("console", lambda message: failed.append(message.text) if message.type == "error" else None)
    page.context.set_offline(True)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(file.as_uri())
    yield page
    assert failed == []
    assert {url.split("#")[0] for url in asked if not url.startswith("data:")} == {file.as_uri()}


def _press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def _shown(page, part="page"):
    return " ".join(page.locator(f".demo-{part}").inner_text().split())


def _place(page):
    return _shown(page, "question")


@pytest.mark.parametrize("width, height", SIZES)
def test_it_is_whole_on_every_screen(opened, find_faults, width, height):
    """At each place, with hands, the answer and its keys, nothing is cut, covered or outside."""

    def look():
        opened.set_viewport_size({"width": width, "height": height})
        across, tall = opened.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert across <= width and (tall <= height or width < 1000), "a phone scrolls, and downwards alone"
        opened.set_viewport_size({"width": width, "height": tall})
        assert find_faults(opened) == [], opened.url

    places = opened.evaluate("places")
    assert len(places) > 40
    for place in places:
        opened.evaluate("place => go(place)", place)
        _press(opened, "5")
        look()
        _press(opened, "r")
        look()
    _press(opened, "4")
    assert "Votes are closed" in _shown(opened)
    look()
    _press(opened, "?")
    assert "full screen" in _shown(opened)
    look()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_it_has_no_serious_barrier(opened, find_serious, width, scheme):
    opened.set_viewport_size({"width": width, "height": 720})
    opened.emulate_media(color_scheme=scheme)
    opened.reload()
    assert opened.locator(".demo-night").count() == (scheme == "dark"), "it opens as the machine is set"
    assert find_serious(opened) == []
    _press(opened, "1", "r")
    assert find_serious(opened) == []
    _press(opened, "d", "w", "?")
    assert opened.locator(".demo-night").count() == (scheme == "light")
    assert find_serious(opened) == []


def test_it_is_driven_by_keyboard_alone(opened):
    for key, place in (("ArrowRight", "herbarium, 5"), ("ArrowUp", "herbarium, 20"), ("ArrowLeft", "flowers, 20")):
        _press(opened, key)
        assert place in _place(opened)
    _press(opened, *"4416", "Backspace")
    assert "3 so far" in _shown(opened)
    assert opened.locator(".share:visible").all_inner_texts() == ["33%", "0%", "0%", "67%", "0%", "0%"]
    assert "Rule" not in _shown(opened)
    _press(opened, "Enter")
    advice = tlkit.load_map().recommend("flowers", 20)
    shown = _shown(opened)
    assert all(f"{advice.accuracy[way].mean:.1%}" in shown for way in CHOICES)
    assert f"Rule: {advice.rule}. Room (grey): fine-tuning." in shown and "so far" not in shown
    assert opened.locator(".hands:visible").first.evaluate("bar => bar.style.width") == "33%"
    says = opened.get_by_role("img", name="fine-tuning: 67% of the hands; measured")
    assert says.count() == 1, "a reader of the screen hears one bar a way, the one of this place"
    _press(opened, "5")
    assert "Votes are closed" in _shown(opened)
    _press(opened, "r")
    assert "3 so far" in _shown(opened) and "Votes are closed" not in _shown(opened)
    _press(opened, "ArrowUp")
    assert "0 so far" in _shown(opened), "each place has its own hands"
    _press(opened, "r", "ArrowDown")
    assert "3 so far" in _shown(opened), "another place is another question"


def test_two_keys_switch_the_world_and_the_network(opened):
    first, second = tlkit.load_map("photos").networks
    for key, place in (
        ("n", "flowers, 5"),
        ("ArrowUp", "flowers, 20"),
        ("w", f"flowers17, 20 per class: few and similar Photos, {first}"),
        ("n", f"Photos, {second}"),
        ("ArrowRight", "cifar10, 20"),
        ("w", "flowers, 20 per class: few and similar Drawn pictures, minivgg"),
        ("w", f"cifar10, 20 per class: few and similar Photos, {second}"),  # as it was left
    ):
        _press(opened, key)
        assert place in _place(opened), key
        assert opened.locator(".strip img:visible").count() == (0 if "Photos" in _place(opened) else 6)
    assert opened.locator(".strip.words:visible").inner_text().startswith("CIFAR")


def test_it_opens_again_where_it_was(opened, file):
    _press(opened, "ArrowRight", "ArrowUp", "1", "r")
    opened.reload()
    assert "herbarium, 20" in _place(opened) and "0 so far" in _shown(opened)
    opened.goto("about:blank")
    opened.goto(file.as_uri() + "#photos/nothing/of/it")
    assert "flowers, 5" in _place(opened)


def test_buttons_work_by_tab_space_and_enter_and_keep_the_focus(opened):
    opened.get_by_role("button", name="tissue").focus()
    _press(opened, "Space")
    assert "tissue, 5" in _place(opened)
    focused = opened.locator(":focus")
    assert focused.inner_text() == "tissue" and focused.get_attribute("aria-pressed") == "true"
    _press(opened, "Tab", "Tab", "Enter")
    assert "tissue, 20" in _place(opened), "who came by the keyboard presses a button by Enter"
    opened.get_by_role("button", name="+ a hand for scratch").click()
    _press(opened, "Enter")  # but after a click it reveals
    assert "Room (grey): scratch" in _shown(opened)
    assert opened.get_by_role("button", name="r: hide").get_attribute("aria-pressed") == "true"
    opened.get_by_role("button", name="r: hide").click()
    opened.get_by_role("button", name="− a hand for scratch").click()
    assert "0 so far" in _shown(opened)
