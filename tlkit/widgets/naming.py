"""A classifier names one photo while somebody looks: a strip of pictures to click, or a photo of one's own."""

import html
import tempfile
from pathlib import Path

import ipywidgets
import numpy as np
import torch
from torch import Tensor

from tlkit import checks
from tlkit.data.splits import ImageSet
from tlkit.language import said
from tlkit.transfer.classifier import Classifier
from tlkit.transfer.features import read_stages
from tlkit.transfer.naming import PhotoNames
from tlkit.transfer.results import Result
from tlkit.widgets.display import HTML, show_widget
from tlkit.widgets.naming_html import naming_html, naming_of, small_source
from tlkit.widgets.upload import first_file

__all__ = ["name_photo"]

_TOP, _NEAR, _CLICKABLE = 3, 5, 12
_SIDE = 72  # pixels of a button
_HELP = "Your photo stays on the machine that runs this notebook. Up to about 10 MB; a phone offers its camera."


class PhotoNamer:
    """See ``name_photo``.

    Attributes
    ----------
    naming : Naming or None
        What was said of the last picture; None before the first, and where a file could not be read.
    """

    def __init__(self, classifier: Classifier, pictures: ImageSet | None, train: ImageSet | None, own_photo: bool):
        self.classifier, self.naming = classifier, None
        self._train, self._rows = train, None
        self._shown = self._spread(pictures) if pictures else None
        self._buttons = [
            ipywidgets.Button(description=f"{said('picture')} {k + 1}", tooltip=f"{said('picture')} {k + 1}")
            for k in range(len(self._shown) if self._shown else 0)
        ]
        for k, button in enumerate(self._buttons):
            button.layout.width = button.layout.height = f"{_SIDE}px"
            button.add_class(f"tlkit-picture-{k}")
            button.on_click(lambda _, k=k: self.click(k))
        self._said = HTML(layout={"min_height": "330px" if train else "190px", "overflow": "auto"})
        self._upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description=said("A photo of your own"))
        self._upload.layout.width = "auto"
        self._upload.observe(self._on_upload, "value")
        strip = ipywidgets.HBox(self._buttons, layout={"flex_flow": "row wrap"})
        help_text = HTML(f"<div style='line-height:1.4;white-space:normal;font-size:13px'>{_HELP}</div>")
        own = ipywidgets.HBox([self._upload, help_text], layout={"flex_flow": "row wrap", "align_items": "center"})
        self._box = ipywidgets.VBox([*([strip] if self._shown else []), *([own] if own_photo else []), self._said])
        self._box.add_class("tlkit-namer")
        if self._shown:
            self._box.children = (HTML(self._strip_look()), *self._box.children)
            self.click(0)
        else:
            self._said.value = "<i>No photo yet.</i>"

    @staticmethod
    def _spread(pictures: ImageSet) -> ImageSet:
        """A dozen of them, evenly spread: nobody chose those that go well."""
        rows = torch.linspace(0, len(pictures) - 1, min(len(pictures), _CLICKABLE)).long()
        return pictures.where(rows)

    def _strip_look(self) -> str:
        """The style that lays its picture over each button, under a name of this widget alone."""
        own = f"tlkit-namer-{self._box.model_id}"
        self._box.add_class(own)
        faces = "".join(
            f'.{own} .tlkit-picture-{k}{{background-image:url("{small_source(picture)}")}}'
            for k, picture in enumerate(self._shown.images)
        )
        return (
            f"<style>.{own} button{{background-size:cover;font-size:0;padding:0;margin:3px;border-radius:4px}}"
            f".{own} .jupyter-widget-upload,.{own} .widget-upload{{font-size:inherit;padding:0 10px}}"
            f".{own} button.tlkit-chosen{{outline:4px solid #D55E00}}{faces}</style>"
            f"<span style='font-size:15px'>{said('Click a picture:')}</span>"
        )

    def click(self, k: int) -> None:
        """Name picture ``k`` of the strip, counted from 0."""
        checks.count("picture", k, 0, len(self._buttons) - 1)
        picture, label = self._shown.images[k : k + 1], int(self._shown.labels[k])
        names = self._shown.class_names or self.classifier.class_names
        found = PhotoNames(self.classifier.class_names, self.classifier.scores_are, self._top)
        found.add([f"picture {k + 1}"], picture, self.classifier.scores(picture))
        self._show(found, names[label])
        for j, button in enumerate(self._buttons):
            (button.add_class if j == k else button.remove_class)("tlkit-chosen")

    def read(self, path: str | Path, name: str | None = None) -> None:
        """Name a photo file; what is wrong with it is shown in place of an answer."""
        for button in self._buttons:
            button.remove_class("tlkit-chosen")
        try:
            if Path(path).is_dir():
                raise ValueError(f"{path} is a folder. Give one photo here; predict_photos names a whole folder.")
            found = self.classifier.predict_photos([path], self._top)
        except (ValueError, OSError) as error:
            self.naming = None
            words = str(error).replace(str(path), name or str(path))
            self._said.value = f"<b>Not read.</b> {html.escape(words)}".replace("\n", "<br>")
            return
        self._show(found)

    @property
    def _top(self) -> int:
        return min(_TOP, len(self.classifier.class_names))

    def _show(self, found: PhotoNames, truth: str | None = None) -> None:
        self.naming = naming_of(found, truth, self._nearest(found.pictures[0]))
        self._said.value = naming_html(self.naming)

    def _nearest(self, picture: Tensor) -> list[tuple[Tensor, str]]:
        """The training pictures that lie nearest, in what the classifier reads of them."""
        if self._train is None:
            return []
        backbone, stage = self.classifier.backbone, self.classifier.stage or self.classifier.backbone.code_stage
        if self._rows is None:
            self._rows = read_stages(backbone, self._train.images, [stage])[0][stage]
        features, _ = read_stages(backbone, picture[None], [stage], keep=False)
        nearest = np.linalg.norm(self._rows - features[stage], axis=1).argsort(kind="stable")[:_NEAR]
        names = self.classifier.class_names
        return [(self._train.images[row], names[self._train.labels[row]]) for row in nearest.tolist()]

    def _on_upload(self, change: dict) -> None:
        if not change["new"]:
            return
        name, content = first_file(change["new"])
        self._said.value = "<i>Looking at the photo ...</i>"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "photo"  # what a file is says its content, and its name may be anything
            path.write_bytes(content)
            self.read(path, name)

    def _ipython_display_(self) -> None:
        if self.naming is None:
            show_widget(self._box, f"<p>{html.escape(_HELP)}</p>", f"Name a photo of your own. {_HELP}")
            return
        best = ", ".join(f"{name} {score}" for name, score, _ in self.naming.best)
        plain = said(f"One picture, its most likely names with their {self.naming.scores_are}: {best}.")
        show_widget(self._box, naming_html(self.naming), f"{plain} True name: {self.naming.truth or 'unknown'}.")


def name_photo(model: Result | Classifier, pictures: ImageSet | None = None, own_photo: bool = False) -> PhotoNamer:
    """Let the reader have pictures named, one at a time: the likely names, the truth, the nearest training pictures.

    Parameters
    ----------
    model : Result of any way, or Classifier
        ``load_model`` gives a Classifier; with a Result the nearest of its training pictures are shown too.
    pictures : ImageSet, optional
        Those to click; a dozen of them, evenly spread, are offered. Of a Result by default those of test once it
        was opened, and of val before.
    own_photo : bool
        Whether the reader can bring a photo: a file, or on a phone the camera. Without pictures it is always so.

    Returns
    -------
    PhotoNamer
        ``click(k)`` and ``read(path)`` do without a mouse what it does; ``naming`` is the last answer.

    Raises
    ------
    TypeError
        If ``model`` is neither.
    ValueError
        If the pictures are of another size than those of the training.
    """
    if not isinstance(model, (Result, Classifier)):
        raise TypeError(
            f"name_photo takes the result of a way (tlkit.WAYS) or what load_model gives, not {checks.shown(model)}."
        )
    if pictures is not None:
        checks.instance("pictures", pictures, ImageSet)
    checks.flag(own_photo=own_photo)
    if isinstance(model, Classifier):
        return PhotoNamer(model, pictures, None, own_photo or pictures is None)
    if pictures is None:
        pictures = model.split.val if model.test_accuracy is None else model.split.test
    return PhotoNamer(model.classifier, pictures, model.split.train, own_photo)
