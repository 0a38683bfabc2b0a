"""All ways at one place of the map against the clock, while a room watches."""

import sys
import time
from collections.abc import Callable

from tlkit.history import History
from tlkit.transfer.ways import WAYS
from tlkit.widgets.background import Background
from tlkit.widgets.places_here import PlaceHere

__all__: list[str] = []


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
        self.doing = "waiting for the last run to stop" if self._before else _begins()
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
        self._now(_begins())
        draws = self.place.draws(self.seed)  # the first ones load PyTorch, which is no training
        if lacks := self.place.lacks():
            return self.end(lacks)
        self.start_clock(self.seconds)
        self._now(_begins())
        for draw in draws:
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


def _begins() -> str:
    """What a run does first. A page that only shows the map has not loaded PyTorch, which takes some seconds."""
    return "getting fresh pictures" if "torch" in sys.modules else "loading PyTorch"
