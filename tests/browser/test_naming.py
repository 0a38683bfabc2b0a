"""A student clicks a flower and brings a photo of her own, on a desk and on a phone."""

import io
import json
import re

import pytest
from PIL import Image

from tools.badges import FOLDED, set_up

CELLS = ["split = tlkit.load_dataset('plates', 5)\ntlkit.name_photo(tlkit.linear_probe(split), own_photo=True)"]


@pytest.fixture(scope="module")
def address(lab, course_copy):
    cells = [(set_up(), FOLDED), *((source, {}) for source in CELLS)]
    made = [
        {
            "cell_type": "code",
            "id": f"c{k}",
            "source": source,
            "metadata": about,
            "outputs": [],
            "execution_count": None,
        }
        for k, (source, about) in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (course_copy / "lessons" / "naming.ipynb").write_text(json.dumps(notebook))
    return lab("naming.ipynb")


@pytest.fixture
def output(page, address, run_all):
    run_all(page, address)
    output = page.locator(".jp-NotebookPanel:visible .jp-OutputArea").last
    output.get_by_text("It says").wait_for(timeout=120_000)
    return output


def _photo():
    content = io.BytesIO()
    Image.new("RGB", (300, 200), (90, 120, 40)).save(content, "JPEG")
    return content.getvalue()


def _bring(page, output, name, content):
    with page.expect_file_chooser() as chooser:
        output.get_by_role("button", name="A photo of your own").click()
    chooser.value.set_files({"name": name, "mimeType": "image/jpeg", "buffer": content})


def test_a_click_names_a_picture_and_a_photo_of_ones_own_is_named(page, output):
    buttons = output.locator("button[class*=tlkit-picture-]")
    assert buttons.count() == 12
    backgrounds = {button.evaluate("b => getComputedStyle(b).backgroundImage") for button in buttons.all()}
    assert len(backgrounds) == 12 and all(face.startswith('url("data:image/') for face in backgrounds)
    shown = output.get_by_alt_text("the picture to be named")
    first = shown.get_attribute("src")
    output.get_by_role("button", name="picture 6", exact=True).click()
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(shown).not_to_have_attribute("src", first)
    expect(buttons.nth(5)).to_have_class(re.compile(r"\btlkit-chosen\b"))
    _bring(page, output, "a.jpg", _photo())
    output.get_by_text("It has no other names").wait_for()
    _bring(page, output, "notes.jpg", b"the red ones grow behind the house")
    output.get_by_text("notes.jpg cannot be read as a photo").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_read(page, output, theme):
    page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme.title()}'}})")
    page.locator(f"body[data-jp-theme-light='{str(theme == 'light').lower()}']").wait_for(state="attached")
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    page.set_viewport_size({"width": 400, "height": 900})
    namer = output.locator(".tlkit-namer")
    width = namer.evaluate("box => box.getBoundingClientRect().width")
    for inside in ("button[class*=tlkit-picture-]", ".tlkit-naming .bars", ".tlkit-naming figure"):
        for one in namer.locator(inside).all():
            left, right = one.evaluate("e => [e.getBoundingClientRect().left, e.getBoundingClientRect().right]")
            at = namer.evaluate("box => box.getBoundingClientRect().left")
            assert at <= left + 1 and right <= at + width + 1, f"{inside} is cut off"
    ink = page.locator(".tlkit-naming").evaluate("e => getComputedStyle(e).color")
    brightness = sum(int(part) for part in re.findall(r"\d+", ink)[:3])
    assert (brightness < 200) == (theme == "light"), ink
