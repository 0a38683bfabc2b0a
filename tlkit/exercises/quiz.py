"""A short quiz at the end of a lesson: radio buttons, and at once an explanation of what was chosen.

Of plain ipywidgets, which the course has anyway: jupyterquiz is one more package, and puts JavaScript into the page,
which does not run where a notebook is not trusted. Here the tests can answer as a student does.
"""

import html
from functools import partial
from pathlib import Path

import ipywidgets

from tlkit import checks
from tlkit.disk.cards import read_card
from tlkit.exercises import progress
from tlkit.language import said
from tlkit.widgets.display import HTML, WRAPPED, show_widget

__all__ = ["Quiz"]

_QUIZZES = Path(__file__).parent


class Quiz:
    """The questions of a lesson. In a notebook they are radio buttons, elsewhere a list.

    When every question is answered rightly, this is remembered in the progress file.

    Parameters
    ----------
    lesson : str
        Its number, ``"03"``.

    Raises
    ------
    ValueError
        If the lesson has no quiz.
    """

    def __init__(self, lesson: str):
        known = sorted(path.stem[-2:] for path in _QUIZZES.glob("quiz_*.toml"))
        self.lesson = checks.choose("quiz", lesson, known)
        self.questions = read_card(_QUIZZES / f"quiz_{lesson}.toml")["question"]
        self.right: set[int] = set()
        self.buttons, self.said, parts = [], [], []
        for number, question in enumerate(self.questions):
            options = [option["says"] for option in question["option"]]
            buttons = ipywidgets.RadioButtons(
                options=[(said(option), option) for option in options], value=None, layout={"width": "auto"}
            )
            buttons.observe(partial(self._on_choice, number), "value")
            self.buttons.append(buttons)
            self.said.append(HTML())
            heading = HTML(f"<b>{number + 1}. {html.escape(said(question['asks']))}</b>")
            parts += [heading, buttons, self.said[-1]]
        self._sum = HTML()
        self._box = ipywidgets.VBox([HTML(WRAPPED), *parts, self._sum])
        self._box.add_class("tlkit-wrapped")

    def choose(self, number: int, option: str) -> str:
        """Choose an option of question ``number`` (from 1 on) without a mouse; returns what is said to it."""
        checks.count("number", number, 1, len(self.questions))
        options = [known["says"] for known in self.questions[number - 1]["option"]]
        self.buttons[number - 1].value = checks.choose("option", option, options)
        return self.said[number - 1].value

    def _on_choice(self, number: int, change: dict) -> None:
        option = next(known for known in self.questions[number]["option"] if known["says"] == change["new"])
        is_right = option.get("right", False)
        (self.right.add if is_right else self.right.discard)(number)
        mark, colour = ("✓ Yes.", "#009E73") if is_right else ("✗ No.", "#D55E00")  # beside the words: on any ground
        because = html.escape(said(option["because"]))
        self.said[number].value = (
            f'<div role="status" style="border-left:5px solid {colour};padding:.1em .8em;max-width:46em;'
            f'line-height:1.4;margin-bottom:.8em"><b>{said(mark)}</b> {because}</div>'
        )
        done = len(self.right) == len(self.questions)
        self._sum.value = "<b>All answered rightly.</b>" if done else ""
        if done:
            progress.note(f"{self.lesson}.quiz")

    def _ipython_display_(self) -> None:
        plain, items = [], []
        for number, question in enumerate(self.questions, start=1):
            options = [option["says"] for option in question["option"]]
            plain += [f"{number}. {said(question['asks'])}", *(f"   ( ) {said(option)}" for option in options)]
            listed = "".join(f"<li>{html.escape(option)}</li>" for option in options)
            items.append(f"<p><b>{number}. {html.escape(said(question['asks']))}</b></p><ul>{listed}</ul>")
        show_widget(self._box, "".join(items), "\n".join(plain))
