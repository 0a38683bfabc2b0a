"""A widget that takes a zip of your pictures and makes a split of them, in JupyterLab and on Colab."""

import html
import re
from pathlib import Path

import ipywidgets

from tlkit import checks
from tlkit.data.depths import FITS
from tlkit.data.splits import Split
from tlkit.disk.cache import folder_for, write_atomically
from tlkit.folders.loading import load_folder
from tlkit.language import said
from tlkit.widgets.display import HTML, show_widget

__all__ = ["upload_folder"]

_HELP = (
    "A zip with one subfolder for each class, or with those in train, val and test; or the path of one, or of "
    "a folder, on the machine that runs this notebook. JupyterLab takes uploads of about 10 MB; for more, put the "
    "file there and give its path."
)


def first_file(files: dict | tuple) -> tuple[str, bytes]:
    """Name and content of the file that a ``FileUpload`` holds: ipywidgets 8 gives a tuple of dicts, 7 a dict."""
    name, file = next(iter(files.items())) if isinstance(files, dict) else (files[0]["name"], files[0])
    return name, bytes(file["content"])


class FolderUpload:
    """A button for a zip, a line for a path, and the report of what was read.

    Attributes
    ----------
    split : Split or None
        Of the last pictures that could be read.
    """

    def __init__(self, image_size: int = 224, fit: str = "crop"):
        self.image_size, self.fit = image_size, checks.choose("fit", fit, FITS)
        self.split: Split | None = None
        self._button = ipywidgets.FileUpload(accept=".zip", multiple=False, description=said("Upload a zip"))
        self._path = ipywidgets.Text(placeholder=said("or a path, then Enter"), continuous_update=False)
        self._said = HTML("<i>No pictures yet.</i>")
        self._button.observe(self._on_upload, "value")
        self._path.observe(self._on_path, "value")
        controls = ipywidgets.HBox([self._button, self._path], layout={"flex_flow": "row wrap"})
        self._box = ipywidgets.VBox([HTML(f"<small>{_HELP}</small>"), controls, self._said])

    def load(self, path: str | Path) -> None:
        """Read a zip or a folder; what is wrong with it is shown, and the split before it is kept."""
        self._said.value = "<i>Looking at the pictures ...</i>"
        try:
            self.split = load_folder(path, image_size=self.image_size, quiet=True, fit=self.fit)
        except (ValueError, TypeError, OSError) as error:
            self._refuse(error)
            return
        said = f"{self.split.report}\n{self.split!r}"
        self._said.value = html.escape(said).replace("\n", "<br>")

    def _refuse(self, error: Exception) -> None:
        self._said.value = f"<b>Not read.</b> {html.escape(str(error))}".replace("\n", "<br>")

    def _on_upload(self, change: dict) -> None:
        if not change["new"]:
            return
        name, content = first_file(change["new"])
        try:
            path = folder_for("uploads") / (re.sub(r"[^\w.-]", "_", Path(name).stem)[:50] + ".zip")
            write_atomically(path, lambda part: part.write_bytes(content))
        except OSError as error:
            self._refuse(error)
            return
        self.load(path)

    def _on_path(self, change: dict) -> None:
        if change["new"].strip():
            self.load(change["new"].strip())

    def _ipython_display_(self) -> None:
        show_widget(self._box, f"<p>{html.escape(_HELP)}</p>", _HELP)


def upload_folder(image_size: int = 224, fit: str = "crop") -> FolderUpload:
    """Let the reader bring pictures of their own; ``.split`` has them once they are read.

    Parameters
    ----------
    image_size : int
        Height and width in pixels: that of the backbone, 16 to 512.
    fit : {"crop", "pad", "squash"}
        How a picture becomes a square: see ``load_folder``.

    Raises
    ------
    ValueError, TypeError
        For another size or fit.
    """
    checks.count("image_size", image_size, 16, 512)
    return FolderUpload(image_size, fit)
