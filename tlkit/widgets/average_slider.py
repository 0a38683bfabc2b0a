"""A slider between a network before fine-tuning and after it, over what was measured."""

import ipywidgets
from matplotlib.axes import Axes

from tlkit import checks
from tlkit.language import said
from tlkit.study.shift_plots import ALL_SHARES, plot_average
from tlkit.study.shifts import ShiftTable, load_shifts
from tlkit.widgets.redrawn import Panel

__all__ = ["average_slider"]


class AverageSlider(Panel):
    """See ``average_slider``."""

    def __init__(self, measured: ShiftTable, dataset: str):
        self._measured = measured
        names = [name for _, name in measured.places]
        self.dataset = ipywidgets.Dropdown(options=names, value=dataset, description=said("target"))
        self.shift = ipywidgets.Dropdown(options=self._shifts(), value="shifted", description=said("shift"))
        self.share = ipywidgets.SelectionSlider(
            options=[f"{share:.0%}" for share in ALL_SHARES],
            description=said("fine-tuned"),
            continuous_update=False,
        )
        self.dataset.observe(self._offer_shifts, "value")
        self._open([[self.dataset, self.shift, self.share]], [self.shift, self.share], height=380)

    def _shifts(self) -> list[tuple[str, str]]:
        return [(said("all of them"), "shifted"), *((name, name) for name in self._measured.shifts(self.dataset.value))]

    def _offer_shifts(self, change: dict) -> None:
        """Those of this target, the chosen one if it has it."""
        chosen = self.shift.value
        self.shift.options = self._shifts()
        self.shift.value = chosen if chosen in dict(self._shifts()).values() else "shifted"
        self._draw()

    def _figure(self) -> Axes:
        share = ALL_SHARES[self.share.index]
        return plot_average(self._measured, self.dataset.value, self.shift.value, share)


def average_slider(dataset: str = "flowers") -> AverageSlider:
    """Move between the head alone and the fine-tuned network, and see both tests; all of it was measured before.

    Parameters
    ----------
    dataset : where it opens, one of the targets of ``datasets/shifts.csv``

    Raises
    ------
    ValueError
        For a target that was not measured.
    """
    measured = load_shifts()
    checks.choose("dataset", dataset, [name for _, name in measured.places])
    return AverageSlider(measured, dataset)
