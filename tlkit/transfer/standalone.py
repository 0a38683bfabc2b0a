"""A shared network without this course: its tensors under torchvision's own names, and the code that loads them."""

import inspect
import re
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from tlkit.data import pictures
from tlkit.nets import efficientnet, zoo
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import BACKBONES

__all__: list[str] = []

_OURS = {*BACKBONES, efficientnet.NAME}  # what torchvision has no names for


@cache
def _skeleton(name: str) -> tuple[nn.ModuleDict, dict[str, str]]:
    with torch.random.fork_rng(devices=[]):
        if name == efficientnet.NAME:
            return nn.ModuleDict(efficientnet.build()[0]), {}
        return (BACKBONES[name]().stages, {}) if name in BACKBONES else zoo.skeleton(name)


def stages_of(name: str) -> nn.ModuleDict:
    """The layers of a backbone of this name; their numbers mean nothing."""
    return _skeleton(name)[0]


def _keys(name: str) -> dict[str, str]:
    return _skeleton(name)[1]


def to_torchvision(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a ``Backbone`` under torchvision's names; those that torchvision has not keep theirs."""
    if name in _OURS:
        return state
    theirs = {key: state[ours] for ours, key in _keys(name).items()}
    if name.startswith("squeezenet"):
        theirs["classifier.1.weight"] = theirs["classifier.1.weight"][:, :, None, None]  # as a convolution
    return theirs


def from_torchvision(name: str, state: dict[str, Tensor], mean: Tensor, std: Tensor) -> dict[str, Tensor]:
    """The way back; the colours, which torchvision does not keep, come from the card.

    Raises
    ------
    KeyError
        If a tensor is missing.
    """
    if name in _OURS or "head.weight" in state:  # the second: saved before torchvision's names were used
        return state
    ours = {key: state[theirs] for key, theirs in _keys(name).items()} | {"mean": mean, "std": std}
    if name.startswith("squeezenet"):
        ours["head.weight"] = ours["head.weight"].flatten(1)
    return ours


def code(network: Backbone, class_names: Sequence[str], size: tuple[int, int], weights: str, fit: str = "crop") -> str:
    """A program that loads the network and names a photo, without this course; ``fit`` is one of ``depths.FITS``."""
    height, width = size
    mean, std = (getattr(network, name).flatten().tolist() for name in ("mean", "std"))
    if network.name == efficientnet.NAME:
        imports, build = _IMPORTS_LITE, _efficientnet(network)
    elif network.name in BACKBONES:
        imports, build = _IMPORTS, _minivgg(network)
    else:
        imports, build = "from torchvision import models\n", _from_torchvision(network)
    return _PROGRAM.format(
        imports=imports,
        names=list(class_names), build=build, weights=weights, mean=mean, std=std, height=height, width=width,
        classes=len(class_names), helper=inspect.getsource(pictures.padded) + "\n\n" if fit == "pad" else "",
        square=_SQUARES[fit].format(height=height, width=width),
    )  # fmt: skip


def _from_torchvision(network: Backbone) -> str:
    name, width, classes = network.name, network.head.in_features, network.head.out_features
    options = ", aux_logits=False, init_weights=False" if name in ("inception_v3", "googlenet") else ""
    # classifier.6 is model.classifier[6]
    where = re.sub(r"\.(\d+)", r"[\1]", "model." + _keys(name)["head.weight"].removesuffix(".weight"))
    lines = [f"model = models.get_model({name!r}, weights=None{options})"]
    if name.startswith("squeezenet"):
        lines += [
            f"{where} = torch.nn.Conv2d({width}, {classes}, 1)",
            "model.classifier[2] = torch.nn.Identity()  # trained without a ReLU behind the scores",
        ]
    else:
        lines.append(f"{where} = torch.nn.Linear({width}, {classes})")
    return "\n".join(lines)


def _minivgg(network: Backbone) -> str:
    return _MINIVGG.format(classes=network.head.out_features)


def _efficientnet(network: Backbone) -> str:
    """The program text of its layers, as it stands in the module that has them."""
    layers = (efficientnet._Conv, efficientnet._MBConv, efficientnet._norm, efficientnet._conv_norm_relu)
    parts = [f"_BLOCKS = {efficientnet._BLOCKS}", *map(inspect.getsource, (*layers, efficientnet.build))]
    head = f"nn.Linear({network.head.in_features}, {network.head.out_features})"
    model = f"model = nn.Sequential(OrderedDict(stages=nn.Sequential(OrderedDict(build()[0])), head={head}))"
    return "\n\n\n".join(["", *(part.strip() for part in parts), model])


_SQUARES = {
    "crop": "ImageOps.fit(photo, ({width}, {height}), Image.Resampling.BILINEAR, bleed=0.0625)  # its middle",
    "pad": "padded(photo, {height})",
    "squash": "photo.resize(({width}, {height}), Image.Resampling.BILINEAR)",
}

_IMPORTS = """\
from collections import OrderedDict

from torch.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
"""

_IMPORTS_LITE = """\
from collections import OrderedDict

from torch import Tensor, nn
"""

_MINIVGG = """\


def conv(before, after):
    return Sequential(Conv2d(before, after, 3, padding=1, bias=False), BatchNorm2d(after), MaxPool2d(2), ReLU())


stages = OrderedDict()
for k, (before, after) in enumerate([(3, 32), (32, 64), (64, 128), (128, 256), (256, 256)], start=1):
    stages[f"conv{{k}}"] = conv(before, after)
stages["fc6"] = Sequential(AdaptiveAvgPool2d(2), Flatten(), Linear(1024, 512), ReLU())
stages["fc7"] = Sequential(Linear(512, 512), ReLU())
model = Sequential(OrderedDict(stages=Sequential(stages), head=Linear(512, {classes})))"""

_PROGRAM = """\
import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
{imports}
class_names = {names}
{build}
state = load_file({weights!r})
model.load_state_dict({{name: tensor for name, tensor in state.items() if name not in ("mean", "std")}})
model.eval()
mean = torch.tensor({mean}).view(3, 1, 1)
std = torch.tensor({std}).view(3, 1, 1)


def probabilities(images):  # uint8 (n, 3, {height}, {width}), red, green, blue -> (n, {classes})
    with torch.inference_mode():
        return model((images / 255 - mean) / std).softmax(1)


{helper}def read(path):  # upright, square, scaled
    photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    photo = {square}
    return torch.from_numpy(np.array(photo)).permute(2, 0, 1)


# print(class_names[probabilities(read("photo.jpg")[None]).argmax()])
"""
