"""The page for a projector, by keyboard alone, and whole on every projector."""

import csv
import json
import re
import subprocess
import sys

import pytest

import tlkit
from tlkit.course import COURSE
from tlkit.transfer.ways import CHOICES

sys.path.append(str(COURSE / "tests"))
from map_makers import photo_map  # noqa: E402

pytest.importorskip("voila", reason="no Voila: make test-browser installs it")


@pytest.fixture(scope="module")
def address(serve, free_port, browser, tmp_path_factory):
    """The page as `make demo` serves it, but with a drawn map and one of photos, whatever ships; no photos are here."""
    folder = tmp_path_factory.mktemp("demo")
    source = (COURSE / "lessons" / "demo" / "decision_map.ipynb").read_text(encoding="utf-8")
    assert "seconds=20)" in source
    maps = f"[tlkit.load_map(), tlkit.load_map('{_photos(folder / 'photos.csv')}')]"
    notebook = folder / "decision_map.ipynb"
    notebook.write_text(source.replace("seconds=20)", f"seconds=20, measured={maps})"), encoding="utf-8")
    settings = str(COURSE / "lessons" / "demo")
    command = ["voila", notebook, "--no-browser", f"--port={free_port}", "--template=projector"]
    return serve(*command, f"--Voila.config_file_paths={[settings]}", port=free_port, JUPYTER_PATH=settings)


def _photos(path):
    """A map of photos with two networks; a way is missing at one of its places."""
    rows = photo_map("squeezenet1_1", "efficientnet_lite0", leave_out=[("dtd", 20, "scratch")]).rows
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    return path.as_posix()


@pytest.fixture
def demo(page, address, request):
    outside = []
    page.on("request", lambda request: outside.append(request.url) if not _is_local(request.url) else None)
    width, height = getattr(request, "param", (1280, 720))
    page.set_viewport_size({"width": width, "height": height})
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


@pytest.mark.parametrize("demo", [(1024, 768), (1280, 720), (1440, 900), (1920, 1080)], indirect=True, ids=str)
def test_the_page_is_whole_on_every_projector(demo, find_faults):
    """At each place of the map, with hands, the answer, the keys and a live run, nothing is cut, covered or outside."""
    chosen = "words => document.querySelector('.demo-question').innerText.includes(words)"
    targets, sizes = (demo.locator(".demo-choice .widget-toggle-buttons").nth(k).locator("button") for k in (0, 1))
    for key, first in (("", "flowers, 5"), ("w", "flowers17, 5"), ("n", "efficientnet_lite0")):
        demo.keyboard.press(key) if key else None
        demo.wait_for_function(chosen, arg=first)
        for stop in [stop.inner_text() for stop in targets.all()]:
            targets.get_by_text(stop, exact=True).click()
            demo.wait_for_function(chosen, arg=f"{stop}, ")
            for size in [size.inner_text() for size in sizes.all()]:
                sizes.get_by_text(size, exact=True).click()
                demo.wait_for_function(chosen, arg=f"{stop}, {size}")
                demo.keyboard.press("5")
                demo.get_by_text("Hands up!").wait_for()
                assert find_faults(demo) == []
                demo.keyboard.press("r")
                demo.get_by_text("Room (grey): pretrained start").wait_for()
                assert find_faults(demo) == []
        if key != "w":
            targets.first.click()
            sizes.first.click()
    demo.keyboard.press("l")
    demo.get_by_text("not here yet").wait_for()
    assert find_faults(demo) == []
    demo.keyboard.press("w")
    demo.wait_for_function(chosen, arg="flowers, 5")
    demo.keyboard.press("l")
    demo.locator(".clock").wait_for()
    assert find_faults(demo) == []
    demo.keyboard.press("l")
    demo.get_by_text("No way finished.").wait_for()
    demo.keyboard.press("?")
    demo.get_by_text("full screen").wait_for()
    assert find_faults(demo) == []
    longest = f"◆ It did not run: {'as if ' * 17} No way finished. r shows it."
    demo.locator(".demo-progress .widget-html-content").evaluate("(line, said) => line.innerText = said", longest)
    demo.keyboard.press("d")
    demo.locator(".demo-night").wait_for()
    assert find_faults(demo) == []


def test_the_map_is_driven_by_keyboard_alone(demo, find_serious):
    for key, words in (("ArrowRight", "herbarium, 5"), ("ArrowUp", "herbarium, 20"), ("ArrowLeft", "flowers, 20")):
        demo.keyboard.press(key)
        demo.wait_for_function("words => document.querySelector('.demo-question').innerText.includes(words)", arg=words)
    for key in "4416":
        demo.keyboard.press(key)
    demo.keyboard.press("Backspace")
    demo.get_by_text("3 so far").wait_for()
    assert "%" not in demo.locator(".demo-answer").inner_text()
    demo.keyboard.press("r")
    demo.get_by_text("Rule:").wait_for()
    advice = tlkit.load_map().recommend("flowers", 20)
    shown = demo.locator(".demo-page").inner_text()
    assert all(f"{advice.accuracy[way].mean:.1%}" in shown for way in CHOICES)
    assert "Room (grey): fine-tuning" in shown
    assert find_serious(demo) == []
    demo.keyboard.press("d")
    demo.locator(".demo-night").wait_for()
    assert find_serious(demo) == []
    height, width = demo.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert height <= 720 and width <= 1280, "nobody has to scroll in front of a class"


def test_two_keys_switch_the_world_and_the_network(demo):
    for key, words in (("n", "flowers, 5"), ("w", "Photos, squeezenet1_1"), ("n", "Photos, efficientnet_lite0")):
        demo.keyboard.press(key)
        demo.wait_for_function("words => document.querySelector('.demo-question').innerText.includes(words)", arg=words)
    assert "17 flowers of Britain" in _question(demo), "in the words of its card"
    for key, words in (("ArrowRight", "cifar10, 5"), ("ArrowUp", "cifar10, 20"), ("w", "Drawn pictures, minivgg")):
        demo.keyboard.press(key)
        demo.wait_for_function("words => document.querySelector('.demo-question').innerText.includes(words)", arg=words)


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
    demo.keyboard.press("4")
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


def test_the_benchmark_of_the_room_runs(tmp_path):
    command = [sys.executable, COURSE / "tests" / "benchmarks", "room", "--quick", "--runs", "1"]
    told = subprocess.run([*command, "--out", tmp_path / "bench.json"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    rows = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert len(rows) == 6 and all(row["value"] > 0 for row in rows)
    assert all(row["value"] < 150 for row in rows if row["unit"] == "MB"), "PyTorch alone takes more"
