"""Controls for the lessons, plain ipywidgets that work on 7.7 and on 8.

Each is layout over functions that also work alone. Where no front end answers (a static page, a
terminal), it shows its first picture or its question instead.
"""

import html
from collections.abc import Mapping, Sequence

import ipywidgets
from matplotlib.axes import Axes

from tlkit import checks
from tlkit.data.splits import Split, load_dataset
from tlkit.figures import galleries, style
from tlkit.study.decision import PER_CLASS
from tlkit.study.places import STOPS, card_of, quadrant
from tlkit.widgets.claims import Claims, claims
from tlkit.widgets.display import WRAPPED, show_widget
from tlkit.widgets.examples import pictures_of
from tlkit.widgets.place_controls import size_slider, target_buttons
from tlkit.world.catalogue import OFFLINE_DATASETS

__all__ = ["Guess", "dataset_picker"]


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
        self._buttons = ipywidgets.RadioButtons(options=self.options, value=None, layout={"width": "auto"})
        self._said = ipywidgets.HTML("<i>No guess yet.</i>")
        self._buttons.observe(self._on_choice, "value")
        heading = ipywidgets.HTML(f"<b>{html.escape(question)}</b>")
        self._box = ipywidgets.VBox([ipywidgets.HTML(WRAPPED), heading, self._buttons, self._said])
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
            print(f"Measured: {truth}.")  # on a static page nobody could guess
        elif self.value == truth:
            print(f"You guessed: {self.value}. So it is.")
        else:
            print(f"You guessed: {self.value}. Measured: {truth}. What made you expect that?")

    def _ipython_display_(self) -> None:
        plain = f"{self.question}\n" + "\n".join(f"  ( ) {option}" for option in self.options)
        items = "".join(f"<li>{html.escape(option)}</li>" for option in self.options)
        show_widget(self._box, f"<p><b>{html.escape(self.question)}</b></p><ul>{items}</ul>", plain)


class Panel:
    """Controls above a picture that is drawn again when a control moves.

    A subclass makes its controls, passes them to ``_open`` and says in ``_figure`` what to draw
    from their values.
    """

    def _open(self, rows: Sequence[Sequence[ipywidgets.Widget]], redraw_on: Sequence[ipywidgets.Widget], height: int):
        """Lay the controls out in rows, draw the first picture, and listen."""
        # At least this high, so that the page does not jump while a picture is replaced.
        self._picture = ipywidgets.HTML(layout={"min_height": f"{height}px", "overflow": "auto"})
        lines = [ipywidgets.HBox(list(row), layout={"flex_flow": "row wrap", "align_items": "center"}) for row in rows]
        self._box = ipywidgets.VBox([*lines, self._picture])
        for control in redraw_on:
            control.observe(self._draw, "value")
        self._draw()

    def _figure(self) -> Axes:
        raise NotImplementedError

    def _draw(self, change: dict | None = None) -> None:
        figure = self._figure()
        self._alt = figure.figure.alt_text
        self._still = style.as_html(figure)
        # Narrower than this its words cannot be read: on a phone it scrolls.
        self._picture.value = f'<div style="min-width:620px">{self._still}</div>'

    def _ipython_display_(self) -> None:
        show_widget(self._box, self._still, self._alt)


class DatasetPicker(Panel):
    """Which target, and how many images of each class: the choice that a whole lesson runs on.

    Attributes
    ----------
    dataset, per_class : the choice
    """

    def __init__(self, dataset: str, per_class: int, sizes: Sequence[int]):
        self._stops, self._sizes = target_buttons(STOPS, dataset), size_slider(per_class, sizes)
        self._default = (dataset, per_class)
        self._said = ipywidgets.HTML()
        self._open([[self._stops, self._sizes], [self._said]], [self._stops, self._sizes], height=110)

    @property
    def dataset(self) -> str:
        return self._stops.value

    @property
    def per_class(self) -> int:
        return self._sizes.value

    @property
    def is_default(self) -> bool:
        """Whether this is the choice that the lesson was written for."""
        return (self.dataset, self.per_class) == self._default

    def choose(self, dataset: str | None = None, per_class: int | None = None) -> None:
        """Choose without a mouse."""
        if dataset is not None:
            self._stops.value = checks.choose("target dataset", dataset, STOPS)
        if per_class is not None:
            self._sizes.value = size_slider(per_class, [size for _, size in self._sizes.options]).value

    def load(self, seed: int = 0, per_class: int | None = None) -> Split:
        """Draw the chosen dataset with the chosen size (or another)."""
        return load_dataset(self.dataset, per_class or self.per_class, seed)

    def claims(self, held: Mapping[str, bool]) -> Claims:
        """What the lesson says. On its own default it must hold; on another choice it is only reported.

        Parameters
        ----------
        held : statement -> whether it holds, as for ``tlkit.claims``

        Raises
        ------
        AssertionError
            If one does not hold where the lesson says that it does.
        """
        return claims(held) if self.is_default else Claims(held)

    def _figure(self) -> Axes:
        size, likeness = quadrant(self.dataset, self.per_class)
        title, again = card_of(self.dataset)["title"], "" if self.is_default else " Now run the cells below again."
        self._said.value = (
            f"<b>{self.dataset}</b>: {title[0].lower() + title[1:]}. {self.per_class} images per class are "
            f"{'few' if size == 'small' else 'many'}, and the target is {likeness} "
            f"{'to' if likeness == 'similar' else 'from'} what the network knows.{again}"
        )
        return galleries.plot_pictures(pictures_of(self.dataset, 12), [self.dataset])


def dataset_picker(dataset: str = "flowers", per_class: int = 20, sizes: Sequence[int] = PER_CLASS) -> DatasetPicker:
    """Let the reader choose the target that a lesson runs on.

    Parameters
    ----------
    dataset, per_class : what the lesson was written for
    sizes : the images per class to choose from

    Returns
    -------
    DatasetPicker
        With ``load(seed)``, and ``claims(held)`` for what the lesson says.
    """
    most = min(OFFLINE_DATASETS[stop].largest for stop in STOPS)
    sizes = [checks.count("sizes", size, 1, most) for size in checks.several("sizes", sizes, "whole numbers")]
    return DatasetPicker(dataset, per_class, sizes)
