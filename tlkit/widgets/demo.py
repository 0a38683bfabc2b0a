"""The decision map as one page for a projector: `make demo`.

The room sees a target and a number of images per class, raises hands for a way, and then sees what was
measured. Everything is a button, and has a key (`lessons/demo/voila` holds the page's looks and its keys):

=================  ==============================================================
left, right        a more similar, a more different target
up, down           more, fewer images per class
1 to 6             a hand for that way, until the answer is revealed
Backspace          take the last hand back
r or Enter         reveal what was measured, or hide it
Space              press the button in focus
l                  train all ways live on a fresh draw; again: stop
w                  drawn pictures or photos, where the map has both
n                  the next network, where the map has several
d                  dark or light
?                  show the keys
=================  ==============================================================
"""

import math
import threading
from collections.abc import Callable, Sequence
from functools import partial

import ipywidgets

from tlkit import checks
from tlkit.language import said
from tlkit.study.decision import DecisionMap
from tlkit.transfer.ways import CHOICES
from tlkit.widgets import demo_html
from tlkit.widgets.display import HTML, show_widget
from tlkit.widgets.live_comparison import LiveComparison
from tlkit.widgets.map_model import MapModel
from tlkit.widgets.place_controls import PlaceControls
from tlkit.widgets.tiles import tiles_of

__all__ = ["demo_page"]


def _classed(widget: ipywidgets.Widget, name: str, clicked: Callable | None = None) -> ipywidgets.Widget:
    """The widget with a class name, by which the page finds it, and what a click does."""
    widget.add_class(f"demo-{name}")
    if clicked:
        widget.on_click(clicked)
    return widget


def _after(choices: Sequence[str], now: str) -> str:
    """The one that comes next; after the last, the first."""
    return choices[(choices.index(now) + 1) % len(choices)]


class DemoPage:
    """See ``demo_page``."""

    def __init__(self, model: MapModel, seconds: float):
        self.model, self._seconds, self._drawing = model, seconds, threading.RLock()
        self.live: LiveComparison | None = None
        self._last: LiveComparison | None = None
        self.controls = PlaceControls(model, self._on_move, ipywidgets.ToggleButtons(options=[("", 0)]))
        self.controls.stops.description = ""
        button, toggle, text = ipywidgets.Button, ipywidgets.ToggleButton, HTML
        self.reveal = _classed(toggle(value=model.revealed, tooltip=said("what was measured")), "reveal")
        self.dark = _classed(toggle(description=said("d: dark"), tooltip=said("or light")), "dark")
        self.help = _classed(toggle(description=said("?: keys"), tooltip=said("of this page")), "help")
        self.train = _classed(button(tooltip=said("all ways on a fresh draw")), "live", self._on_train)
        self.undo = _classed(
            button(description=said("⌫: take back"), tooltip=said("the last hand")), "undo", self._on_undo
        )
        self.world = _classed(button(tooltip=said("drawn pictures or photos")), "world", self._on_world)
        self.network = _classed(
            button(description=said("n: network"), tooltip=said("the next one")), "network", self._on_network
        )
        self.place_text, self.answer, self.live_line = (_classed(text(), n) for n in ("question", "answer", "progress"))
        self.legend, self.scale = _classed(text(), "legend"), _classed(text(), "bar")
        self.names = {way: _classed(text(), "way") for way in CHOICES}
        self.bars = {way: _classed(text(), "bar") for way in CHOICES}
        self.up, self.down = {}, {}
        for k, way in enumerate(CHOICES, 1):
            up, down = button(description="+", tooltip=said(f"+ a hand for {way}")), button(description="−")
            down.tooltip = said(f"− a hand for {way}")
            self.up[way] = _classed(up, f"up-{k}", partial(self._raise, way))
            self.down[way] = _classed(down, f"down-{k}", partial(self._lower, way))
        self.reveal.observe(self._on_reveal, "value")
        self.help.observe(lambda _: self._draw(), "value")
        self.dark.observe(self._on_dark, "value")
        self._box = self._lay_out()
        for name in model.targets:
            tiles_of(name)  # now, so that no key has to wait for it
        self._draw()

    def _lay_out(self) -> ipywidgets.VBox:
        row, text, model, controls = ipywidgets.HBox, HTML, self.model, self.controls
        choice = [text("similar"), controls.stops, text("different"), controls.sizes, text("per class")]
        ways = [_classed(row([self.names[w], self.down[w], self.up[w], self.bars[w]]), "row") for w in CHOICES]
        scale = _classed(row([self.legend, self.scale]), "scale")
        switches = [self.world] * (len(model.worlds) > 1) + [self.network] * model.has_networks
        keys = _classed(row([self.reveal, self.train, self.undo, *switches, self.dark, self.help]), "keys")
        self._has_choice = bool(switches)
        lines = [_classed(row(choice), "choice"), self.place_text, *ways, scale, self.answer, self.live_line, keys]
        return _classed(ipywidgets.VBox(lines), "page")

    # ------------------------------------------------------------------------------- events

    def _raise(self, way: str, _: ipywidgets.Button) -> None:
        self._vote(partial(self.model.raise_hand, way))

    def _lower(self, way: str, _: ipywidgets.Button) -> None:
        self._vote(partial(self.model.lower_hand, way))

    def _on_undo(self, _: ipywidgets.Button) -> None:
        self._vote(self.model.lower_hand)

    def _vote(self, change: Callable[[], object]) -> None:
        """Count, as long as nobody has seen the answer."""
        if self.model.revealed:
            return self._draw(demo_html.CLOSED)
        change()
        self._draw()

    def _on_reveal(self, change: dict) -> None:
        self.model.revealed = change["new"]
        self._draw()

    def _on_world(self, _: ipywidgets.Button) -> None:
        self.controls.choose(world=_after(self.model.worlds, self.model.world))

    def _on_network(self, _: ipywidgets.Button) -> None:
        if len(self.model.networks) > 1:
            self.controls.choose(network=_after(self.model.networks, self.model.network))

    def _on_move(self) -> None:
        """Another place is another question."""
        with self._drawing:
            live, self.live = self.live, None
        if live:
            live.end("Another question.")
        self.reveal.value = False
        self._draw()

    def _on_dark(self, change: dict) -> None:
        (self._box.add_class if change["new"] else self._box.remove_class)("demo-night")

    def _on_train(self, _: ipywidgets.Button) -> None:
        if self.live and not self.live.why:
            return self.live.end("Stopped.")
        model = self.model
        if lacks := model.place.lacks():
            return self._draw(lacks)
        # Nobody knows yet how long a way takes that was not measured: it comes last.
        expected = {way: model.seconds.get(way, math.inf) for way in CHOICES}
        place, seed = model.place, model.next_seed()
        self.live = self._last = LiveComparison(place, seed, expected, self._seconds, self._on_live, self._last)
        self._draw()

    def _on_live(self, live: LiveComparison) -> None:
        if live is self.live:
            self._draw()

    # ------------------------------------------------------------------------------- picture

    def _draw(self, notice: str = "") -> None:
        with self._drawing:  # a live run draws from threads of its own, and may be replaced meanwhile
            model, live = self.model, self.live
            self.network.disabled = len(model.networks) < 2  # first: its key works as soon as the question stands
            self.place_text.value = demo_html.question(model, self._has_choice)
            for way in CHOICES:
                self.names[way].value = demo_html.name(model, way)
                self.bars[way].value = demo_html.bar(model, way, live)
            self.legend.value = demo_html.legend(model, live)
            self.scale.value = demo_html.scale(model, live)
            self.answer.value = demo_html.keys(model) if self.help.value else demo_html.answer(model)
            self.live_line.value = notice or (demo_html.progress(model, live) if live else "")
            self.reveal.description = said("r: hide" if model.revealed else "r: reveal")
            running = live and not live.why
            lacks = "" if running else model.place.lacks()
            self.train.description = said(
                "l: stop" if running else "l: not here" if lacks else f"l: train, {self._seconds:g} s"
            )
            self.world.description = f"w: {said(_after(model.worlds, model.world))}"

    def _ipython_display_(self) -> None:
        rows = "".join(f"<p>{self.names[way].value}</p>" for way in CHOICES)
        plain = f"{said('Which way wins here?')} {said(str(self.model.place))}: {', '.join(map(said, CHOICES))}"
        show_widget(self._box, f"{self.place_text.value}{rows}", plain)


def demo_page(
    dataset: str = "flowers",
    per_class: int = 5,
    measured: DecisionMap | Sequence[DecisionMap] | None = None,
    seconds: float = 20,
) -> DemoPage:
    """The decision map for a projector, by keyboard: the room votes, then sees what was measured.

    `make demo` serves it as a page of its own. The keys are in the docstring of ``tlkit.widgets.demo``.

    Parameters
    ----------
    dataset, per_class : where it opens
    measured : DecisionMap, or several, optional
        Other maps than those that ship with the course.
    seconds : float, above 0
        The time that a live training may take.

    Raises
    ------
    ValueError
        If the map has no such place.
    """
    checks.rate("seconds", seconds)
    return DemoPage(MapModel(measured, dataset, per_class, False), seconds)
