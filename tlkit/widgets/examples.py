"""Some pictures of a target, as tensors; as parts of a page, without PyTorch, see ``tiles``."""

from functools import cache

import torch
from torch import Tensor

from tlkit.data import photos
from tlkit.study.places import CLASSES, class_count, world_of
from tlkit.world.catalogue import draw_pictures

__all__: list[str] = []


@cache
def pictures_of(dataset: str, count: int = 8) -> Tensor:
    """A picture each of up to ``count`` classes spread over a target that is here, uint8 ``(n, 3, 64, 64)``."""
    if world_of(dataset) == "photos":
        return photos.examples(dataset, count, 64, CLASSES.get(dataset))
    classes = torch.linspace(0, class_count(dataset) - 1, count).long()
    return draw_pictures(dataset, "train", classes, torch.zeros_like(classes), seed=0, size=64)
