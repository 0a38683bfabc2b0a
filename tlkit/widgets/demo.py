"""The decision map as one page for a projector: `make demo`.

The room sees a target and a number of images per class, raises hands for a way, and then sees what was
measured. Everything is a button, and has a key (`lessons/demo/voila` holds the page's looks and its keys):

=================  ==============================================================
left, right        a more similar, a more different target
up, down           more, fewer images per class
1 to 5             a hand for that way, until the answer is revealed
Backspace          take the last hand back
r or Enter         reveal what was measured, or hide it
Space              press the button in focus
l                  train all ways live on a fresh draw; again: stop
d                  dark or light
?                  show the keys
=================  ==============================================================
"""

import base64
import html
import io
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache, partial
from textwrap import shorten

import ipywidgets
from PIL import Image

from tlkit.figures.style import COLOURS
from tlkit.intervals import points
from tlkit.study.decision import DecisionMap, Recommendation, load_map
from tlkit.study.map_plots import example_pictures
from tlkit.study.places import STOPS, quadrant
from tlkit.transfer.ways import WAYS
from tlkit.widgets.controls import show_widget, size_slider, stop_buttons
from tlkit.widgets.live import LiveComparison
from tlkit.world.catalogue import OFFLINE_DATASETS

__all__ = ["demo_page"]

_WORDS = {"small": "few", "large": "many", "similar": "similar", "different": "very different"}
_KEYS = (
    "<b>← →</b> target &nbsp; <b>↑ ↓</b> images per class &nbsp; <b>1–5</b> a hand &nbsp; <b>Backspace</b> take back "
    "&nbsp; <b>r</b> or <b>Enter</b> reveal &nbsp; <b>l</b> train live, and stop &nbsp; <b>d</b> dark or light &nbsp; "
    "<b>?</b> back &nbsp; <b>F11</b> the browser's full screen"
)
_CLOSED = "<b>Votes are closed; r opens them.</b>"


@cache
def _strip(dataset: str) -> str:
    """Six example pictures as HTML."""
    shown = []
    for picture in example_pictures(dataset, 6):
        data = io.BytesIO()
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(data, "png")
        shown.append(f'<img alt="" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">')
    return f'<div class="strip" role="img" aria-label="Six pictures of {dataset}">{"".join(shown)}</div>'


def _classed(widget: ipywidgets.Widget, name: str, clicked: Callable | None = None) -> ipywidgets.Widget:
    """The widget with a class name, by which the page finds it, and what a click does."""
    widget.add_class(f"demo-{name}")
    if clicked:
        widget.on_click(clicked)
    return widget


def _bar(
    way: str,
    colour: str,
    hands: Counter[str],
    advice: Recommendation | None,
    chance: float,
    live: LiveComparison | None,
) -> str:
    """One way's share of the hands and, with ``advice``, what was measured and what a live run has found."""
    share = hands[way] / max(1, hands.total())
    lanes, says = f'<i class="hands" style="width:{share:.1%}"></i>', f"{way}: {share:.0%} of the hands"
    cells = f"<span></span><span>{share:.0%}</span>" if hands.total() else ""
    if advice:
        found = advice.accuracy[way]
        mean, low, high = found
        whisker = f'<i class="whisker" style="left:{low:.2%};width:{high - low:.2%}"></i>' if found.known else ""
        lanes += f'<i class="measured" style="width:{mean:.2%};background:{colour}"></i>{_marks(chance)}{whisker}'
        seconds = f"{advice.seconds[way]:.{0 if advice.seconds[way] >= 10 else 1}f} s"
        best = "★" if way == advice.winner else ""
        cells = f"<span>{best}</span><b>{mean:.1%}</b><span>{seconds}</span>"
        says += f"; measured {advice.accuracy[way]}, {seconds}"
    if live:
        now = live.accuracy.get(way)
        found = "–" if now is None else f"◆ {now:.1%}" if advice else "◆ done"  # a number would give the answer away
        cells += f'<span class="now">{found}</span>'
        lanes += f'<i class="live" style="left:{now:.2%}">◆</i>' if now is not None and advice else ""
        says += "" if now is None else f"; live {now:.1%}" if advice else "; live: done"
    shown = " revealed" if advice else ""
    return f'<div class="track{shown}" role="img" aria-label="{html.escape(says)}">{lanes}</div>{cells}'


def _marks(chance: float) -> str:
    """Thin lines at 0, 50 and 100 %, and at what a blind guess gets."""
    ticks = "".join(f'<i class="tick" style="left:{at}%"></i>' for at in (0, 50, 100))
    return f'{ticks}<i class="chance" style="left:{chance:.2%}"></i>'


def _scale(chance: float, live: LiveComparison | None) -> str:
    """What the lines mean, below the last bar; its cells are those of the bars, so that it is as wide."""
    words = f'<i class="chance" style="left:{chance:.2%}">chance, {chance:.0%}</i>'
    words += '<i style="left:50%">50%</i><i style="left:100%">100%</i>'
    now = '<span class="now"></span>' if live else ""
    return f'<div class="track scale">{words}</div><span></span><b></b><span></span>{now}'


def _legend(revealed: bool, live: LiveComparison | None) -> str:
    if not revealed:
        return "grey: hands"
    return "grey: hands; colour: test (95 %)" + ("; ◆: live" if live else "")


def _invitation(hands: Counter[str]) -> str:
    counted = f"<p><b>Hands up!</b> {hands.total()} so far.</p>"
    return f"{counted}<p>Keys <b>1</b> to <b>5</b> count a hand, <b>r</b> reveals, <b>?</b> shows all keys.</p>"


def _answer(advice: Recommendation, hands: Counter[str]) -> str:
    most = max(hands.values(), default=0)
    chosen = [way for way in WAYS if most and hands[way] == most]
    room = f" Room (grey): <b>{chosen[0] if len(chosen) == 1 else 'undecided'}</b>." if chosen else ""
    return (
        f"<b>{str(advice).splitlines()[-1]}</b> Rule: <b>{advice.rule}</b>.{room}<br>"
        f"★ best on val: <b>{advice.winner}</b>, on test {points(advice.margin)}, against {advice.rival}."
    )


def _progress(live: LiveComparison, revealed: bool) -> str:
    """What a live run does, or how it ended; numbers only when they give nothing away."""
    if live.why:
        left = f"Not finished: {', '.join(live.left)}." if live.left else "All ways finished."
        shows = " <b>r</b> shows it." if live.accuracy and not revealed else ""
        return f"◆ {html.escape(shorten(live.why, 120))} {left if live.accuracy else 'No way finished.'}{shows}"
    passed = time.perf_counter() - live.began
    fill = f"animation-duration:{live.seconds}s;animation-delay:-{passed:.1f}s"
    reached = f", {live.reached:.1%} on val" if revealed and live.reached is not None else ""
    return f'◆ Live: {live.doing}{reached} <span class="clock"><i style="{fill}"></i></span>'


class DemoPage:
    """See ``demo_page``."""

    def __init__(self, measured: DecisionMap, dataset: str, per_class: int, seconds: float):
        self._measured, self._seconds, self._drawing = measured, seconds, threading.RLock()
        self._raised: dict[tuple, list[str]] = defaultdict(list)  # at each place, in the order in which they went up
        self.live: LiveComparison | None = None
        self._last: LiveComparison | None = None
        self._draws: Counter[str] = Counter()
        self.stops, slider = stop_buttons(dataset), size_slider(per_class, measured.sizes)
        self.sizes = ipywidgets.ToggleButtons(options=slider.options, value=per_class)
        self.stops.description = ""
        button, toggle, text = ipywidgets.Button, ipywidgets.ToggleButton, ipywidgets.HTML
        self.reveal = _classed(toggle(tooltip="what was measured"), "reveal")
        self.dark = _classed(toggle(description="d: dark", tooltip="or light"), "dark")
        self.help = _classed(toggle(description="?: keys", tooltip="of this page"), "help")
        self.train = _classed(button(tooltip="all ways on a fresh draw"), "live", self._on_train)
        self.undo = _classed(button(description="⌫: take back", tooltip="the last hand"), "undo", self._on_undo)
        self.place_text, self.answer, self.live_line = (_classed(text(), n) for n in ("question", "answer", "progress"))
        self.legend, self.scale = _classed(text(), "legend"), _classed(text(), "bar")
        self.names = {way: _classed(text(), "way") for way in WAYS}
        self.bars = {way: _classed(text(), "bar") for way in WAYS}
        self.up, self.down = {}, {}
        for k, way in enumerate(WAYS, 1):
            up, down = button(description="+", tooltip=f"+ a hand for {way}"), button(description="−")
            down.tooltip = f"− a hand for {way}"
            self.up[way] = _classed(up, f"up-{k}", partial(self._raise, way))
            self.down[way] = _classed(down, f"down-{k}", partial(self._lower, way))
        for control in (self.stops, self.sizes):
            control.observe(self._new_question, "value")
        for control in (self.reveal, self.help):
            control.observe(lambda _: self._draw(), "value")
        self.dark.observe(self._on_dark, "value")
        row = ipywidgets.HBox
        choice = [text("similar"), self.stops, text("different"), self.sizes, text("per class")]
        ways = [_classed(row([self.names[w], self.down[w], self.up[w], self.bars[w]]), "row") for w in WAYS]
        scale = _classed(row([self.legend, self.scale]), "scale")
        lines = [_classed(row(choice), "choice"), self.place_text, *ways, scale, self.answer, self.live_line]
        keys = _classed(row([self.reveal, self.train, self.undo, self.dark, self.help]), "keys")
        self._box = _classed(ipywidgets.VBox([*lines, keys]), "page")
        for stop in STOPS:
            _strip(stop)  # now, so that no key has to wait for it
        self._draw()

    # ------------------------------------------------------------------------------- events

    @property
    def place(self) -> tuple[str, int]:
        """The target and the images per class that the question is about."""
        return self.stops.value, self.sizes.value

    @property
    def _hands(self) -> list[str]:
        """The hands for this question; each place keeps its own."""
        return self._raised[self.place]

    @property
    def hands(self) -> Counter[str]:
        """How many hands each way has at this place."""
        return Counter(self._hands)

    def _raise(self, way: str, _: ipywidgets.Button) -> None:
        self._vote(lambda: self._hands.append(way))

    def _lower(self, way: str, _: ipywidgets.Button) -> None:
        self._vote(lambda: way in self._hands and self._hands.remove(way))

    def _on_undo(self, _: ipywidgets.Button) -> None:
        self._vote(lambda: self._hands and self._hands.pop())

    def _vote(self, change: Callable[[], object]) -> None:
        """Count, as long as nobody has seen the answer."""
        if self.reveal.value:
            return self._draw(_CLOSED)
        change()
        self._draw()

    def _new_question(self, change: dict) -> None:
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
        dataset, per_class = self.place
        # Draws that the map has not seen; in the same order every day, so that a rehearsal keeps their pictures.
        seed = 1 + max(row["seed"] for row in self._measured.rows) + self._draws[dataset]
        self._draws[dataset] += 1
        expected = self._measured.recommend(dataset, per_class).seconds
        self.live = LiveComparison(expected, self._seconds, self._on_live)
        self.live.start(dataset, per_class, seed, self._last)
        self._last = self.live
        self._draw()

    def _on_live(self, live: LiveComparison) -> None:
        if live is self.live:
            self._draw()

    # ------------------------------------------------------------------------------- picture

    def _draw(self, notice: str = "") -> None:
        with self._drawing:  # a live run draws from threads of its own, and may be replaced meanwhile
            live, revealed, (dataset, per_class), hands = self.live, self.reveal.value, self.place, self.hands
            advice = self._measured.recommend(dataset, per_class)
            field = " and ".join(_WORDS[word] for word in quadrant(dataset, per_class))
            question = f"<h1>Which way wins here?</h1><p><b>{dataset}, {per_class}</b> per class: {field}</p>"
            self.place_text.value = f"<div>{question}</div>{_strip(dataset)}"
            chance = 1 / len(OFFLINE_DATASETS[dataset].class_names)
            for k, way in enumerate(WAYS):
                self.names[way].value = f"<b>{k + 1}</b> {way}<b>{hands[way]}</b>"
                self.bars[way].value = _bar(way, COLOURS[k], hands, advice if revealed else None, chance, live)
            self.legend.value = _legend(revealed, live)
            self.scale.value = _scale(chance, live) if revealed else ""
            answer = _answer(advice, hands) if revealed else _invitation(hands)
            self.answer.value = _KEYS if self.help.value else answer
            self.live_line.value = notice or (_progress(live, revealed) if live else "")
            self.reveal.description = "r: hide" if revealed else "r: reveal"
            running = live and not live.why
            self.train.description = "l: stop" if running else f"l: train live, {self._seconds:g} s"

    def _ipython_display_(self) -> None:
        rows = "".join(f"<p>{self.names[way].value}</p>" for way in WAYS)
        plain = f"Which way wins here? {', '.join(map(str, self.place))} images per class: {', '.join(WAYS)}"
        show_widget(self._box, f"{self.place_text.value}{rows}", plain)


def demo_page(
    dataset: str = "flowers", per_class: int = 5, measured: DecisionMap | None = None, seconds: float = 20
) -> DemoPage:
    """The decision map for a projector, by keyboard: the room votes, then sees what was measured.

    `make demo` serves it as a page of its own. The keys are in the docstring of ``tlkit.widgets.demo``.

    Parameters
    ----------
    dataset, per_class : where it opens
    measured : DecisionMap, optional
        Another map than the one that ships with the course.
    seconds : float, above 0
        The time that a live training may take.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, but it is {seconds}.")
    return DemoPage(measured or load_map(), dataset, per_class, seconds)
