"""Work in a thread of its own, so that a page stays free to hear a stop button."""

import threading
import time
from collections.abc import Callable

__all__: list[str] = []

TIME_IS_UP = "Time is up."


class Background:
    """One piece of work in a thread of its own, with a budget in seconds, a stop, and errors that reach the reader.

    It begins at once, and has ended as soon as there is a reason to. The work looks at ``why`` between its
    steps; its thread may need the rest of an epoch to notice.

    Parameters
    ----------
    work : function of this object
    changed : function of this object, called when it ends, and again when its thread has

    Attributes
    ----------
    why, error : why it has ended, empty as long as it works; and what the work raised, or None
    is_alive : whether its thread works, if only on the rest of an epoch
    began : when its seconds began to count
    """

    def __init__(self, work: Callable[["Background"], object], changed: Callable[["Background"], object]):
        self._work, self._changed, self._lock, self._clock = work, changed, threading.Lock(), None
        self.why, self.error, self.is_alive, self.began = "", None, True, time.perf_counter()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when its thread has ended: for scripts, and for the run after it."""
        self._thread.join()

    def start_clock(self, seconds: float) -> None:
        """End it in so many seconds from now; a second call changes nothing."""
        if self._clock is None:
            self.began, self._clock = time.perf_counter(), threading.Timer(seconds, self.end, [TIME_IS_UP])
            self._clock.daemon = True
            self._clock.start()

    def end(self, why: str) -> None:
        """Stop, and say why; a second call changes nothing."""
        if self.unless_ended(lambda: setattr(self, "why", why)):
            self._changed(self)

    def unless_ended(self, act: Callable[[], object]) -> bool:
        """Do something unless it has ended, which it cannot do meanwhile; returns whether it was done."""
        with self._lock:
            working = not self.why
            if working:
                act()
        return working

    def _run(self) -> None:
        try:
            self._work(self)
            self.end("Done.")
        except Exception as error:  # whatever it is, it must reach the reader and not die in the thread
            self.error = error
            self.end(f"It did not run: {error}")
        if self._clock:
            self._clock.cancel()
        self.is_alive = False
        self._changed(self)
