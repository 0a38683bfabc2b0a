"""Training while somebody watches: one run behind a button."""

from __future__ import annotations  # a Result is a hint alone: who has not run anything needs no PyTorch

import html
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from tlkit.history import History
from tlkit.language import said
from tlkit.widgets.background import TIME_IS_UP, Background
from tlkit.widgets.display import HTML

if TYPE_CHECKING:
    from tlkit.transfer.results import Result

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
        self.stop = ipywidgets.Button(description=said("stop"), icon="stop", disabled=True)
        self.budget = ipywidgets.BoundedIntText(30, 1, 3600, description=said("seconds"), layout={"width": "160px"})
        self.said = HTML()
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
        self.run.description = said("not here yet" if lacks else "run it now")
        if not working:
            self.said.value = _as_html(lacks)
        return not (lacks or working)

    def _begin(self) -> None:
        if self.look():
            self.run.disabled, self.stop.disabled, self.said.value = True, False, _begins()
            self._job = Background(self._work, self._on_change)

    def _work(self, job: Background) -> None:
        def on_epoch_end(history: History) -> bool:
            job.start_clock(self.budget.value)  # drawing the pictures, before the first epoch, does not count
            self._on_epoch(history)
            self.said.value = f"Epoch {len(history.loss)}, {history.seconds[-1]:.1f} s of training"
            return bool(job.why)

        self.result = self._start(on_epoch_end)
        history = getattr(self.result, "history", None)  # a probe has none
        stopped = history.stopped if history else ""
        stopped = stopped.replace("as asked", "as the time is up" if job.why == TIME_IS_UP else "as asked")
        found = f"<b>{self.result.val_accuracy:.1%}</b> on val, {self.result.seconds:.1f} s of training."
        self._found = f"{said(found)} {said(stopped)}".rstrip()

    def _on_change(self, job: Background) -> None:
        if not job.is_alive:
            self.said.value = f"<b>It did not run:</b> {_as_html(str(job.error))}" if job.error else self._found
            self.run.disabled, self.stop.disabled = False, True


def _begins() -> str:
    return "Running …" if "torch" in sys.modules else "Loading PyTorch …"


def _as_html(words: str) -> str:
    return html.escape(words).replace("\n", "<br>")
