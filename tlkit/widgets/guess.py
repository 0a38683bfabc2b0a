"""A guess, stated before the experiment runs.

It is layout over a function that also works alone. Where no front end answers (a static page, a terminal), the
question is shown instead.
"""

import html
from collections.abc import Sequence

import ipywidgets

from tlkit import checks
from tlkit.language import said
from tlkit.widgets.display import HTML, WRAPPED, show_widget

__all__ = ["Guess"]


class Guess:
    """A guess, stated before the experiment runs.

    In a notebook it shows radio buttons. Where no front end answers (a static page, a terminal) it
    shows the question and its options as text; ``guess.choose("...")`` does the same as a click.

    Parameters
    ----------
    question : str
    options : sequence of str, at least two
    """

    def __init__(self, question: str, options: Sequence[str]):
        checks.text(question=question)
        self.question, self.options = question, checks.texts("options", options, fewest=2)
        self._buttons = ipywidgets.RadioButtons(
            options=[(said(option), option) for option in self.options], value=None, layout={"width": "auto"}
        )
        self._said = HTML("<i>No guess yet.</i>")
        self._buttons.observe(self._on_choice, "value")
        heading = HTML(f"<b>{html.escape(said(question))}</b>")
        self._box = ipywidgets.VBox([HTML(WRAPPED), heading, self._buttons, self._said])
        self._box.add_class("tlkit-wrapped")

    @property
    def value(self) -> str | None:
        """The option that was chosen, or None."""
        return self._buttons.value

    def choose(self, option: str) -> None:
        """Choose an option without a mouse."""
        self._buttons.value = checks.choose("option", option, self.options)

    def _on_choice(self, change: dict) -> None:
        self._said.value = f"Noted: <b>{html.escape(change['new'])}</b>. Now run the next cell."

    def compare(self, truth: str) -> None:
        """Print the guess, if there was one, beside the option that turned out to be right."""
        checks.choose("option", truth, self.options)
        if self.value is None:
            print(said(f"Measured: {truth}."))  # on a static page nobody could guess
        elif self.value == truth:
            print(said(f"You guessed: {self.value}. So it is."))
        else:
            print(said(f"You guessed: {self.value}. Measured: {truth}. What made you expect that?"))

    def _ipython_display_(self) -> None:
        plain = f"{said(self.question)}\n" + "\n".join(f"  ( ) {said(option)}" for option in self.options)
        items = "".join(f"<li>{html.escape(said(option))}</li>" for option in self.options)
        show_widget(self._box, f"<p><b>{html.escape(said(self.question))}</b></p><ul>{items}</ul>", plain)
