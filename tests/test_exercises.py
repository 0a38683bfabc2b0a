"""The machinery of exercises, quizzes and progress; the examiners of each lesson are tested in ``exercises/``."""

import ast
import html
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from nbformat import from_dict

import tlkit
from tlkit import course, exercises
from tlkit.disk.cards import read_card
from tlkit.exercises import progress
from tlkit.exercises.quiz import Quiz
from tools import notebooks

_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef
NUMBERS = [path.stem[:2] for path in course.lessons()]


@pytest.fixture(autouse=True)
def progress_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("TLKIT_PROGRESS", str(tmp_path / "somewhere" / "done.json"))
    monkeypatch.setattr(exercises, "_asked", {})
    monkeypatch.setattr(exercises, "solved", set())


def right(grid):
    return grid.mean((2, 3))


def wrong(grid):
    return grid.sum((2, 3))


# Checks


def test_hints_come_one_at_a_time_and_the_last_one_stays():
    hints = exercises.EXERCISES["03.1"].hints if exercises.exercises_of("03") else ()
    last = f"{hints[-1]} That was the last hint; the solution is in the folder lessons/solutions."
    assert [tlkit.check("03.1", wrong).hint for _ in range(4)] == [*hints[:-1], last, last, last]
    assert tlkit.check("03.1", right).hint == ""
    assert tlkit.check("03.1", wrong).hint == hints[0], "solved once, the hints begin again"


@pytest.mark.parametrize("answer", [..., lambda grid: ..., lambda grid: None])
def test_what_is_not_filled_in_is_no_error_and_takes_no_hint(answer):
    verdict = tlkit.check("03.1", answer)
    assert not verdict and "Not filled in" in verdict.said and verdict.hint == ""
    assert tlkit.check("03.1", wrong).hint == exercises.EXERCISES["03.1"].hints[0]


def test_nothing_that_is_shown_as_text_has_the_marks_of_markdown():
    """Verdicts, hints and quizzes are text: a backtick would stay one."""
    shown = {"not filled in": exercises._NOT_YET}
    for path in sorted(Path(exercises.__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, _DOCUMENTED)}
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} - told
        shown |= {f"{path.name}: {text}": text for text in texts if isinstance(text, str)}
    for path in sorted(Path(exercises.__file__).parent.glob("quiz_*.toml")):
        shown[path.name] = path.read_text(encoding="utf-8")
    assert len(shown) > 500 and not [name for name, text in shown.items() if "`" in text]


def test_an_unknown_exercise_is_refused():
    for name in ("03.9", "99.1", "nonsense"):
        with pytest.raises(ValueError, match="exercise"):
            tlkit.check(name, right)


def test_a_verdict_speaks_in_words_and_in_html_and_what_students_write_cannot_break_the_page():
    def crash(grid):
        raise ValueError("<script>alert(1)</script>\nsecond line")

    verdict = tlkit.check("03.1", crash)
    assert "ValueError" in repr(verdict) and "second line" not in verdict.said and "Hint" in repr(verdict)
    assert "<script>" not in verdict._repr_html_() and "&lt;script&gt;" in verdict._repr_html_()


def test_an_error_of_the_students_own_is_not_taken_for_dots():
    def crash(grid):
        raise NotImplementedError("later")

    verdict = tlkit.check("03.1", crash)
    assert "NotImplementedError: later" in verdict.said and verdict.hint


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize("error, name", [(Speechless(), "Speechless"), (SystemExit(3), "SystemExit")])
def test_no_error_escapes(error, name):
    def crash(grid):
        raise error

    verdict = tlkit.check("03.1", crash)
    assert not verdict and f"It stopped with {name}" in verdict.said


@pytest.mark.parametrize("given", [True, np.True_, np.array(True), torch.tensor(True)])
def test_a_bool_of_any_kind_is_one(given):
    assert exercises.as_bool(given) is True


@pytest.mark.parametrize("given", [1, "True", None, torch.tensor(1), np.array([True]), torch.tensor([True, False])])
def test_what_is_no_bool_is_refused(given):
    with pytest.raises(exercises.Wrong, match="True or False"):
        exercises.as_bool(given)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.int64])
def test_tensors_of_any_kind_are_numbers(kind):
    given = torch.tensor([1, 2], dtype=kind)
    assert exercises.as_array(given, (2,)).tolist() == [1, 2]


def test_the_line_that_failed_is_named_in_a_notebook(tmp_path):
    cell = 'import tlkit\ndef f(grid):\n    half = grid / 2\n    return half[99]\n\ntlkit.check("03.1", f)'
    cells = [{"cell_type": "code", "id": "a", "metadata": {}, "source": cell, "outputs": [], "execution_count": None}]
    made = from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    NotebookClient(made, kernel_name="python3").execute()
    said = made.cells[0].outputs[-1]["data"]["text/plain"]
    assert "IndexError" in said and "line 4 of your cell: return half[99]" in said


# Progress


def test_what_is_solved_is_remembered_and_nothing_else():
    assert progress.done() == set()
    tlkit.check("03.1", wrong)
    assert progress.done() == set()
    tlkit.check("03.1", right)
    assert progress.done() == {"03.1"} == exercises.solved
    assert "03  ● ○" in repr(tlkit.show_progress())
    progress.progress_file().unlink()
    assert progress.done() == set(), "deleting the file begins again"


@pytest.mark.parametrize(
    "content",
    ["", " \n", "{", "[1, 2", '{"a": 1}', '{"crc32": "00000000", "done": {}}', '{"done": {"03.2": nul}}', "\xff"],
)
def test_a_damaged_progress_file_is_set_aside_and_named_never_overwritten(content):
    path = progress.progress_file()
    path.parent.mkdir()
    path.write_bytes(content.encode("latin-1"))
    assert progress.done() == set()
    with pytest.warns(
        UserWarning, match="Your progress file .* is (empty|damaged|no progress file).* It is kept as done-damaged-"
    ):
        progress.note("03.1")
    (aside,) = path.parent.glob("done-damaged-*.json")
    assert progress.done() == {"03.1"} and aside.read_bytes() == content.encode("latin-1")


def test_a_progress_file_without_names_begins_anew(recwarn):
    path = progress.progress_file()
    path.parent.mkdir()
    path.write_text("[3, null]")
    progress.note("03.1")
    assert progress.done() == {"03.1"} and not recwarn.list and not list(path.parent.glob("*damaged*"))


def test_progress_that_can_not_be_kept_fails_no_exercise(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TLKIT_PROGRESS", str(tmp_path / "file" / "done.json"))
    with pytest.warns(UserWarning, match="Could not remember"):
        assert tlkit.check("03.1", right)


def test_the_progress_page_lists_every_lesson():
    page = tlkit.show_progress()._repr_html_()
    for path in course.lessons():
        assert f'href="{path.name}"' in page
    assert page.count("<tr>") == len(NUMBERS) + 1 and tlkit.show_progress().share == 0


# Quizzes


@pytest.mark.parametrize("lesson", NUMBERS)
def test_a_quiz_has_one_right_option_a_question_and_a_reason_for_each(lesson):
    questions = read_card(course.COURSE / "tlkit" / "exercises" / f"quiz_{lesson}.toml")["question"]
    assert 2 <= len(questions) <= 5
    for question in questions:
        assert sum(option.get("right", False) for option in question["option"]) == 1, question["asks"]
        assert len(question["option"]) >= 2 and all(option["because"] for option in question["option"])
        says = [option["says"] for option in question["option"]]
        assert len(set(says)) == len(says) and max(map(len, says)) <= 110, "an option fits on a line"


def test_a_quiz_explains_at_once_and_is_done_when_all_is_right():
    quiz = Quiz("03")
    for number, question in enumerate(quiz.questions, start=1):
        for option in sorted(question["option"], key=lambda option: option.get("right", False)):
            assert progress.done() == set()
            said = quiz.choose(number, option["says"])
            assert ("✓" in said) == option.get("right", False) and option["because"][:20] in html.unescape(said)
    assert progress.done() == {"03.quiz"} and "rightly" in quiz._sum.value


def test_a_quiz_answered_wrongly_in_the_end_is_not_done():
    quiz = Quiz("03")
    quiz.choose(1, next(o["says"] for o in quiz.questions[0]["option"] if o.get("right")))
    quiz.choose(1, next(o["says"] for o in quiz.questions[0]["option"] if not o.get("right")))
    assert quiz.right == set() and progress.done() == set()


def test_an_unknown_quiz_or_option_is_refused():
    with pytest.raises(ValueError, match="quiz"):
        Quiz("77")
    with pytest.raises(ValueError, match="option"):
        Quiz("03").choose(1, "something else")


# Students' notebooks


def test_every_lesson_agrees_with_its_solutions(capsys):
    notebooks.exercises(check=True)
    assert "agrees" in capsys.readouterr().out
    solved = {path.stem for path in notebooks.SOLUTIONS.glob("*.ipynb")}
    assert solved == {path.stem for path in course.lessons()}


@pytest.mark.parametrize("path", sorted(notebooks.SOLUTIONS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_solutions_ask_what_is_examined_and_keep_no_outputs(path):
    cells = course.read_notebook(path)["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    number = path.stem[:2]
    names = [found.name for found in exercises.exercises_of(number)]
    assert 2 <= len(names) <= 4
    assert all(f'tlkit.check("{name}"' in source and found.hints for name, found in zip(names, map(_of, names)))
    assert cells[-1]["id"] == "solved" and all(f'"{name}"' in "".join(cells[-1]["source"]) for name in names)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)


def _of(name):
    return exercises.EXERCISES[name]


def test_dots_take_the_place_of_a_solution():
    cell = "def f(x):\n    y = 1\n    ### BEGIN SOLUTION\n    z = y\n    return z\n    ### END SOLUTION\n\n\ncheck(f)"
    assert notebooks.without_solution(cell) == "def f(x):\n    y = 1\n    ...\n\n\ncheck(f)"
    value = "answer = (\n    ### BEGIN SOLUTION\n    3\n    ### END SOLUTION\n)"
    assert notebooks.without_solution(value) == "answer = (\n    ...\n)"


@pytest.mark.parametrize(
    "cell",
    [
        "f = 1",
        "### BEGIN SOLUTION\nf = 1",
        "### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
    ],
)
def test_marks_without_a_partner_are_refused(cell):
    with pytest.raises(ValueError, match="SOLUTION"):
        notebooks.without_solution(cell)


def test_a_changed_lesson_is_noticed_and_made_again(tmp_path, monkeypatch, capsys):
    lessons = tmp_path / "lessons"
    shutil.copytree(notebooks.SOLUTIONS, lessons / "solutions")
    for path in course.lessons():
        shutil.copy(path, lessons)
    monkeypatch.setattr(notebooks, "SOLUTIONS", lessons / "solutions")
    path = next(lessons.glob("03_*.ipynb"))
    original = path.read_text(encoding="utf-8")
    notebook = json.loads(original)
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "exercise-1")
    cell["source"] = ["print('mine')"]
    notebooks.write_notebook(path, notebook)
    with pytest.raises(ValueError, match="03_.*make exercises"):
        notebooks.exercises(check=True)
    notebooks.exercises()
    assert path.read_text(encoding="utf-8") == original
