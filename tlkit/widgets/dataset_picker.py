"""The choice that a whole lesson runs on."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from tlkit import checks
from tlkit.data.splits import Split, load_dataset
from tlkit.figures import galleries
from tlkit.language import said
from tlkit.study.decision import PER_CLASS
from tlkit.study.places import STOPS, card_of, quadrant
from tlkit.widgets.claims import Claims, claims
from tlkit.widgets.display import HTML
from tlkit.widgets.examples import pictures_of
from tlkit.widgets.place_controls import size_slider, target_buttons
from tlkit.widgets.redrawn import Panel
from tlkit.world.catalogue import OFFLINE_DATASETS

__all__ = ["dataset_picker"]


class DatasetPicker(Panel):
    """Which target, and how many images of each class: the choice that a whole lesson runs on.

    Attributes
    ----------
    dataset, per_class : the choice
    """

    def __init__(self, dataset: str, per_class: int, sizes: Sequence[int]):
        self._stops, self._sizes = target_buttons(STOPS, dataset), size_slider(per_class, sizes)
        self._default = (dataset, per_class)
        self._said = HTML()
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
        title, few = said(card_of(self.dataset)["title"]), "few" if size == "small" else "many"
        place = f"{self.per_class} images per class are {few}, and the target is different from what the network knows."
        if likeness == "similar":
            place = f"{self.per_class} images per class are {few}, and the target is similar to what the network knows."
        again = "" if self.is_default else f" {said('Now run the cells below again.')}"
        self._said.value = f"<b>{self.dataset}</b>: {title[0].lower() + title[1:]}. {said(place)}{again}"
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
