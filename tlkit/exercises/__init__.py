"""Exercises that check themselves.

``check("03.1", answer)`` examines an answer and says what is wrong, with one hint at a time. The
examiners live beside this file, one module for each lesson; the solutions in ``lessons/solutions``.
"""

import html
import importlib
import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlkit import checks
from tlkit.exercises import progress
from tlkit.language import said

__all__ = ["Verdict", "Wrong", "check"]


class Wrong(Exception):
    """What is wrong with an answer, in words for a student."""


class _NotFilledIn(Exception):
    """The dots are still there. An error of its own, since a student's code may raise any other."""


@dataclass(frozen=True)
class Verdict:
    """What a check found; true where the exercise is solved."""

    name: str
    solved: bool
    said: str
    hint: str = ""

    def __bool__(self) -> bool:
        return self.solved

    def __repr__(self) -> str:
        hint = f"\n  {said('Hint:')} {said(self.hint)}" if self.hint else ""
        return f"{self._mark} {said('Exercise')} {self.name}: {said(self.said)}{hint}"

    @property
    def _mark(self) -> str:
        return "✓" if self.solved else "…" if self.said.startswith("Not filled in") else "✗"

    def _repr_html_(self) -> str:
        colour = {"✓": "#009E73", "…": "#808080", "✗": "#D55E00"}[self._mark]
        words = html.escape(said(self.said)).replace("\n", "<br>")
        hint = f"<i>{said('Hint:')}</i> {html.escape(said(self.hint))}" if self.hint else ""
        below = f'<div style="margin-top:.4em">{hint}</div>' if hint else ""
        return (
            f'<div role="status" style="border-left:5px solid {colour};padding:.4em .8em;max-width:46em">'
            f"<b>{self._mark} {said('Exercise')} {self.name}.</b> {words}{below}</div>"
        )


@dataclass(frozen=True)
class Exercise:
    """One exercise: its examiner raises ``Wrong``, or returns what to say about a right answer."""

    name: str
    title: str
    hints: Sequence[str]
    examine: Callable[[object], str]


EXERCISES: dict[str, Exercise] = {}
solved: set[str] = set()  # in this kernel
_asked: dict[str, int] = {}  # how many hints of an exercise were given in this kernel


def exercise(name: str, title: str, *hints: str) -> Callable[[Callable[[object], str]], Callable[[object], str]]:
    """Register an examiner under the lesson and number of its exercise, ``"03.1"``."""

    def register(examine: Callable[[object], str]) -> Callable[[object], str]:
        EXERCISES[name] = Exercise(name, title, hints, examine)
        return examine

    return register


def exercises_of(lesson: str) -> list[Exercise]:
    """The exercises of a lesson, in order; none for a lesson without."""
    if not (Path(__file__).parent / f"lesson_{lesson}.py").exists():
        return []
    importlib.import_module(f"tlkit.exercises.lesson_{lesson}")
    return [EXERCISES[name] for name in sorted(EXERCISES) if name.startswith(f"{lesson}.")]


def check(name: str, answer: object) -> Verdict:
    """Examine an answer: a function of yours, or a value.

    An answer that is not filled in is no error, so that a notebook runs to its end. A wrong answer
    gets the first hint; the next wrong one gets the next. Nothing that an answer does can fail the
    check itself. What is solved is remembered in a small file on this machine.

    Parameters
    ----------
    name : str
        Lesson and number, as ``"03.1"``.
    answer : object
        What the exercise asks for.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    lessons = sorted(path.stem.removeprefix("lesson_") for path in Path(__file__).parent.glob("lesson_*.py"))
    asked_in = [lesson for lesson in lessons if str(name).startswith(f"{lesson}.")] or lessons
    known = [found.name for lesson in asked_in for found in exercises_of(lesson)]
    asked = EXERCISES[checks.choose("exercise", name, known)]
    verdict = _examine(asked, answer)
    if verdict.solved:
        solved.add(name)
        progress.note(name)
        _asked.pop(name, None)
    elif verdict._mark == "✗":
        given = min(_asked.get(name, 0), len(asked.hints) - 1)
        _asked[name] = given + 1
        if given >= 0:
            verdict = replace(verdict, hint=_hint(asked, given))
    return verdict


def _hint(asked: Exercise, given: int) -> str:
    last = "That was the last hint; the solution is in the folder lessons/solutions."
    return f"{said(asked.hints[given])} {said(last)}" if given == len(asked.hints) - 1 else asked.hints[given]


def _examine(asked: Exercise, answer: object) -> Verdict:
    if answer is ...:
        return Verdict(asked.name, False, _NOT_YET)
    try:
        return Verdict(asked.name, True, asked.examine(answer))
    except Wrong as wrong:
        return Verdict(asked.name, False, str(wrong))
    except _NotFilledIn:
        return Verdict(asked.name, False, _NOT_YET)
    except (Exception, SystemExit) as error:  # whatever it is, the student is told, and the notebook goes on
        return Verdict(asked.name, False, _in_words(error))


_NOT_YET = (
    "Not filled in yet: nothing came back. Replace the dots, and run this cell again. "
    "If you did: a line with “return” is missing, or was never reached."
)


def _in_words(error: BaseException) -> str:
    """Which error, and the last line of the student's own code on the way to it."""
    try:
        first_line = str(error).partition("\n")[0]
    except Exception:  # an error class of the student's may fail even at this
        first_line = ""
    said = f"It stopped with {type(error).__name__}: {first_line or 'no message'}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_students(frame.filename)]
    return f"{said}\nin line {own[-1].lineno} of your cell: {own[-1].line}" if own and own[-1].line else said


def _is_students(filename: str) -> bool:
    return "ipykernel_" in filename or filename.startswith("<ipython-input")


def call(answer: object, *arguments: object, **named: object) -> object:
    """Call a student's function; one that returns nothing is not filled in, or forgot to return."""
    if not callable(answer):
        raise Wrong(f"This should be a function, but it is a {type(answer).__name__}.")
    given = answer(*arguments, **named)
    if given is None or given is ...:
        raise _NotFilledIn
    return given


def _is_tensor(given: object) -> bool:
    torch = sys.modules.get("torch")  # where it was never loaded, nothing is a tensor
    return torch is not None and isinstance(given, torch.Tensor)


def as_array(given: object, shape: tuple[int, ...], meaning: str = "") -> np.ndarray:
    """A tensor, an array or nested lists as a float array; another shape than expected is what is wrong."""
    try:
        array = np.asarray(given.detach().cpu().double() if _is_tensor(given) else given, dtype=float)
    except (TypeError, ValueError) as error:
        raise Wrong(f"Numbers were expected, but a {type(given).__name__} came back.") from error
    if array.shape != shape:
        if meaning:
            raise Wrong(f"The shape should be {shape}, {meaning}, but it is {array.shape}.")
        raise Wrong(f"The shape should be {shape}, but it is {array.shape}.")
    return array


def as_bool(given: object) -> bool:
    """True or False, also as numpy or torch say it; of anything else that is what is wrong."""
    if (isinstance(given, np.ndarray) or _is_tensor(given)) and given.ndim == 0:
        given = given.item()
    if not isinstance(given, (bool, np.bool_)):
        raise Wrong(f"True or False was expected, but a {type(given).__name__} came back.")
    return bool(given)


def names_in(given: object) -> set[str]:
    """A collection of names, as a set; of anything else that is what is wrong."""
    if isinstance(given, str) or not isinstance(given, Collection) or not all(isinstance(each, str) for each in given):
        raise Wrong(f"A list of names was expected, but a {type(given).__name__} came back: {str(given)[:80]}")
    return set(given)
