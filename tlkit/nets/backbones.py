"""Backbones: networks cut in named stages, with the preprocessing they were trained with.

``minivgg`` comes with the course, pretrained on two sources; ``efficientnet_lite0`` with its installation; every
classification model of torchvision is a download away.
"""

from collections.abc import Collection, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.course import PACKAGE
from tlkit.disk.cards import read_card
from tlkit.nets import efficientnet, own_backbones
from tlkit.nets.devices import pick_device
from tlkit.nets.weights import fetch_weights, put_weights, read_shipped, read_weights

__all__ = ["BACKBONES", "Backbone", "load_backbone"]

WEIGHTS = PACKAGE / "weights"


class Backbone(nn.Module):
    """A network cut in named stages, from early to late, with a head on top.

    It takes pictures as they are, uint8 ``(n, 3, h, w)``, moves them to its own device and
    normalises them itself. Any network can be made into one, and then goes wherever a name goes::

        model = timm.create_model("resnet18.a1_in1k", pretrained=True)
        stages = {
            "stem": nn.Sequential(model.conv1, model.bn1, model.act1, model.maxpool),
            **{f"layer{k}": nn.Sequential(getattr(model, f"layer{k}")) for k in range(1, 5)},
            "codes": nn.Sequential(model.global_pool),  # the last stage gives a row a picture, which the head takes
        }
        mean, std = model.default_cfg["mean"], model.default_cfg["std"]
        mine = Backbone("resnet18.a1_in1k", stages, model.fc, mean, std, image_size=224, smallest=32)
        mine.source_accuracy = 0.7  # the share that its makers publish; ``advise`` needs it
        tlkit.two_phase(split, mine)

    Attributes
    ----------
    name : str
    stages : nn.ModuleDict
        Each stage is an ``nn.Sequential``; the output of one is the input of the next.
    head : nn.Linear
        The classifier on the last stage (``fc8`` in the literature's AlexNet and VGG).
    code_stage : str
        The last hidden stage. Its ReLU'd activations are the CNN codes.
    image_size, smallest : int
        The size it was trained on, and the smallest that its pooling allows, in pixels.
    frozen : int
        How many of the first stages are frozen; ``tlkit.freeze`` and ``tlkit.unfreeze`` set it.
    fixed_statistics : bool
        Whether BatchNorm keeps the statistics that it has while its stages train, in place of those of each batch.
    source_accuracy : float or None
        The share of the source's held-out pictures that its head gets right, 0 to 1; None for
        random weights and for a new head.
    class_names : tuple of str or None
        What the head tells apart, once it was trained on classes whose names are known.
    own : bool
        Whether somebody made it, so that no name loads it again; False for what ``load_backbone`` gives.

    Raises
    ------
    TypeError, ValueError
        For stages that are no ``nn.Sequential``, a head that is no ``nn.Linear``, or numbers that make no sense.
    """

    class_names: tuple[str, ...] | None = None

    def __init__(
        self,
        name: str,
        stages: dict[str, nn.Sequential],
        head: nn.Linear,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        image_size: int,
        smallest: int,
    ):
        super().__init__()
        own_backbones.check_parts(name, stages, head, mean, std)
        checks.count("image_size", image_size, checks.count("smallest", smallest, 1))
        self.name, self.image_size, self.smallest = name, image_size, smallest
        self.frozen, self.fixed_statistics = 0, False
        self.source_accuracy: float | None = None
        self.own = True
        self.stages = nn.ModuleDict(stages)
        self.head = head
        self.code_stage = list(stages)[-1]
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    @property
    def stage_names(self) -> list[str]:
        """The stages from early to late."""
        return list(self.stages)

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 0..255 to float32 with the mean and spread that the weights expect."""
        scale = 1.0 / (255.0 * self.std)
        # Multiplied and shifted in one pass, on bytes that were moved as bytes.
        floats = torch.addcmul(-self.mean / self.std, images.to(self.mean.device).float(), scale)
        return floats.contiguous(memory_format=torch.channels_last)

    def activations(self, images: Tensor, stage: str | None = None, relu: bool = True) -> Tensor:
        """Run the stages up to and including ``stage`` (default: the CNN codes).

        Returns float32 ``(n, d)`` for a fully-connected stage and ``(n, c, h, w)`` for a
        convolutional one. With ``relu=False`` the ReLU of that last stage is left out.
        """
        stage = checks.choose("stage", stage or self.code_stage, self.stages)
        return next(self.sweep(checks.images(images, self.smallest), [stage], relu))[1]

    def sweep(self, images: Tensor, stages: Collection[str], relu: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Run the network once and hand over the activations of each of ``stages`` on the way."""
        x, wanted = self.normalise(images), set(stages)
        for name, stage in self.stages.items():
            if name in wanted:
                wanted.remove(name)
                out = (stage if relu else _without_last_relu(name, stage))(x)
                yield name, out
            if not wanted:
                return
            x = out if relu and name in stages else stage(x)

    @torch.no_grad()
    def prefix(self, images: Tensor) -> Tensor:
        """What the frozen stages make of uint8 pictures; with none frozen, the normalised pictures."""
        x = self.normalise(images)
        for name in self.stage_names[: self.frozen]:
            x = self.stages[name](x)
        return x

    def rest(self, x: Tensor) -> Tensor:
        """The other stages and the head, on what ``prefix`` returned: the scores ``(n, classes)``."""
        for name in self.stage_names[self.frozen :]:
            x = self.stages[name](x)
        return self.head(x)

    def forward(self, images: Tensor) -> Tensor:
        """The scores of every class before softmax, float32 ``(n, classes)``."""
        return self.rest(self.prefix(checks.images(images, self.smallest)))

    def train(self, mode: bool = True) -> "Backbone":
        """As in PyTorch, but frozen stages stay in evaluation mode: their BatchNorm statistics are fixed."""
        super().train(mode)
        for name in self.stage_names[: self.frozen]:
            self.stages[name].eval()
        for layer in self.modules() if self.fixed_statistics else ():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.eval()
        return self

    def new_head(self, classes: int, seed: int | None = 0) -> "Backbone":
        """Put a fresh head for ``classes`` classes on top; returns the backbone itself.

        Its weights are random, or all zero if ``seed`` is None: then the first step moves the head alone, since
        through zeros no gradient reaches the stages.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed or 0)
            self.head = nn.Linear(self.head.in_features, classes).to(self.head.weight.device)
        if seed is None:
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)
        self.source_accuracy = self.class_names = None
        return self


def _without_last_relu(name: str, stage: nn.Sequential) -> nn.Sequential:
    """The stage without its last ReLU. Pooling and dropout may follow it: a maximum and a ReLU change places freely."""
    layers = list(stage)
    last = max((k for k, layer in enumerate(layers) if isinstance(layer, nn.ReLU)), default=None)
    after = layers[last + 1 :] if last is not None else layers
    if last is None or not all(isinstance(layer, (nn.MaxPool2d, nn.Dropout)) for layer in after):
        raise ValueError(f"Stage {name} does not end with a ReLU that could be left out. Use relu=True.")
    return nn.Sequential(*layers[:last], *after)


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
    return name if name in (*BACKBONES, efficientnet.NAME) else checks.choose("backbone", name, backbone_names())


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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name in BACKBONES:
            backbone = BACKBONES[name]()
        else:
            make = _efficientnet_lite0 if name == efficientnet.NAME else _from_torchvision
            backbone = make(name, pretrained, weights)
    if name in BACKBONES and (pretrained or weights):
        path = WEIGHTS / f"{name}.safetensors"
        put_weights(backbone, name, read_weights(Path(weights)) if weights else read_shipped(path))
        backbone.source_accuracy = None if weights else read_card(path.with_suffix(".toml"))["source_accuracy"]
    backbone.own = False
    # Channels last is how processors and GPUs like to convolve: twice the speed, the same numbers.
    return backbone.to(pick_device(device), memory_format=torch.channels_last).eval()


def _efficientnet_lite0(name: str, pretrained: bool, weights: str | Path | None) -> Backbone:
    stages, head = efficientnet.build()
    if pretrained or weights is not None:
        efficientnet.load_weights(stages, head, None if weights is None else Path(weights))
    size, smallest = efficientnet.IMAGE_SIZE, efficientnet.SMALLEST
    backbone = Backbone(name, stages, head, efficientnet.MEAN, efficientnet.STD, size, smallest)
    if pretrained and weights is None:
        backbone.source_accuracy = efficientnet.SOURCE_ACCURACY
    return backbone


def _from_torchvision(name: str, pretrained: bool, weights: str | Path | None) -> Backbone:
    from tlkit.nets import zoo

    state = None
    if weights is not None:
        state = read_weights(Path(weights))
    elif pretrained:
        fetch_weights(name, quiet=True)
        state = zoo.weights_of(name).get_state_dict(progress=False, check_hash=True)
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
