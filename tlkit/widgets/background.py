"""Work in a thread of its own, so that a page stays free to hear a stop button."""

import threading
import time
from collections.abc import Callable

__all__: list[str] = []

TIME_IS_UP = "Time is up."


class Background:
    """One piece of work in a thread of its own, with a budget in seconds, a stop, and errors that reach the reader.

    It has ended as soon as there is a reason to. The work looks at ``why`` between its steps; its
    thread may need the rest of an epoch to notice.

    Parameters
    ----------
    work : function of this object
    changed : function of this object, called when it ends, and again when its thread has

    Attributes
    ----------
    why : why it has ended; empty as long as it works
    error : what the work raised, or None
    is_alive : whether its thread works, if only on the rest of an epoch
    began : when its seconds began to count
    """

    def __init__(self, work: Callable[["Background"], object], changed: Callable[["Background"], object]):
        self._work, self._changed = work, changed
        self.why, self.error, self.is_alive, self.began = "", None, False, time.perf_counter()
        self._lock, self._clock = threading.Lock(), None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Background":
        """Begin; returns itself."""
        self.is_alive = True
        self._thread.start()
        return self

    def wait(self) -> None:
        """Return when its thread has ended: for scripts, and for the run after it."""
        self._thread.join()

    def start_clock(self, seconds: float) -> None:
        """End it in so many seconds from now; a second call changes nothing."""
        if self._clock is None:
            self.began = time.perf_counter()
            self._clock = threading.Timer(seconds, self.end, [TIME_IS_UP])
            self._clock.daemon = True
            self._clock.start()

    def end(self, why: str) -> None:
        """Stop, and say why; a second call changes nothing."""
        with self._lock:
            if self.why:
                return
            self.why = why
        self._changed(self)

    def keep(self, result: Callable[[], object]) -> None:
        """Call ``result``, which keeps something, unless it has ended: then nothing is added any more."""
        with self._lock:
            if not self.why:
                result()

    def _run(self) -> None:
        try:
            self._work(self)
            self.end("Done.")
        except Exception as error:  # whatever it is, it must reach the reader and not die in the thread
            self.error = error
            self.end(f"It did not run: {error}")
        finally:
            if self._clock:
                self._clock.cancel()
            self.is_alive = False
            self._changed(self)
