"""The backbones that there are, and how they are loaded.

``minivgg`` comes with the course, pretrained on two sources; ``efficientnet_lite0`` with its installation; every
classification model of torchvision is a download away.
"""

from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from tlkit import checks
from tlkit.course import PACKAGE
from tlkit.disk.cards import read_card
from tlkit.nets import efficientnet
from tlkit.nets.backbone import Backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.weights import fetch_weights, put_weights, read_fetched, read_shipped, read_weights

__all__ = ["load_backbone"]

WEIGHTS = PACKAGE / "weights"


def minivgg(classes: int = 100, name: str = "minivgg") -> Backbone:
    """A small VGG (Simonyan and Zisserman 2015) for 64 x 64 pictures: 1.8 million weights.

    Five stages of convolution, BatchNorm, pooling and ReLU (32-64-128-256-256 channels), then
    ``fc6`` and ``fc7`` with 512 units each. Like torchvision's VGG it averages the last
    convolutional stage to a fixed grid (2 x 2), so it takes any size from 32 pixels on.
    """
    stages: dict[str, nn.Sequential] = {}
    channels = (3, 32, 64, 128, 256, 256)
    for k, (before, after) in enumerate(pairwise(channels), start=1):
        # ReLU after the pooling gives the same numbers as before it, from a quarter of the work.
        stages[f"conv{k}"] = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.MaxPool2d(2), nn.ReLU()
        )
    stages["fc6"] = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256 * 2 * 2, 512), nn.ReLU())
    stages["fc7"] = nn.Sequential(nn.Linear(512, 512), nn.ReLU())
    for layer in nn.Sequential(*stages.values()).modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # He et al. 2015
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return Backbone(
        name,
        stages,
        nn.Linear(512, classes),
        mean=(0.40, 0.40, 0.32),
        std=(0.25, 0.24, 0.23),
        image_size=64,
        smallest=32,
    )


# Those that come with the course: one network, pretrained on two sources.
BACKBONES = {"minivgg": minivgg, "minivgg-portraits": partial(minivgg, 300, "minivgg-portraits")}


def backbone_names() -> list[str]:
    """Every name that ``load_backbone`` takes."""
    from tlkit.nets import zoo  # torchvision takes a second to import, and minivgg can do without

    return [*BACKBONES, efficientnet.NAME, *zoo.names()]


def check_backbone(name: str) -> str:
    """Return ``name`` if there is such a backbone; else raise ValueError with the nearest ones."""
    if not isinstance(name, str):
        raise TypeError(f"A backbone is a name, such as 'minivgg', or a tlkit.Backbone, not {checks.shown(name)}.")
    return name if name in (*BACKBONES, efficientnet.NAME) else checks.choose("backbone", name, backbone_names())


def weights_are_here(name: str) -> bool:
    """Whether the pretrained weights of a backbone are on this machine; asks no network."""
    if check_backbone(name) in BACKBONES:
        return True
    if name == efficientnet.NAME:
        return efficientnet.weights_file() is not None
    from tlkit.nets import zoo

    return zoo.weights_file(name).exists()


def load_backbone(
    name: str = "minivgg",
    pretrained: bool = True,
    seed: int = 0,
    device: str = "auto",
    weights: str | Path | None = None,
) -> Backbone:
    """Load a backbone, in evaluation mode.

    Parameters
    ----------
    name : str
        ``"minivgg"``, pretrained on the 100 classes of ``atlas``; ``"minivgg-portraits"``, the same
        network pretrained on 300 drawn people; ``"efficientnet_lite0"``, pretrained on ImageNet, whose
        weights pip has installed; or any classification model of torchvision, pretrained
        on the 1,000 classes of ImageNet: ``"alexnet"``, ``"vgg16"``, ``"inception_v3"``,
        ``"resnet18"``, ``"squeezenet1_1"``, ... Its preprocessing and its ``image_size`` are those of
        its weights.
    pretrained : bool
        False gives the same architecture with random weights: the start of training from scratch.
    seed : int
        The seed of those random weights.
    device : str
        ``"auto"`` (CUDA, then MPS, then CPU) or a torch device.
    weights : str or Path, optional
        A file of weights in place of the usual ones: ``.safetensors``, or ``.pth`` (which is read
        as tensors alone; code in it is refused).

    Raises
    ------
    ValueError
        If there is no such backbone, or its weights are not installed, damaged or those of another one.
    ConnectionError
        If the weights are not here and can not be fetched.
    """
    check_backbone(name)
    checks.flag(pretrained=pretrained)
    if weights is not None:
        weights = checks.path("weights", weights)
    place = pick_device(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(checks.seed(seed))
        if name in BACKBONES:
            backbone = BACKBONES[name]()
        else:
            make = _efficientnet_lite0 if name == efficientnet.NAME else _from_torchvision
            backbone = make(name, pretrained, weights)
    if name in BACKBONES and (pretrained or weights):
        path = WEIGHTS / f"{name}.safetensors"
        put_weights(backbone, name, read_weights(weights) if weights else read_shipped(path))
        card = read_card(path.with_suffix(".toml"), ["source_accuracy"])
        backbone.source_accuracy = None if weights else card["source_accuracy"]
    backbone.own = False
    # Channels last is how processors and GPUs like to convolve: twice the speed, the same numbers.
    return backbone.to(place, memory_format=torch.channels_last).eval()


def _efficientnet_lite0(name: str, pretrained: bool, weights: str | Path | None) -> Backbone:
    stages, head = efficientnet.build()
    if pretrained or weights is not None:
        efficientnet.load_weights(stages, head, weights)
    size, smallest = efficientnet.IMAGE_SIZE, efficientnet.SMALLEST
    backbone = Backbone(name, stages, head, efficientnet.MEAN, efficientnet.STD, size, smallest)
    if pretrained and weights is None:
        backbone.source_accuracy = efficientnet.SOURCE_ACCURACY
    return backbone


def _from_torchvision(name: str, pretrained: bool, weights: str | Path | None) -> Backbone:
    from tlkit.nets import zoo

    state = None
    if weights is not None:
        state = read_weights(weights)
    elif pretrained:
        fetch_weights(name, quiet=True)
        state = read_fetched(name)
    model = zoo.build(name)
    if state is not None:
        put_weights(model, name, state)
    stages, head = zoo.cut(model)
    recipe, meta = zoo.weights_of(name).transforms(), zoo.weights_of(name).meta
    # These two were trained on values from -1 to 1, whatever the recipe of their weights says.
    mean, std = ((0.5,) * 3, (0.5,) * 3) if name in ("inception_v3", "googlenet") else (recipe.mean, recipe.std)
    stages = {stage: nn.Sequential(*layers) for stage, layers in stages.items()}
    smallest = max(32, *meta["min_size"])
    backbone = Backbone(name, stages, head, tuple(mean), tuple(std), recipe.crop_size[0], smallest)
    if state is not None:
        backbone.source_accuracy = meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100
    return backbone
