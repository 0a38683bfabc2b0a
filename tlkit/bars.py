"""Progress bars that leave nothing behind.

tqdm's own bars stay in a notebook, red, when they are stopped early, and a finished one comes back as
"Error displaying widget" when the saved notebook is opened again.
"""

import threading
from types import SimpleNamespace

from IPython.display import display
from tqdm.auto import tqdm as _Bar
from tqdm.notebook import tqdm_notebook

__all__: list[str] = []

_NOTHING = {"text/html": "", "text/plain": ""}


class _Quiet:
    """``disable=False`` leaves the last word to tqdm's own ``TQDM_DISABLE``, which wants no bar at all."""

    def __init__(self, *args: object, disable: bool = False, **kwargs: object):
        super().__init__(*args, **kwargs, **{"disable": True} if disable else {})


class _OnScreen(_Quiet, _Bar):
    """A bar in a terminal."""


class _InNotebook(_Quiet, _Bar):
    """A bar of widgets whose place in the notebook is emptied when it ends, however it ends.

    The widgets are made when they are shown. Made at once, those of every fit that takes a tenth of a second would
    cost more than the fit, and their messages would fill the queue of whoever runs the notebook.
    """

    def __init__(self, *args: object, **kwargs: object):
        self._place = None
        super().__init__(*args, **kwargs | {"display": False})
        self.displayed = True  # by what stands below, and not by tqdm

    @staticmethod
    def status_printer(*_: object) -> SimpleNamespace:
        """What stands in for the widgets until then, as far as tqdm asks."""
        return SimpleNamespace(children=[SimpleNamespace(style=SimpleNamespace()) for _ in range(3)])

    def display(self, *args: object, close: bool = False, check_delay: bool = True, **kwargs: object) -> None:
        if self._place is None:
            if close or (self.delay > 0 and not check_delay):
                return
            self.container = tqdm_notebook.status_printer(self.fp, self.total, self.desc, self.ncols)
            view = {"version_major": 2, "version_minor": 0, "model_id": self.container.model_id}
            shown = {"application/vnd.jupyter.widget-view+json": view, "text/plain": self.desc}
            self._place = display(shown, raw=True, display_id=True)
        super().display(*args, close=close, check_delay=check_delay, **kwargs)
        if close:
            self._place.update(_NOTHING, raw=True)

    def close(self) -> None:
        if not self.disable:
            self.total, self.leave = None, False  # stopped early is no error
        super().close()


# tqdm's own lock is a semaphore of the system, and a worker that an interrupt ends leaves it behind, with a warning.
# Bars of several processes need none: each shows its own.
_Bar.set_lock(threading.RLock())
tqdm = _InNotebook if issubclass(_Bar, tqdm_notebook) else _OnScreen
