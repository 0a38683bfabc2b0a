"""Controls that move a reader over the map: drawn or photos, which network, which target, how many images per class."""

from collections.abc import Callable, Sequence
from functools import partial

import ipywidgets

from tlkit import checks
from tlkit.language import said
from tlkit.study.decision import PER_CLASS
from tlkit.study.places import card_of
from tlkit.widgets.map_model import MapModel

__all__: list[str] = []


def target_buttons(targets: Sequence[str], dataset: str) -> ipywidgets.ToggleButtons:
    """Targets, from similar to very different."""
    checks.choose("target dataset", dataset, targets)
    return ipywidgets.ToggleButtons(
        options=list(targets),
        value=dataset,
        description=said("from similar to very different:"),
        tooltips=[said(card_of(name)["title"]) for name in targets],
        style={"button_width": "auto", "description_width": "initial"},
    )


def size_slider(per_class: int, sizes: Sequence[int] = PER_CLASS) -> ipywidgets.SelectionSlider:
    """Images per class, at the sizes that there are."""
    if checks.count("per_class", per_class, 1) not in sizes:
        raise ValueError(f"per_class must be one of {', '.join(map(str, sizes))}, but it is {per_class}.")
    return ipywidgets.SelectionSlider(
        options=[(str(size), size) for size in sizes],
        value=per_class,
        description=said("per class"),
        continuous_update=False,
        layout={"width": "300px"},
    )


class PlaceControls:
    """Four controls over one ``MapModel``.

    Parameters
    ----------
    model : MapModel
    moved : function without arguments, called after the model has moved
    sizes : the control of the images per class, in place of a slider
    """

    def __init__(self, model: MapModel, moved: Callable[[], None], sizes: ipywidgets.Widget | None = None):
        self._model, self._moved, self._showing = model, moved, False
        self.worlds = ipywidgets.ToggleButtons(style={"button_width": "auto"})
        self.networks = ipywidgets.Dropdown(description=said("network"), layout={"width": "270px"})
        self.stops = target_buttons(model.board.datasets, model.dataset)
        self.sizes = sizes or size_slider(model.per_class, model.sizes)
        self.show()
        names = {"world": self.worlds, "network": self.networks, "dataset": self.stops, "per_class": self.sizes}
        for name, control in names.items():
            control.observe(partial(self._on_move, name), "value")

    @property
    def rows(self) -> list[list[ipywidgets.Widget]]:
        """The controls that have something to choose from."""
        choice = [self.worlds] if len(self._model.worlds) > 1 else []
        choice += [self.networks] if self._model.has_networks else []
        return [*([choice] if choice else []), [self.stops, self.sizes]]

    def choose(self, **place: str | int) -> None:
        """Move by the names that ``MapModel.choose`` takes."""
        self._model.choose(**place)
        self.show()
        self._moved()

    def show(self) -> None:
        """Put the controls where the model stands, with the choices that there are from here."""
        model = self._model
        self._showing = True  # four controls to set, one picture to draw
        try:
            _offer(self.worlds, [(said(world), world) for world in model.worlds], model.world)
            _offer(self.networks, model.networks, model.network)
            _offer(self.stops, model.board.datasets, model.dataset)
            self.stops.tooltips = [said(card_of(name)["title"]) for name in self.stops.options]
            _offer(self.sizes, [(str(size), size) for size in model.sizes], model.per_class)
        finally:
            self._showing = False

    def _on_move(self, name: str, change: dict) -> None:
        if not self._showing:
            self.choose(**{name: change["new"]})


def _offer(control: ipywidgets.Widget, options: list, value: object) -> None:
    if list(control.options) != options:
        control.options = options
    control.value = value
