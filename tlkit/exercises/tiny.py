"""A network small enough to examine in no time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tlkit.nets.backbone import Backbone


@contextmanager
def own_luck(seed: int) -> Iterator[None]:
    """Random weights that leave the student's random state alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def tiny_backbone(classes: int, seed: int, features: int = 6) -> Backbone:
    """A backbone of three small stages with BatchNorm, in training mode; takes float ``(n, features)``."""
    with own_luck(seed):
        conv1, conv2, fc3 = (
            nn.Sequential(nn.Linear(features, features), nn.BatchNorm1d(features), nn.ReLU()) for _ in range(3)
        )
        network = _OnRows(conv1, conv2, fc3, nn.Linear(features, classes))
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm1d):  # or those of two networks would be the same
                nn.init.uniform_(layer.running_mean, -1, 1)
                nn.init.uniform_(layer.running_var, 0.5, 2)
    return network


class _OnRows(Backbone):
    """A backbone for rows of numbers in place of pictures: small enough to examine in no time."""

    def __init__(self, conv1: nn.Sequential, conv2: nn.Sequential, fc3: nn.Sequential, head: nn.Linear):
        stages = {"conv1": conv1, "conv2": conv2, "fc3": fc3}
        super().__init__("tiny", stages, head, (0.5,) * 3, (0.5,) * 3, image_size=8, smallest=8)

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(x)
