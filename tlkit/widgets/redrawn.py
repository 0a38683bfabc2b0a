"""Controls above a picture that follows them: plain ipywidgets that work on 7.7 and on 8."""

from collections.abc import Sequence

import ipywidgets
from matplotlib.axes import Axes

from tlkit.figures import style
from tlkit.widgets.display import HTML, show_widget

__all__: list[str] = []


class Panel:
    """Controls above a picture that is drawn again when a control moves.

    A subclass makes its controls, passes them to ``_open`` and says in ``_figure`` what to draw
    from their values.
    """

    def _open(self, rows: Sequence[Sequence[ipywidgets.Widget]], redraw_on: Sequence[ipywidgets.Widget], height: int):
        """Lay the controls out in rows, draw the first picture, and listen."""
        # At least this high, so that the page does not jump while a picture is replaced.
        self._picture = HTML(layout={"min_height": f"{height}px", "overflow": "auto"})
        lines = [ipywidgets.HBox(list(row), layout={"flex_flow": "row wrap", "align_items": "center"}) for row in rows]
        self._box = ipywidgets.VBox([*lines, self._picture])
        for control in redraw_on:
            control.observe(self._draw, "value")
        self._draw()

    def _figure(self) -> Axes:
        raise NotImplementedError

    def _draw(self, change: dict | None = None) -> None:
        figure = self._figure()
        self._still = style.as_html(figure)
        self._alt = figure.figure.alt_text
        # Narrower than this its words cannot be read: on a phone it scrolls.
        self._picture.value = f'<div style="min-width:620px">{self._still}</div>'

    def _ipython_display_(self) -> None:
        show_widget(self._box, self._still, self._alt)
