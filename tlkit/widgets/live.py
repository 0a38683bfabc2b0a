"""Training against the clock, while a room watches: all ways at one place of the map, on a fresh draw."""

import threading
import time
from collections.abc import Callable

from tlkit.data.splits import load_dataset
from tlkit.history import History
from tlkit.study.survey import recompute
from tlkit.transfer.ways import WAYS

__all__: list[str] = []


class LiveComparison:
    """All ways on one fresh draw, the cheapest first, until the time is up or ``end`` is called.

    It works in a thread of its own. Once it has ended nothing is added to it, though the thread may
    need the rest of an epoch to notice; the next run waits for that. ``wait()`` is for scripts.

    Attributes
    ----------
    accuracy : test accuracy of the ways that have finished
    doing, reached : what it does now, and the accuracy on val so far, if there is one
    why : why it has ended; empty as long as it works
    """

    def __init__(self, expected: dict[str, float], seconds: float, changed: Callable[["LiveComparison"], None]):
        self.expected, self.seconds, self._changed = expected, seconds, changed
        self.accuracy: dict[str, float] = {}
        self.doing, self.reached, self.why, self.began = "drawing fresh pictures", None, "", time.perf_counter()
        self._lock = threading.Lock()

    def start(self, dataset: str, per_class: int, seed: int, before: "LiveComparison | None") -> None:
        """Begin, as soon as the run ``before`` has stopped."""
        if before and before.is_alive():
            self.doing = "waiting for the last run to stop"
        place = (dataset, per_class, seed, before)
        self._thread = threading.Thread(target=self._work, args=place, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when the thread has ended."""
        self._thread.join()

    def is_alive(self) -> bool:
        """Whether its thread still works, if only on the rest of an epoch."""
        return self._thread.is_alive()

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

    def _now(self, doing: str, reached: float | None = None) -> None:
        self.doing, self.reached = doing, reached
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
                # An SVM is solved in one go: nothing to watch, nowhere to stop.
                if not self.why and (WAYS[way].trains or self.expected[way] <= remaining):
                    self._train(dataset, per_class, way, seed)
            self.end("Done.")
        except Exception as error:  # whatever it is, it must reach the room and not die in the thread
            self.end(f"It did not run: {error}")
        finally:
            clock.cancel()

    def _train(self, dataset: str, per_class: int, way: str, seed: int) -> None:
        def on_epoch_end(history: History) -> bool:
            self._now(f"{way}, epoch {len(history.loss)}", history.val_accuracy[-1])
            return bool(self.why)

        self._now(way)
        extra = {"on_epoch_end": on_epoch_end} if WAYS[way].trains else {}
        result = recompute(dataset, per_class, way, seed, **extra)
        if not self.why and not (WAYS[way].trains and result.history.stopped):
            accuracy = result.open_test()
            with self._lock:
                if not self.why:
                    self.accuracy[way] = accuracy
