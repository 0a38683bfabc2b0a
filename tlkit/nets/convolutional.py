"""Fully connected stages as convolutions: the same weights give a map of scores for a larger picture.

The mechanism is written out in lesson 10 (Sermanet et al. 2014; Long et al. 2015).
"""

import copy

import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.nets.backbone import Backbone

__all__ = ["as_convolutions"]


class _Pictures(nn.Module):
    """The first layer: uint8 pictures become what the weights expect; too small ones are refused."""

    normalise = Backbone.normalise  # the same line, so the same numbers

    def __init__(self, backbone: Backbone):
        super().__init__()
        self.smallest = backbone.image_size
        self.register_buffer("mean", backbone.mean.clone())
        self.register_buffer("std", backbone.std.clone())

    def forward(self, images: Tensor) -> Tensor:
        return self.normalise(checks.images(images, self.smallest))


def as_convolutions(backbone: Backbone) -> nn.Sequential:
    """A copy of a network in which ``fc6``, ``fc7`` and the head are convolutions.

    ``fc6`` becomes a window as large as the grid that it was trained on, the others windows of 1 x 1.
    The averaging before ``fc6`` is left out. On pictures of the training size the scores are those of
    the backbone; a larger picture gives one row of scores for every place where the window fits.

    Parameters
    ----------
    backbone : Backbone
        ``minivgg``, or AlexNet or a VGG of torchvision, with any head. It is left as it is, and its
        weights are copied.

    Returns
    -------
    nn.Sequential
        In evaluation mode. It takes uint8 pictures ``(n, 3, h, w)`` of at least the training size, and
        gives scores ``(n, classes, rows, columns)``.

    Raises
    ------
    ValueError
        For a network of another family, which does not end with ``fc6``, ``fc7`` and a head.
    """
    checks.instance("backbone", backbone, Backbone)
    if not {"fc6", "fc7"} <= set(backbone.stages):
        raise ValueError(
            f"{backbone.name} has no fc6 and fc7 to turn into convolutions; its stages are "
            f"{', '.join(backbone.stages)}.\nas_convolutions takes minivgg, AlexNet and the VGGs."
        )
    layers: list[nn.Module] = [_Pictures(backbone)]
    grid = 1
    for layer in (*(layer for stage in backbone.stages.values() for layer in stage), backbone.head):
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            side = layer.output_size
            grid = side if isinstance(side, int) else side[0]
        elif isinstance(layer, nn.Linear):
            layers.append(_convolution(layer, grid))
            grid = 1
        elif not isinstance(layer, nn.Flatten):
            layers.append(copy.deepcopy(layer))
    return nn.Sequential(*layers).to(memory_format=torch.channels_last).eval()


@torch.no_grad()
def _convolution(linear: nn.Linear, grid: int) -> nn.Conv2d:
    """The same weights, in the order in which ``nn.Flatten`` laid out channels, rows and columns."""
    convolution = nn.Conv2d(
        linear.in_features // grid**2,
        linear.out_features,
        grid,
        bias=linear.bias is not None,
        device=linear.weight.device,
        dtype=linear.weight.dtype,
    )
    convolution.weight.copy_(linear.weight.view_as(convolution.weight))
    if linear.bias is not None:
        convolution.bias.copy_(linear.bias)
    return convolution
