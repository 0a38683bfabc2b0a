"""Training while somebody watches: one run behind a button, or all ways at one place of the map against the clock."""

import html
import time
from collections.abc import Callable

import ipywidgets

from tlkit.history import History
from tlkit.transfer.results import NetworkResult, Result
from tlkit.transfer.ways import WAYS
from tlkit.widgets.background import TIME_IS_UP, Background
from tlkit.widgets.places_here import PlaceHere

__all__: list[str] = []


class LiveRun:
    """Run and stop buttons, a line of text, and a training that follows them in the background.

    Parameters
    ----------
    start : function from ``on_epoch_end`` to a Result; called when the run button is pressed
    on_epoch : function of the History, called after every epoch
    lacks : function that says what is missing for a run, and how to get it; nothing is begun then
    """

    def __init__(self, start: Callable[[Callable], Result], on_epoch: Callable, lacks: Callable[[], str] = str):
        self._start, self._on_epoch, self._lacks = start, on_epoch, lacks
        self.run = ipywidgets.Button(icon="play", button_style="primary")
        self.stop = ipywidgets.Button(description="stop", icon="stop", disabled=True)
        self.budget = ipywidgets.BoundedIntText(30, 1, 3600, description="seconds", layout={"width": "160px"})
        self.said = ipywidgets.HTML()
        self.controls = [self.run, self.stop, self.budget, self.said]
        self.result: Result | None = None
        self._job: Background | None = None
        self.run.on_click(lambda _: self._begin())
        self.stop.on_click(lambda _: self._job.end("Stopped."))
        self.look()

    def wait(self) -> None:
        """Return when the training has ended."""
        if self._job:
            self._job.wait()

    def look(self) -> bool:
        """Say on the button whether a run can begin, and below what it lacks; returns whether it can begin now."""
        lacks, working = self._lacks(), self._job is not None and self._job.is_alive
        self.run.description = "not here yet" if lacks else "run it now"
        if not working:
            self.said.value = _as_html(lacks)
        return not (lacks or working)

    def _begin(self) -> None:
        if self.look():
            self.run.disabled, self.stop.disabled, self.said.value = True, False, "Running …"
            self._job = Background(self._work, self._on_change)

    def _work(self, job: Background) -> None:
        def on_epoch_end(history: History) -> bool:
            job.start_clock(self.budget.value)  # drawing the pictures, before the first epoch, does not count
            self._on_epoch(history)
            self.said.value = f"Epoch {len(history.loss)}, {history.seconds[-1]:.1f} s of training"
            return bool(job.why)

        self.result = self._start(on_epoch_end)
        stopped = self.result.history.stopped if isinstance(self.result, NetworkResult) else ""
        stopped = stopped.replace("as asked", "as the time is up" if job.why == TIME_IS_UP else "as asked")
        found = f"<b>{self.result.val_accuracy:.1%}</b> on val, {self.result.seconds:.1f} s of training."
        self._found = f"{found} {stopped}".rstrip()

    def _on_change(self, job: Background) -> None:
        if not job.is_alive:
            self.said.value = f"<b>It did not run:</b> {_as_html(str(job.error))}" if job.error else self._found
            self.run.disabled, self.stop.disabled = False, True


def _as_html(words: str) -> str:
    return html.escape(words).replace("\n", "<br>")


class LiveComparison(Background):
    """All ways on one fresh draw of a place, the cheapest first, until the time is up or ``end`` is called.

    Attributes
    ----------
    accuracy : test accuracy of the ways that have finished
    doing, reached : what it does now, and the accuracy on val so far, if there is one
    """

    def __init__(
        self, place: PlaceHere, seed: int, expected: dict, seconds: float, changed: Callable, before: Background | None
    ):
        self.place, self.seed, self.expected, self.seconds = place, seed, expected, seconds
        self.accuracy: dict[str, float] = {}
        self._before = before if before and before.is_alive else None
        self.doing = "waiting for the last run to stop" if self._before else "getting fresh pictures"
        self.reached: float | None = None
        super().__init__(LiveComparison._compare, changed)

    @property
    def left(self) -> list[str]:
        """The ways that did not finish."""
        return [way for way in self.expected if way not in self.accuracy]

    def _now(self, doing: str, reached: float | None = None) -> None:
        self.doing, self.reached = doing, reached
        if not self.why:
            self._changed(self)

    def _compare(self) -> None:
        if self._before:
            self._before.wait()
        self.start_clock(self.seconds)
        self._now("getting fresh pictures")
        for draw in self.place.draws(self.seed):
            if not self.why:
                draw()
        for way in sorted(self.expected, key=self.expected.get):
            remaining = self.seconds - (time.perf_counter() - self.began)
            # An SVM is solved in one go: nothing to watch, nowhere to stop.
            if not self.why and (WAYS[way].trains or self.expected[way] <= remaining):
                self._train(way)

    def _train(self, way: str) -> None:
        def on_epoch_end(history: History) -> bool:
            self._now(f"{way}, epoch {len(history.loss)}", history.val_accuracy[-1])
            return bool(self.why)

        self._now(way)
        result = self.place.run(way, self.seed, **({"on_epoch_end": on_epoch_end} if WAYS[way].trains else {}))
        if not self.why and not (WAYS[way].trains and result.history.stopped):
            accuracy = result.open_test()
            self.unless_ended(lambda: self.accuracy.update({way: accuracy}))
