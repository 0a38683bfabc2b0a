"""Augmentation: other views of the same pictures, made from whole batches with torchvision's operations."""

import importlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tlkit import checks

__all__ = ["Augmentation"]

_MOST_VIEWS = 1000  # of a picture: each is kept


@dataclass(frozen=True)
class Augmentation:
    """Random flips, rotations, scalings and crops: ``augmentation(images, seed)`` gives one new view of each picture.

    Augmentation says which changes leave the class as it is (Krizhevsky et al. 2012); lesson 06
    shows what each is worth, and one that is not true.

    Parameters
    ----------
    flip_horizontal, flip_vertical : bool
        Mirror each picture left to right, or top to bottom, with probability 1/2.
    rotation : float
        Turn by up to this many degrees either way, 0 to 180.
    scale : float
        Shrink or enlarge by up to this factor, 1 (not at all) to 2.
    crop : float
        The smallest side of a random square window, as a share of the picture's, above 0 to 1
        (the whole picture). The window is enlarged to the size of the picture.
    views : int
        How many views of each picture are made where work is done once, at least 2: the picture as it is, and others.
        A probe learns from all of them; a network with frozen stages draws one of them each epoch.
    together : int
        Rotation, scale and crop share their draw among this many pictures of a batch: one call
        turns them all, which is faster. Flips are drawn for each picture.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range, or what is no number.
    """

    _made_by = "tlkit.Augmentation(flip_horizontal=True) is one; None leaves pictures as they are."

    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: float = 0.0
    scale: float = 1.0
    crop: float = 1.0
    views: int = 4
    together: int = 4

    def __post_init__(self) -> None:
        for name, low, high in (("rotation", 0.0, 180.0), ("scale", 1.0, 2.0), ("crop", 0.05, 1.0)):
            checks.number(name, getattr(self, name), low, high)
        checks.flag(flip_horizontal=self.flip_horizontal, flip_vertical=self.flip_vertical)
        checks.count("views", self.views, 2, _MOST_VIEWS)
        checks.count("together", self.together, 1)
        if self._moves:
            load_operations()  # now, so that the seconds of a training do not hold it

    @property
    def _moves(self) -> bool:
        return self.rotation != 0 or self.scale != 1 or self.crop != 1

    def __call__(self, images: Tensor, seed: int = 0) -> Tensor:
        """One view of each picture, uint8 ``(n, 3, h, w)``, on the device where the pictures are."""
        checks.images(images)
        random = torch.Generator().manual_seed(checks.count("seed", seed, 0, 2**63 - 1))  # more than a seed of a run
        for wanted, axis in ((self.flip_horizontal, -1), (self.flip_vertical, -2)):
            if wanted:
                chosen = (torch.rand(len(images), generator=random) < 0.5).view(-1, 1, 1, 1).to(images.device)
                images = torch.where(chosen, images.flip(axis), images)
        if not self._moves:
            return images
        groups = images.split(self.together)
        return torch.cat([self._one_view(group, torch.rand(5, generator=random)) for group in groups])

    def _one_view(self, images: Tensor, random: Tensor) -> Tensor:
        """Rotate, scale and crop all pictures alike; ``random`` holds five numbers from 0 to 1."""
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms.v2 import functional as ops

        height, width = images.shape[-2:]
        turn, grow, window_side, top, left = random.tolist()
        if self.rotation or self.scale > 1:
            # A mirrored margin as wide as what turning and shrinking uncover, or there would be black corners.
            reach = math.hypot(width, height) if self.rotation else max(width, height)
            margin = [min(math.ceil((reach * self.scale - side) / 2) + 1, side - 1) for side in (width, height)]
            images = ops.pad(images, margin, padding_mode="reflect")
            images = ops.affine(
                images,
                angle=self.rotation * (2 * turn - 1),
                translate=[0, 0],
                scale=self.scale ** (2 * grow - 1),
                shear=[0.0, 0.0],
                interpolation=InterpolationMode.BILINEAR,
            )
            images = ops.center_crop(images, [height, width])
        if self.crop < 1:
            share = self.crop + (1 - self.crop) * window_side
            window = [max(1, round(height * share)), max(1, round(width * share))]
            corner = [round((height - window[0]) * top), round((width - window[1]) * left)]
            images = ops.resized_crop(images, *corner, *window, [height, width], antialias=True)
        return images


def load_operations() -> None:
    """Load torchvision, which takes a second or two: not before somebody wants more than flips."""
    importlib.import_module("torchvision.transforms.v2")
