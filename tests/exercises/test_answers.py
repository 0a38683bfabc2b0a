"""The checks of every lesson with right, wrong, lazy and crashing answers.

The answers stand in the files beside this one: RIGHT from the name of an exercise to an answer, WRONG
with the words that must be said, LAZY the same for all exercises of a lesson.
"""

from importlib import import_module
from pathlib import Path

import pytest

import tlkit

LESSONS = [import_module(path.stem) for path in sorted(Path(__file__).parent.glob("test_lesson_*.py"))]
RIGHT = {name: answer for lesson in LESSONS for name, answer in lesson.RIGHT.items()}
LAZY = {name: lesson.LAZY for lesson in LESSONS for name in lesson.RIGHT}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_is_recognised(name):
    assert tlkit.check(name, RIGHT[name])


@pytest.mark.parametrize("name, answer, says", [case for lesson in LESSONS for case in lesson.WRONG])
def test_a_wrong_answer_is_told_what_is_wrong(name, answer, says):
    verdict = tlkit.check(name, answer)
    assert not verdict and says in verdict.said and verdict.hint


@pytest.mark.parametrize("name", RIGHT)
def test_a_lazy_or_crashing_answer_is_not_right(name):
    def crash(*_):
        raise KeyError("oops")

    for answer in (lambda *_: 0, *LAZY[name], crash, 7, "text"):
        assert not tlkit.check(name, answer)
    assert "KeyError" in tlkit.check(name, crash).said
    assert "Not filled in" in tlkit.check(name, lambda *_: None).said


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.__name__[-2:])
def test_every_exercise_has_answers(lesson):
    names = {found.name for found in tlkit.exercises.exercises_of(lesson.__name__[-2:])}
    assert set(lesson.RIGHT) == names == {name for name, _, _ in lesson.WRONG}
