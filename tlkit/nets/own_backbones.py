"""Backbones that somebody made of a network of their own: refused where they are none, and given random weights."""

import copy
from collections import Counter
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tlkit import checks

if TYPE_CHECKING:
    from tlkit.nets.backbones import Backbone

__all__: list[str] = []


def check_parts(
    name: str, stages: dict[str, nn.Sequential], head: nn.Linear, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    """Raise TypeError or ValueError for parts that make no backbone, in words that say how to mend them."""
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"A backbone needs a name, a text without slashes, not {name!r}.")
    _check_stages(stages)
    if not isinstance(head, nn.Linear):
        raise TypeError(
            f"The head must be an nn.Linear, not {type(head).__name__}. What is before it belongs to the last stage."
        )
    for what, values in (("mean", mean), ("std", std)):
        if len(values) != 3:
            raise ValueError(f"{what} needs three numbers, for red, green and blue, but it has {len(values)}.")
    if not all(0 < value < float("inf") for value in std):
        raise ValueError(f"std must be above 0 for each colour, but it is {tuple(std)}.")
    if not all(-1 <= value <= 1 for value in (*mean, *std)):
        raise ValueError(f"mean {tuple(mean)} and std {tuple(std)} are not for values from 0 to 1. Divide them by 255?")


def _check_stages(stages: dict[str, nn.Sequential]) -> None:
    if not isinstance(stages, dict) or not stages:
        raise TypeError("stages must be a dict from names to nn.Sequential, from early to late.")
    for stage, layers in stages.items():
        if not isinstance(stage, str) or not stage.replace("_", "").replace("-", "").isalnum():
            raise ValueError(f"A stage cannot be called {stage!r}. Take letters, digits, - and _, such as conv1.")
        if not isinstance(layers, nn.Sequential):
            kind = type(layers).__name__
            raise TypeError(f"Stage {stage} must be an nn.Sequential, not {kind}. Write nn.Sequential(...) around it.")
    times = Counter(id(weight) for layers in stages.values() for weight in layers.parameters())
    for stage, layers in stages.items():
        if any(times[id(weight)] > 1 for weight in layers.parameters()):
            raise ValueError(
                f"Stage {stage} has a layer with weights that stands in another stage too. Put it into one, "
                "or freezing a stage would freeze a part of the other."
            )


@torch.no_grad()
def check_fit(backbone: "Backbone", images: Tensor) -> None:
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


def random_copy(backbone: "Backbone", seed: int) -> "Backbone":
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
