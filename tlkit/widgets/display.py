"""How a widget gets into a page, and what stands there where no front end answers."""

import ipywidgets
from IPython.display import display
from traitlets import validate

from tlkit.language import said, said_html

__all__: list[str] = []

# Long options wrap on a narrow screen; by itself ipywidgets cuts them off.
WRAPPED = (
    "<style>.tlkit-wrapped .widget-radio-box label{height:auto;white-space:normal;line-height:1.4;margin:.15em 0}"
    ".tlkit-wrapped .widget-html-content{white-space:normal;line-height:1.4}</style>"
)


class HTML(ipywidgets.HTML):
    """Words of the course on a page, in the language in use."""

    @validate("value")
    def _in_language(self, proposal: dict) -> str:
        return said_html(proposal["value"])


def show_widget(box: ipywidgets.Widget, static: str, plain: str) -> None:
    """Display a widget, with ``static`` HTML and ``plain`` text for where no front end answers."""
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    data = {"application/vnd.jupyter.widget-view+json": view, "text/html": said_html(static), "text/plain": said(plain)}
    display(data, raw=True)
