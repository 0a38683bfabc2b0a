"""What any way leaves behind: pictures in, class names out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor

from tlkit import checks
from tlkit.data import pictures
from tlkit.data.depths import Reading
from tlkit.nets.backbone import Backbone
from tlkit.nets.devices import autocast, batch_size_for
from tlkit.transfer import naming
from tlkit.transfer.features import read_stages
from tlkit.transfer.naming import PhotoNames
from tlkit.transfer.probes import LinearRule

__all__ = ["Classifier"]


@dataclass(repr=False)
class Classifier:
    """A backbone with a trained head, or a frozen backbone and a linear probe on one of its stages.

    ``result.classifier`` is one, and ``load_model`` gives one back.

    Attributes
    ----------
    backbone : Backbone
    class_names : list of str
        In the order of the labels.
    size : (int, int)
        Height and width in pixels of the pictures that it was trained on.
    stage : str
        Where a probe reads the backbone, ``"conv1+conv2"`` where it reads several; "" for a network.
    rules : dict from stage to LinearRule
        The probe of each stage that was tried; empty for a network.
    card : dict
        What its author says about it, if it was loaded; else empty.
    reading : Reading or None
        How files were read in training (``split.reading``), cropped or not; new photos are read the same way.
    """

    backbone: Backbone
    class_names: list[str]
    size: tuple[int, int]
    stage: str = ""
    rules: dict[str, LinearRule] = field(default_factory=dict)
    card: dict = field(default_factory=dict)
    reading: Reading | None = None

    @property
    def network(self) -> Backbone | None:
        """The trained network; None for a probe, which leaves its backbone as it was."""
        return None if self.rules else self.backbone

    @property
    def kind(self) -> str:
        """``"network"``, or the kind of the probe."""
        return self.rules[self.stage].kind if self.rules else "network"

    @property
    def scores_are(self) -> str:
        """``"probability"``; or ``"decision score"``, of an SVM."""
        return "decision score" if self.kind == "svm" else "probability"

    def predict(self, images: Tensor) -> np.ndarray:
        """The most likely class of every picture, int64 ``(n,)``.

        Parameters
        ----------
        images : uint8 tensor (n, 3, h, w), values 0 to 255
            As large as those of the training. For photo files there is ``predict_photos``.

        Raises
        ------
        ValueError, TypeError
            For pictures of another size, shape or dtype.
        """
        return self.answers(images)[self.stage]

    def scores(self, images: Tensor) -> np.ndarray:
        """How much speaks for each class: float64 ``(n, k)``, a column for each of ``class_names``.

        Probabilities, which add up to 1, of a network (softmax) and of the probes ``"softmax"`` and
        ``"one-vs-rest"``. An SVM has decision scores: above 0 it says yes, and more is surer, but they
        are no probabilities.

        The parameters, and what is raised, are those of ``predict``.
        """
        return self._scores(self._decisions(self._fitting(images), [self.stage])[self.stage])

    def answers(self, images: Tensor) -> dict[str, np.ndarray]:
        """The most likely class of every picture by each stage that was tried, int64 ``(n,)``; "" is a network's."""
        decisions = self._decisions(self._fitting(images), list(self.rules))
        return {stage: found.argmax(1) for stage, found in decisions.items()}

    def predict_photos(self, photos: str | Path | Iterable[str | Path], top: int = 3) -> PhotoNames:
        """Name photo files, read as those of the training: turned upright, made square, scaled, in the same colours.

        They are read a few at a time, so memory does not grow with their number. Every photo gets a
        name, also one that shows none of the classes.

        Parameters
        ----------
        photos : str, Path, or several of them
            Files, or folders, with everything below them.
        top : int
            How many names to give for each, the most likely first.

        Returns
        -------
        PhotoNames
            A table, with a picture by ``plot()``; what could not be read is in its ``left_out``.

        Raises
        ------
        ValueError, TypeError
            If none of them can be read, or it is no path.
        """
        top = min(checks.count("top", top, 1), len(self.class_names))
        files = naming.photo_files(photos)
        if self.size[0] != self.size[1]:
            raise ValueError(
                f"This was trained on pictures of {self.size[0]} x {self.size[1]} pixels, but photos are read as "
                "squares.\nBring them to that size as a tensor, and use predict(images)."
            )
        batch = batch_size_for(self.backbone.device, *self.size)
        read = partial(pictures.read_picture, reading=self.reading)
        found = PhotoNames(self.class_names, self.scores_are, top)
        for names, images in naming.read_batches(files, self.size[0], read, batch, found.left_out):
            found.add(names, images, self._scores(self._decisions(images, [self.stage], keep=False)[self.stage]))
        if not found.files:
            (name, why), *others = found.left_out.items()
            more = f", and no other of the {len(others) + 1} files" if others else ""
            raise ValueError(f"{name} cannot be read as a photo{more}: {why}.")
        return found

    def _fitting(self, images: Tensor) -> Tensor:
        """The pictures, if they are as large as those of the training."""
        given = tuple(checks.images(images).shape[2:])
        if given != tuple(self.size):
            (height, width), (h, w) = self.size, given
            raise ValueError(
                f"The pictures are {h} x {w} pixels, but this was trained on {height} x {width}.\n"
                "For photo files use predict_photos(path), which reads them as in training. A tensor can be scaled:\n"
                f"torchvision.transforms.functional.resize(images, [{height}, {width}], antialias=True)."
            )
        return images

    def _decisions(self, images: Tensor, stages: Sequence[str], keep: bool = True) -> dict[str, np.ndarray]:
        """What is largest for the most likely class, float64 (n, k): by each stage, or "" of a network."""
        if not self.rules:
            return {"": _logits(self.backbone, images)}
        features, _ = read_stages(self.backbone, images, stages, keep)
        return {stage: self.rules[stage].decisions(features[stage], len(self.class_names)) for stage in stages}

    def _scores(self, decisions: np.ndarray) -> np.ndarray:
        return self.rules[self.stage].scores(decisions) if self.rules else softmax(decisions, axis=1)

    def __repr__(self) -> str:
        what = f"a {self.kind} probe on {self.stage} of" if self.rules else "a trained"
        return f"{what} {self.backbone.name}: {len(self.class_names)} classes, {self.size[0]} x {self.size[1]} pixels"


@torch.inference_mode()
def _logits(network: Backbone, images: Tensor) -> np.ndarray:
    """The scores of a network before softmax, as ``tlkit.predict`` computes them."""
    device, was_training = network.device, network.training
    network.eval()
    try:
        with autocast(device):
            batches = images.split(batch_size_for(device, *images.shape[2:]))
            return torch.cat([network(batch).float().cpu() for batch in batches]).double().numpy()
    finally:
        network.train(was_training)
