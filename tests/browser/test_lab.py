"""A student in JupyterLab: opens lesson 07, runs all cells, moves the controls, votes, trains, answers."""

import re

import pytest

from tlkit.course import read_notebook
from tlkit.exercises.quiz import Quiz

LESSON = "07_when_and_how.ipynb"


@pytest.fixture(scope="module")
def address(lab):
    return lab(LESSON)


@pytest.fixture
def cell(page, course_copy):
    """A cell of the open notebook by its id."""
    ids = [cell["id"] for cell in read_notebook(course_copy / "lessons" / LESSON)["cells"]]
    return lambda name: page.locator(".jp-Notebook .jp-Cell").nth(ids.index(name))


def _alt(cell):  # of the figure: the strip of examples comes before it
    return cell.locator(".jp-OutputArea img").last.get_attribute("alt")


def _wait_for_another_picture(page, cell, before):
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(cell.locator(".jp-OutputArea img").last).not_to_have_attribute("alt", before, timeout=120_000)
    return _alt(cell)


def _write_and_run(page, cell, source):
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")


def test_a_student_works_through_a_lesson(page, address, cell, figures_are, run_all):
    run_all(page, address)
    cell("quiz").locator(".widget-radio-box").first.wait_for(timeout=300_000)
    assert page.get_by_text("Jupyter news").count() == 0, "the first thing to see is the lesson"
    assert page.locator(".progress:visible").count() == 0, "what is finished has gone"
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0

    # The decision map: similarity, size, a vote, the reveal.
    panel = cell("panel")
    panel.scroll_into_view_if_needed()
    first = _alt(panel)
    panel.get_by_role("button", name="tissue").click()
    second = _wait_for_another_picture(page, panel, first)
    assert "tissue" in second and "tissue" not in first
    panel.locator(".widget-slider .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    third = _wait_for_another_picture(page, panel, second)
    assert re.search(r"\b20\b", third)
    panel.get_by_label("earlier stage", exact=True).fill("7")
    page.keyboard.press("Tab")
    voted = _wait_for_another_picture(page, panel, third)
    assert "Hands up: 7 for earlier stage." in voted and "Measured" not in panel.inner_text()
    panel.get_by_role("button", name="show what was measured").click()
    panel.get_by_text("Measured").first.wait_for()
    for image in panel.locator(".jp-OutputArea img").all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0, "a picture that shows"

    # A run of one's own, interrupted.
    panel.get_by_role("button", name="run it now").click()
    panel.get_by_text(re.compile(r"Epoch \d+")).first.wait_for()
    panel.get_by_role("button", name="stop").click()
    panel.get_by_text(re.compile("Stopped after epoch .* as asked")).first.wait_for()

    # An exercise, wrongly and rightly.
    exercise = cell("exercise-1")
    assert "Not filled in yet" in exercise.inner_text()
    _write_and_run(page, exercise, 'tlkit.check("03.1", lambda grid: grid.sum((2, 3)))')
    exercise.get_by_text("Hint:").wait_for()
    assert "not the averages" in exercise.inner_text()
    _write_and_run(page, exercise, 'tlkit.check("03.1", lambda grid: grid.mean((2, 3)))')
    exercise.get_by_text("How much of each thing there is").wait_for()

    # The quiz: every option of the first question is explained at once.
    quiz, question = cell("quiz"), Quiz("07").questions[0]
    for option in question["option"]:
        quiz.get_by_text(option["says"], exact=True).first.click()
        quiz.get_by_text(option["because"][:40]).wait_for()
        assert ("✓ Yes." in quiz.inner_text()) == option.get("right", False)

    # Figures follow the theme, those of widgets and those of cells.
    for theme in ("light", "dark"):
        page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme.title()}'}})")
        page.locator(f"body[data-jp-theme-light='{str(theme == 'light').lower()}']").wait_for(state="attached")
        figures_are(page, theme)
