"""The decision map as one page for a projector: `make demo`.

The room sees a target and a number of images per class, raises hands for a way, and then sees what was
measured. Everything is a button, and has a key (`lessons/demo/voila` holds the page's looks and its keys):

=================  ==============================================================
left, right        a more similar, a more different target
up, down           more, fewer images per class
1 to 5             a hand for that way
Backspace          take the last hand back
r or Enter         reveal what was measured, or hide it
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
from collections import Counter
from collections.abc import Callable
from functools import cache, partial

import ipywidgets
from PIL import Image

from tlkit.comparison import points
from tlkit.data import load_dataset
from tlkit.decision import STOPS, DecisionMap, Recommendation, load_map, quadrant, recompute
from tlkit.map_plots import example_pictures
from tlkit.style import COLOURS
from tlkit.training import History
from tlkit.ways import WAYS
from tlkit.widgets import show_widget, size_slider, stop_buttons

__all__ = ["demo_page"]

_WORDS = {"small": "few", "large": "many", "similar": "similar", "different": "very different"}
_KEYS = (
    "<b>← →</b> target &nbsp; <b>↑ ↓</b> images per class &nbsp; <b>1–5</b> a hand &nbsp; <b>Backspace</b> take back "
    "&nbsp; <b>r</b> or <b>Enter</b> reveal &nbsp; <b>l</b> train live, and stop &nbsp; <b>d</b> dark or light &nbsp; "
    "<b>?</b> back &nbsp; <b>F11</b> the browser's full screen"
)
_SOLVED = ("probe", "earlier stage")  # an SVM is solved in one go: nothing to watch, nowhere to stop


class LiveComparison:
    """All ways on one fresh draw, the cheapest first, until the time is up or ``end`` is called.

    It works in a thread of its own. Once it has ended nothing is added to it, though the thread may
    need the rest of an epoch to notice; the next run waits for that. ``wait()`` is for scripts.
    """

    def __init__(self, expected: dict[str, float], seconds: float, changed: Callable[["LiveComparison"], None]):
        self.expected, self.seconds, self._changed = expected, seconds, changed
        self.accuracy: dict[str, float] = {}
        self.doing, self.why, self.began = "waiting for the last run to stop", "", time.perf_counter()
        self._lock = threading.Lock()

    def start(self, dataset: str, per_class: int, seed: int, before: "LiveComparison | None") -> None:
        place = (dataset, per_class, seed, before)
        self._thread = threading.Thread(target=self._work, args=place, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when the thread has ended."""
        self._thread.join()

    def end(self, why: str) -> None:
        """Stop, and say why. A second call changes nothing."""
        with self._lock:
            if self.why:
                return
            self.why = why
        self._changed(self)

    @property
    def left(self) -> list[str]:
        """The ways that did not finish."""
        return [way for way in self.expected if way not in self.accuracy]

    def _now(self, doing: str) -> None:
        self.doing = doing
        if not self.why:
            self._changed(self)

    def _work(self, dataset: str, per_class: int, seed: int, before: "LiveComparison | None") -> None:
        if before:
            before.wait()
        self.began = time.perf_counter()
        clock = threading.Timer(self.seconds, self.end, ["Time is up."])
        clock.daemon = True
        clock.start()
        try:
            self._now("drawing fresh pictures")
            for count in [*range(1, per_class, 20), per_class]:  # in portions, so that it can stop between them
                if not self.why:
                    load_dataset(dataset, count, seed)
            for way in sorted(self.expected, key=self.expected.get):
                remaining = self.seconds - (time.perf_counter() - self.began)
                if not self.why and not (way in _SOLVED and self.expected[way] > remaining):
                    self._train(dataset, per_class, way, seed)
            self.end("Done.")
        except Exception as error:  # whatever it is, it must reach the room and not die in the thread
            self.end(f"It did not run: {error}")
        finally:
            clock.cancel()

    def _train(self, dataset: str, per_class: int, way: str, seed: int) -> None:
        def watch(history: History) -> bool:
            self._now(f"{way}, epoch {len(history.loss)}, {history.val_accuracy[-1]:.1%} on val")
            return bool(self.why)

        self._now(way)
        result = recompute(dataset, per_class, way, seed, **({} if way in _SOLVED else {"watch": watch}))
        if not self.why and not result.history.stopped:
            accuracy = result.open_test()
            with self._lock:
                if not self.why:
                    self.accuracy[way] = accuracy


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


class DemoPage:
    """See ``demo_page``."""

    def __init__(self, measured: DecisionMap, dataset: str, per_class: int, seconds: float):
        self._measured, self._seconds, self._drawing = measured, seconds, threading.RLock()
        self._hands: list[str] = []  # in the order in which they were raised
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
        lines = [_classed(row(choice), "choice"), self.place_text, *ways, self.answer, self.live_line]
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
    def hands(self) -> Counter[str]:
        """How many hands each way has."""
        return Counter(self._hands)

    def _raise(self, way: str, _: ipywidgets.Button) -> None:
        self._hands.append(way)
        self._draw()

    def _lower(self, way: str, _: ipywidgets.Button) -> None:
        if way in self._hands:
            self._hands.remove(way)
            self._draw()

    def _on_undo(self, _: ipywidgets.Button) -> None:
        if self._hands:
            self._hands.pop()
            self._draw()

    def _new_question(self, change: dict) -> None:
        live, self.live = self.live, None
        if live:
            live.end("Another question.")
        self._hands.clear()
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

    # ------------------------------------------------------------------------------ picture

    def _draw(self) -> None:
        with self._drawing:  # a live run draws from threads of its own
            dataset, per_class = self.place
            advice, hands = self._measured.recommend(dataset, per_class), self.hands
            field = " and ".join(_WORDS[word] for word in quadrant(dataset, per_class))
            question = f"<h1>Which way wins here?</h1><p><b>{dataset}, {per_class}</b> per class: {field}</p>"
            self.place_text.value = f"<div>{question}</div>{_strip(dataset)}"
            for k, way in enumerate(WAYS):
                self.names[way].value = f"<b>{k + 1}</b> {way}<b>{hands[way]}</b>"
                self.bars[way].value = self._bar(advice, way, COLOURS[k])
            self.answer.value = _KEYS if self.help.value else self._answer(advice)
            running = self.live and not self.live.why
            self.live_line.value = self._progress() if self.live else ""
            self.reveal.description = "r: hide" if self.reveal.value else "r: reveal"
            self.train.description = "l: stop" if running else f"l: train live, {self._seconds:g} s"

    def _bar(self, advice: Recommendation, way: str, colour: str) -> str:
        """One way's share of the hands, its measured accuracy once revealed, and its live one if there is a run."""
        share = self.hands[way] / max(1, len(self._hands))
        lanes, cells, says = f'<i class="hands" style="width:{share:.1%}"></i>', "", f"{way}: {share:.0%} of the hands"
        if self.reveal.value:
            mean, low, high = advice.accuracy[way]
            whisker = f'<i class="whisker" style="left:{low:.2%};width:{high - low:.2%}"></i>'
            lanes += f'<i class="measured" style="width:{mean:.2%};background:{colour}"></i>{whisker}'
            seconds = f"{advice.seconds[way]:.{0 if advice.seconds[way] >= 10 else 1}f} s"
            best = "★" if way == advice.winner else ""
            cells = f"<span>{best}</span><b>{mean:.1%}</b><span>{seconds}</span>"
            says += f"; measured {advice.accuracy[way]}, {seconds}"
        elif self._hands:
            cells = f"<span></span><span>{share:.0%}</span>"
        if self.live:
            now = self.live.accuracy.get(way)
            cells += '<span class="now">–</span>' if now is None else f'<span class="now">◆ {now:.1%}</span>'
            lanes += "" if now is None else f'<i class="live" style="left:{now:.2%}">◆</i>'
            says += "" if now is None else f"; live {now:.1%}"
        shown = " revealed" if self.reveal.value else ""
        return f'<div class="track{shown}" role="img" aria-label="{html.escape(says)}">{lanes}</div>{cells}'

    def _answer(self, advice: Recommendation) -> str:
        if not self.reveal.value:
            counted = f"<p><b>Hands up!</b> {len(self._hands)} so far.</p>"
            return f"{counted}<p>Keys <b>1</b> to <b>5</b> count a hand, <b>r</b> reveals, <b>?</b> shows all keys.</p>"
        most = max(self.hands.values(), default=0)
        chosen = [way for way in WAYS if most and self.hands[way] == most]
        room = f" Room: <b>{chosen[0] if len(chosen) == 1 else 'undecided'}</b>." if chosen else ""
        return (
            f"<b>{str(advice).splitlines()[-1]}</b> Rule: <b>{advice.rule}</b>.{room}<br>"
            f"★ best on val: <b>{advice.winner}</b>, on test {points(advice.margin)}, against {advice.rival}."
        )

    def _progress(self) -> str:
        live = self.live
        if live.why:
            left = f"Not finished: {', '.join(live.left)}." if live.left else "All ways finished."
            return f"◆ {html.escape(live.why)} {left if live.accuracy else 'No way finished.'}"
        passed = time.perf_counter() - live.began
        fill = f"animation-duration:{live.seconds}s;animation-delay:-{passed:.1f}s"
        return f'◆ Live: {live.doing} <span class="clock"><i style="{fill}"></i></span>'

    def _ipython_display_(self) -> None:
        rows = "".join(f"<p>{self.names[way].value}</p>" for way in WAYS)
        plain = f"Which way wins here? {', '.join(map(str, self.place))} images per class: {', '.join(WAYS)}"
        show_widget(self._box, f"{self.place_text.value}{rows}", plain)


def demo_page(
    dataset: str = "flowers", per_class: int = 5, measured: DecisionMap | None = None, seconds: float = 20
) -> DemoPage:
    """The decision map for a projector, by keyboard: the room votes, then sees what was measured.

    `make demo` serves it as a page of its own. The keys are in the docstring of ``tlkit.demo``.

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
