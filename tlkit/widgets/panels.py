"""Panels over the measured map: the decision map, and the stages."""

from __future__ import annotations  # a Result is a hint alone: who only looks at the map needs no PyTorch

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import ipywidgets
from matplotlib.axes import Axes

from tlkit import checks
from tlkit.figures import plots, style
from tlkit.figures.pictograms import pictogram
from tlkit.history import History
from tlkit.language import said
from tlkit.study.decision import DecisionMap
from tlkit.study.map_plots import place_title, plot_map, plot_stages
from tlkit.transfer.ways import CHOICES, TWO_LINES, WAYS
from tlkit.widgets.display import HTML, show_widget
from tlkit.widgets.live import LiveRun
from tlkit.widgets.map_model import MapModel
from tlkit.widgets.place_controls import PlaceControls
from tlkit.widgets.redrawn import Panel
from tlkit.widgets.tiles import strip_of

if TYPE_CHECKING:
    from tlkit.transfer.results import Result

__all__ = ["decision_map", "stage_picker"]


class DecisionMapPanel(Panel):
    """See ``decision_map``."""

    def __init__(self, model: MapModel):
        self.model, self._showing = model, False
        self.controls = PlaceControls(model, self._draw)
        look = {"layout": {"width": "182px"}, "style": {"description_width": "112px"}, "min": 0, "max": 9999}
        names = {way: said(TWO_LINES.get(way, way)).replace("\n", " ") for way in CHOICES}
        self.votes = {way: ipywidgets.BoundedIntText(description=name, **look) for way, name in names.items()}
        for way, box in self.votes.items():
            box.observe(partial(self._on_vote, way), "value")
        about = {"description": said("show what was measured"), "layout": {"width": "220px"}}
        self.reveal = ipywidgets.ToggleButton(value=model.revealed, **about)
        self.reveal.observe(self._on_reveal, "value")
        self.said = HTML(layout={"min_height": "100px"})
        self._examples = HTML()
        ways = [(said(way), way) for way in WAYS]
        self.way = ipywidgets.Dropdown(options=ways, value="fine-tuning", layout={"width": "160px"})
        self.live = LiveRun(self._run, self._on_epoch, lambda: self.model.place.lacks())
        self.curve = HTML(layout={"overflow": "auto"})
        hands = HTML("<b>Hands up</b> for each way:")
        right = {"align_items": "flex-end"}
        ballots = [ipywidgets.VBox([HTML(pictogram(w, 24)), box], layout=right) for w, box in self.votes.items()]
        self._open([*self.controls.rows, [hands, *ballots, self.reveal]], [], height=320)
        live = ipywidgets.HBox([self.way, *self.live.controls], layout={"flex_flow": "row wrap"})
        *above, picture = self._box.children
        self._box.children = (*above, self._examples, picture, self.said, live, self.curve)

    def _figure(self) -> Axes:
        model, hands = self.model, self.model.hands
        self.said.value = model.words.replace("\n", "<br>")
        self._examples.value = strip_of(model.dataset)
        self._showing = True  # five boxes to set, one picture to draw
        for way, box in self.votes.items():
            box.value = hands[way]
        self._showing = False
        self.live.look()
        return plot_map(model.board, model.dataset, model.per_class, hands, model.revealed)

    def _on_vote(self, way: str, change: dict) -> None:
        if not self._showing:
            self.model.set_hands(way, change["new"])
            self._draw()

    def _on_reveal(self, change: dict) -> None:
        self.model.revealed = change["new"]
        self._draw()

    def _ipython_display_(self) -> None:
        show_widget(self._box, self._examples.value + self._still, self._alt)

    def _run(self, on_epoch_end: Callable) -> Result:
        way, place = self.way.value, self.model.place
        self.curve.value = ""
        self._title = f"Live: {way} on {place}"
        return place.run(way, **({"on_epoch_end": on_epoch_end} if WAYS[way].trains else {}))

    def _on_epoch(self, history: History) -> None:
        axes = plots.plot_training({"now": history}, self._title)
        self.curve.value = style.as_html(axes, dpi=80)


def decision_map(
    dataset: str = "flowers",
    per_class: int = 5,
    measured: DecisionMap | Sequence[DecisionMap] | None = None,
    reveal: bool = True,
) -> DecisionMapPanel:
    """The decision map to play with: size, similarity, the room's vote, what was measured, and a run of your own.

    Where both worlds are on the map, drawn and photos, or several networks, controls switch between them.

    Parameters
    ----------
    dataset, per_class : where it opens
    measured : DecisionMap, or several, optional
        Other maps than those that ship with the course.
    reveal : bool
        False hides the measurement until the button is pressed, so that a room can vote first.

    Raises
    ------
    ValueError
        If the map has no such place.
    """
    checks.flag(reveal=reveal)
    return DecisionMapPanel(MapModel(measured, dataset, per_class, reveal))


class StagePicker(Panel):
    """See ``stage_picker``."""

    def __init__(self, model: MapModel):
        self.model = model
        self.controls = PlaceControls(model, self._on_move)
        self.stage = ipywidgets.SelectionSlider(
            options=[""], description=said("read at"), continuous_update=False, layout={"width": "300px"}
        )
        self._offer_stages()
        *choice, place = self.controls.rows
        self._open([*choice, [*place, self.stage]], [self.stage], height=320)

    @property
    def _sweep(self) -> dict:
        return self.model.board.stage_sweep(self.model.dataset, self.model.per_class)

    def _offer_stages(self) -> None:
        """The stages of this network, the last one chosen; one that is there already stays."""
        stages = list(self._sweep) or [""]
        if list(self.stage.options) != stages:
            self.stage.options, self.stage.value = stages, stages[-1]
        self.stage.disabled = stages == [""]

    def _on_move(self) -> None:
        self._offer_stages()
        self._draw()

    def _figure(self) -> Axes:
        model = self.model
        title = place_title(model.board, model.dataset, model.per_class)
        return plot_stages({model.dataset: self._sweep}, self.stage.value, title)


def stage_picker(
    dataset: str = "tissue", per_class: int = 20, measured: DecisionMap | Sequence[DecisionMap] | None = None
) -> StagePicker:
    """Where to read the backbone: the measured accuracy of a linear SVM on each of its stages.

    The parameters are those of ``decision_map``.
    """
    return StagePicker(MapModel(measured, dataset, per_class))
