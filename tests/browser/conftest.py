"""A real browser for the tests in this folder: the system's, or the one that ``TLKIT_BROWSER`` names.

Where there is none, or no Playwright, the tests are skipped and say why. A failed test leaves its
screenshot in ``tests/browser/failures``.
"""

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlkit.course import COURSE

FAILURES = Path(__file__).parent / "failures"
TOKEN = "a-token-for-the-tests"
SETTINGS = {"@jupyterlab/notebook-extension/tracker.jupyterlab-settings": '{"windowingMode": "none"}'}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="no Playwright: make test-browser installs it")
    path = os.environ.get("TLKIT_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no Chromium or Chrome on this machine; TLKIT_BROWSER may name one")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, request):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)  # a busy machine is no bug
    yield page
    if request.node.stash.get(FAILED, False):
        FAILURES.mkdir(exist_ok=True)
        page.screenshot(path=FAILURES / f"{request.node.name}.png")
    page.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or outcome.get_result().failed


@pytest.fixture(scope="session")
def course_copy(tmp_path_factory):
    """A copy of the lessons, because JupyterLab saves what it opens."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(COURSE / "lessons", folder / "lessons")
    return folder


@pytest.fixture(scope="module")
def free_port():
    return _free_port()


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Start a server of Jupyter's in a process of its own, and wait until it answers."""
    running = []

    def start(*arguments, port, **more):
        log = tmp_path_factory.mktemp("server") / "log.txt"
        home = tmp_path_factory.mktemp("jupyter")
        environment = os.environ | {"JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home)} | more
        with open(log, "w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments], stdout=file, stderr=subprocess.STDOUT, env=environment
            )
        running.append(process)
        for _ in range(240):
            assert process.poll() is None, log.read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/static/nothing", timeout=5):
                    return f"http://127.0.0.1:{port}"
            except urllib.error.HTTPError:  # it refuses, so it is there
                return f"http://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.5)
        raise AssertionError(f"The server does not answer.\n{log.read_text()}")

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(20)


@pytest.fixture(scope="session")
def lab(serve, course_copy, browser):
    """A JupyterLab over the copy of the lessons, as `make lab` opens it: from a notebook's name to its address."""
    settings, home = course_copy / "settings", course_copy / "jupyter"
    for name, content in SETTINGS.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / name).write_text(content)
    (plugin,) = re.findall(r"^NEWS := (\S+)$", (COURSE / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    command = [sys.executable, "-m", "jupyter", "labextension", "disable", "--level=user", plugin]
    subprocess.run(command, check=True, env=os.environ | {"JUPYTER_CONFIG_DIR": str(home)})
    port = _free_port()
    options = {
        "port": port,
        "IdentityProvider.token": TOKEN,
        "ServerApp.root_dir": course_copy / "lessons",
        "ServerApp.port_retries": 0,
        "LabApp.user_settings_dir": settings,
        "LabApp.expose_app_in_browser": True,
    }
    said = [f"--{name}={value}" for name, value in options.items()]
    server = serve("jupyterlab", "--no-browser", "--allow-root", *said, port=port, JUPYTER_CONFIG_DIR=str(home))
    return lambda notebook: f"{server}/lab/tree/{notebook}?token={TOKEN}"


@pytest.fixture
def run_all():
    """Open a notebook in JupyterLab and run all its cells; what was open before opens again, in tabs behind it."""
    ready = """name => {
        const shown = window.jupyterapp?.shell.currentWidget;
        const idle = shown?.sessionContext?.session?.kernel?.status === 'idle';
        return idle && shown.context.path.endsWith(name) && shown.content.widgets.length > 0;
    }"""

    def run(page, address):
        page.goto(address)
        page.wait_for_function(ready, arg=address.partition("?")[0].rpartition("/")[2])
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")

    return run


@pytest.fixture(scope="session")
def figures_are():
    """Look at every figure and every sheet of photos, as it shows: is its paper light, or dark?"""

    def look(page, scheme):
        shown = page.locator("img.tlkit-figure:visible, .tlkit-sheet:visible").all()
        assert shown
        for figure in shown:
            figure.scroll_into_view_if_needed()
            with Image.open(io.BytesIO(figure.screenshot())) as picture:
                grey = np.asarray(picture.convert("L"))
            edge = np.concatenate([grey[3], grey[-4], grey[:, 3], grey[:, -4]])
            assert np.median(edge) > 240 if scheme == "light" else np.median(edge) < 30
            ink = grey.min() if scheme == "light" else grey.max()
            assert abs(int(ink) - int(np.median(edge))) > 150, "and its words stand out"

    return look


@pytest.fixture(scope="session")
def find_serious():
    """What axe-core finds on a page that is serious or critical: its rule and the elements."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe: make test-browser installs it")

    def find(page):
        found = axe.Axe().run(page).response["violations"]
        worst = [one for one in found if one["impact"] in ("serious", "critical")]
        return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in worst]

    return find


# What a person sees as one thing: a button, a picture, a bar, and each line of text that stands in none of these.
BOXES = """() => {
  const page = document.querySelector(".demo-page"), whole = "button, img, svg, .track:not(.scale), .clock", boxes = [];
  const add = (name, r) => r.width && r.height && boxes.push([name, r.left, r.top, r.right, r.bottom]);
  page.querySelectorAll(whole).forEach((e) => add(e.innerText || e.className || "picture", e.getBoundingClientRect()));
  const texts = document.createTreeWalker(page, NodeFilter.SHOW_TEXT), range = document.createRange();
  while (texts.nextNode()) {
    range.selectNodeContents(texts.currentNode);
    const parent = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
    const lines = text && !parent.closest(".track:not(.scale)") ? [...range.getClientRects()] : [];
    const button = parent.closest("button")?.getBoundingClientRect();
    if (!button) lines.forEach((line) => add(text, line));
    else if (lines.some((line) => line.left < button.left || line.right > button.right)) boxes.push(["cut: " + text]);
  }
  return boxes;
}"""
SLACK = 3  # pixels; the boxes of two lines of text may touch


@pytest.fixture(scope="session")
def find_faults():
    """Find what leaves the page of the map, is cut off, or lies over something else."""

    def find(page):
        boxes, size = page.evaluate(BOXES), page.viewport_size
        faults = [box[0] for box in boxes if len(box) == 1]
        boxes = [box for box in boxes if len(box) > 1]
        for name, left, top, right, bottom in boxes:
            if left < 0 or top < 0 or right > size["width"] or bottom > size["height"]:
                faults.append(f"outside: {name}")
        for (one, a, b, c, d), (other, e, f, g, h) in combinations(boxes, 2):
            if min(c, g) - max(a, e) > SLACK and min(d, h) - max(b, f) > SLACK:
                faults.append(f"{one} | {other}")
        assert len(boxes) > 30, "it looks at something"
        return faults

    return find
