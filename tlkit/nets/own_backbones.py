"""Backbones that somebody made of a network of their own: whether their parts fit, and random weights for them."""

import copy

import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.nets.backbone import Backbone

__all__: list[str] = []


@torch.no_grad()
def check_fit(backbone: Backbone, images: Tensor) -> None:
    """Send one picture through; raise ValueError where a stage, or the head, does not take what comes before it."""
    x, was_training = backbone.normalise(checks.images(images, backbone.smallest)[:1]), backbone.training
    backbone.eval()
    try:
        for name, stage in backbone.stages.items():
            x = _run(f"Stage {name} of {backbone.name}", stage, x)
    finally:
        backbone.train(was_training)
    if x.shape != (1, backbone.head.in_features):
        raise ValueError(
            f"The last stage of {backbone.name} gives {tuple(x.shape[1:])} for a picture, but its head takes "
            f"{backbone.head.in_features} numbers.\nAre nn.AdaptiveAvgPool2d(1), nn.Flatten() missing?"
        )


def _run(what: str, stage: nn.Sequential, x: Tensor) -> Tensor:
    try:
        out = stage(x)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{what} cannot take {tuple(x.shape)}: {str(error).partition(chr(10))[0]}\n"
            "Each stage must take what the one before it gives, the first one pictures (n, 3, height, width)."
        ) from error
    if not isinstance(out, Tensor):
        raise ValueError(f"{what} gives a {type(out).__name__}, not a tensor. Add a layer that picks it.")
    return out


def random_copy(backbone: Backbone, seed: int) -> Backbone:
    """The same network with weights drawn anew, by the ``reset_parameters`` of its layers.

    Raises
    ------
    ValueError
        If a layer has weights but cannot draw them.
    """
    fresh = copy.deepcopy(backbone)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, layer in fresh.named_modules():
            # nn.MultiheadAttention hides its own behind an underscore.
            reset = getattr(layer, "reset_parameters", None) or getattr(layer, "_reset_parameters", None)
            if reset is not None:
                reset()
            elif next(layer.parameters(recurse=False), None) is not None:
                raise ValueError(
                    f"{backbone.name} cannot start from random weights: {name}, a {type(layer).__name__}, has weights "
                    "but no reset_parameters().\nGive its class that method, or leave out the way 'scratch'."
                )
    fresh.source_accuracy = None
    return fresh
