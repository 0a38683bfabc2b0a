"""torchvision's classification models as backbones: each cut in named stages, from early to late.

A model keeps every layer and every weight; only the way it is divided is ours. The tests hold each
family's scores against those of the model it was cut from. timm's ``features_only`` and torchvision's
feature extraction give outputs, not stages that can be frozen, cut off and grafted.
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from torchvision import models
from torchvision.ops import Permute

__all__: list[str] = []

Stages = dict[str, list[nn.Module]]
Cut = tuple[Stages, nn.Linear]


def names() -> list[str]:
    """Every classification model of the installed torchvision."""
    return models.list_models(module=models)


def weights_of(name: str) -> models.WeightsEnum:
    """The best ImageNet weights that torchvision has for a model."""
    return models.get_model_weights(name).DEFAULT


def weights_file(name: str) -> Path:
    """Where torchvision's own loader keeps those weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(weights_of(name).url).name


def build(name: str) -> nn.Module:
    """The torchvision model with random weights."""
    options = {}
    if name in ("inception_v3", "googlenet"):
        # The pretrained files hold the auxiliary heads, so they must be there to load them.
        options = {"init_weights": True, "aux_logits": True, "transform_input": False}
    return models.get_model(name, weights=None, **options)


def cut(model: nn.Module) -> Cut:
    """Divide a torchvision model in named stages and a linear head.

    Raises
    ------
    ValueError
        For a model of a family that is not known here.
    """
    family = type(model).__name__
    if family not in _FAMILIES:
        raise ValueError(
            f"tlkit does not know how to cut a {family} in stages (torchvision {torchvision.__version__}).\n"
            f"It knows: {', '.join(sorted(_FAMILIES))}."
        )
    model.eval()
    return _FAMILIES[family](model)


def skeleton(name: str) -> tuple[nn.ModuleDict, dict[str, str]]:
    """The stages of a model without numbers in them, and torchvision's own name for each tensor of our cut.

    The names are those of a ``Backbone``'s ``state_dict``: ``{"head.weight": "fc.weight", ...}``.
    """
    try:
        with torch.device("meta"):  # nothing is filled in, so that it takes no time and no memory
            model = build(name)
            stages, head = cut(model)
    except NotImplementedError:  # a family that looks at numbers while it is built
        model = build(name)
        stages, head = cut(model)
    named = {id(tensor): key for key, tensor in model.state_dict(keep_vars=True).items()}
    ours = nn.ModuleDict({stage: nn.Sequential(*layers) for stage, layers in stages.items()})
    keys = {f"stages.{key}": named[id(tensor)] for key, tensor in ours.state_dict(keep_vars=True).items()}
    # SqueezeNet's own head is a convolution, and stands for the linear one that was made of it.
    where = named.get(id(head.weight), "classifier.1.weight").removesuffix(".weight")
    return ours, keys | {f"head.{part}": f"{where}.{part}" for part in ("weight", "bias")}


def _pool(*after: nn.Module) -> list[nn.Module]:
    """Averages what is left of the picture's places, so that a row of codes remains."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *after]


def _alexnet(model: nn.Module) -> Cut:
    layers, (drop6, fc6, relu6, drop7, fc7, relu7, fc8) = list(model.features), model.classifier
    bounds = (0, 3, 6, 8, 10, 13)  # AlexNet pools after conv1, conv2 and conv5 only
    stages = {f"conv{k}": layers[a:b] for k, (a, b) in enumerate(zip(bounds, bounds[1:]), start=1)}
    stages |= {"fc6": [model.avgpool, nn.Flatten(), drop6, fc6, relu6], "fc7": [drop7, fc7, relu7]}
    return stages, fc8


def _vgg(model: nn.Module) -> Cut:
    stages: Stages = {}
    group: list[nn.Module] = []
    for layer in model.features:
        group.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            stages[f"conv{len(stages) + 1}"], group = group, []
    fc6, relu6, drop6, fc7, relu7, drop7, fc8 = model.classifier
    stages |= {"fc6": [model.avgpool, nn.Flatten(), fc6, relu6, drop6], "fc7": [fc7, relu7, drop7]}
    return stages, fc8


def _resnet(model: nn.Module) -> Cut:
    stages: Stages = {"conv1": [model.conv1, model.bn1, model.relu, model.maxpool]}
    stages |= {f"layer{k}": [getattr(model, f"layer{k}")] for k in range(1, 5)}
    stages["layer4"] += _pool()
    return stages, model.fc


def _squeezenet(model: nn.Module) -> Cut:
    """Its own head scores every place and averages after a ReLU; a linear head averages first.

    So the 1,000 scores differ a little from torchvision's; codes and new heads do not.
    """
    stages = _by_resolution(list(model.features))
    drop, conv = model.classifier[:2]
    stages[list(stages)[-1]] += _pool(drop)
    head = nn.Linear(conv.in_channels, conv.out_channels)
    head.load_state_dict({"weight": conv.weight.flatten(1), "bias": conv.bias})
    return stages, head


def _densenet(model: nn.Module) -> Cut:
    stages = _by_resolution(list(model.features))
    stages[list(stages)[-1]] += [nn.ReLU(), *_pool()]
    return stages, model.classifier


def _inception(model: nn.Module) -> Cut:
    """Inception v3 and GoogLeNet: a chain of blocks, without the auxiliary heads of their training."""
    chain = [part for name, part in model.named_children() if not name.lower().startswith("aux")]
    stages = _by_resolution([part for part in chain if part not in (model.avgpool, model.dropout, model.fc)], size=128)
    stages[list(stages)[-1]] += _pool(model.dropout)
    return stages, model.fc


def _features_then_linear(model: nn.Module) -> Cut:
    """MobileNetV2, MNASNet and EfficientNet: blocks, an average, dropout, a linear head."""
    stages = _by_resolution(list(model.layers if hasattr(model, "layers") else model.features))
    stages[list(stages)[-1]] += _pool(model.classifier[0])
    return stages, model.classifier[1]


def _mobilenet_v3(model: nn.Module) -> Cut:
    hidden, swish, drop, head = model.classifier
    return _by_resolution(list(model.features)) | {"fc": _pool(hidden, swish, drop)}, head


def _convnext(model: nn.Module) -> Cut:
    norm, flatten, head = model.classifier
    stages = _by_resolution(list(model.features))
    stages[list(stages)[-1]] += [model.avgpool, norm, flatten]
    return stages, head


def _regnet(model: nn.Module) -> Cut:
    stages = _by_resolution([model.stem, *model.trunk_output])
    stages[list(stages)[-1]] += _pool()
    return stages, model.fc


def _shufflenet(model: nn.Module) -> Cut:
    parts = [model.conv1, model.maxpool, model.stage2, model.stage3, model.stage4, model.conv5]
    stages = _by_resolution(parts)
    stages[list(stages)[-1]] += _pool()
    return stages, model.fc


def _maxvit(model: nn.Module) -> Cut:
    *last, head = model.classifier
    stages: Stages = {"stem": [model.stem]}
    stages |= {f"block{k}": [block] for k, block in enumerate(model.blocks, start=1)}
    return stages | {"fc": last}, head


def _swin(model: nn.Module) -> Cut:
    """Its blocks hold the channels last; between stages they come second, as everywhere else."""
    groups = _by_resolution(list(model.features), height_at=1)
    groups[list(groups)[-1]] += [model.norm]
    stages: Stages = {}
    for name, layers in groups.items():
        before = [Permute([0, 2, 3, 1])] if stages else []
        stages[name] = [*before, *layers, Permute([0, 3, 1, 2])]
    stages[name] += _pool()
    return stages, model.head


class _Tokens(nn.Module):
    """The patches of a vision transformer as a row of vectors, its class token first: ``(n, 1 + patches, d)``."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.conv_proj, self.class_token = model.conv_proj, model.class_token
        self.pos_embedding, self.dropout = model.encoder.pos_embedding, model.encoder.dropout
        self.image_size = model.image_size

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[2:] != (self.image_size, self.image_size):
            height, width = images.shape[2:]
            raise ValueError(
                f"A vision transformer takes pictures of {self.image_size} x {self.image_size} pixels only, "
                f"not {height} x {width}. Load the dataset with image_size={self.image_size}."
            )
        patches = self.conv_proj(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        return self.dropout(tokens + self.pos_embedding)


class _ClassToken(nn.Module):
    """The first vector of each row: what a vision transformer classifies by."""

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens[:, 0]


def _vit(model: nn.Module) -> Cut:
    layers = list(model.encoder.layers)
    quarter = len(layers) // 4
    stages: Stages = {f"block{k + 1}": layers[k * quarter : (k + 1) * quarter] for k in range(4)}
    stages["block1"] = [_Tokens(model), *stages["block1"]]
    stages["block4"] = [*stages["block4"], model.encoder.ln, _ClassToken()]
    return stages, model.heads.head


@torch.inference_mode()
def _by_resolution(layers: list[nn.Module], size: int = 64, height_at: int = 2) -> Stages:
    """Group a chain of layers into stages ``block1, block2, ...``, a new one where the maps get smaller.

    A small blank picture is sent through to see where. Layers without weights (a pooling) begin the
    stage of the layers after them.
    """
    x = torch.zeros(1, 3, size, size)
    groups: list[list[nn.Module]] = [[]]
    largest, waiting = 0, []
    for layer in layers:
        x = layer(x)
        waiting.append(layer)
        if not any(True for _ in layer.parameters()):
            continue
        if largest and x.shape[height_at] < 0.75 * largest:
            groups.append([])
            largest = 0
        largest = largest or x.shape[height_at]
        groups[-1] += waiting
        waiting = []
    groups[-1] += waiting
    return {f"block{k}": group for k, group in enumerate(groups, start=1)}


_FAMILIES: dict[str, Callable[[nn.Module], Cut]] = {
    "AlexNet": _alexnet,
    "ConvNeXt": _convnext,
    "DenseNet": _densenet,
    "EfficientNet": _features_then_linear,
    "GoogLeNet": _inception,
    "Inception3": _inception,
    "MNASNet": _features_then_linear,
    "MaxVit": _maxvit,
    "MobileNetV2": _features_then_linear,
    "MobileNetV3": _mobilenet_v3,
    "RegNet": _regnet,
    "ResNet": _resnet,
    "ShuffleNetV2": _shufflenet,
    "SqueezeNet": _squeezenet,
    "SwinTransformer": _swin,
    "VGG": _vgg,
    "VisionTransformer": _vit,
}
