"""A backbone: a network cut in named stages, with its head and the preprocessing that it was trained with."""

from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.nets import cuts

__all__ = ["Backbone"]


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
    frozen_stages : tuple of str
        The stages that are frozen, from early to late; ``tlkit.freeze`` and ``tlkit.unfreeze`` set it.
    frozen : int
        How many of the *first* stages are frozen: what they make of a picture can be computed once, and kept.
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
    _made_by = 'tlkit.load_backbone("minivgg") makes one; of a network of your own: help(tlkit.Backbone).'

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
        cuts.check_parts(name, stages, head, mean, std)
        checks.count("image_size", image_size, checks.count("smallest", smallest, 1))
        self.name, self.image_size, self.smallest = name, image_size, smallest
        self.frozen_stages: tuple[str, ...] = ()
        self.fixed_statistics = False
        self.source_accuracy: float | None = None
        self.own = True
        self.stages = nn.ModuleDict(stages)
        self.head = head
        self.code_stage = list(stages)[-1]
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    @property
    def device(self) -> torch.device:
        """Where its weights lie, and so where it computes."""
        return self.mean.device

    @property
    def stage_names(self) -> list[str]:
        """The stages from early to late."""
        return list(self.stages)

    @property
    def frozen(self) -> int:
        """How many of the first stages are frozen: the place of the first one that trains."""
        places = (k for k, name in enumerate(self.stages) if name not in self.frozen_stages)
        return next(places, len(self.stages))

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 0..255 to float32 with the mean and spread that the weights expect."""
        scale, shift = 1.0 / (255.0 * self.std), -self.mean / self.std
        images = images.to(self.mean.device)  # moved as bytes
        floats = torch.empty(images.shape, device=images.device, memory_format=torch.channels_last)
        for one in (slice(k, k + 1) for k in range(3)):  # straight into that layout: each number is written once
            torch.addcmul(shift[:, one], images[:, one].float(), scale[:, one], out=floats[:, one])
        return floats

    def activations(self, images: Tensor, stage: str | None = None, relu: bool = True) -> Tensor:
        """Run the stages up to and including ``stage`` (default: the CNN codes).

        Returns float32 ``(n, d)`` for a fully-connected stage and ``(n, c, h, w)`` for a
        convolutional one. With ``relu=False`` the ReLU of that last stage is left out.
        """
        stage = checks.choose("stage", self.code_stage if stage is None else stage, self.stages)
        checks.flag(relu=relu)
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
        """What the frozen first stages make of uint8 pictures; with none frozen, the normalised pictures."""
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
        for name in self.frozen_stages:
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
        checks.count("classes", classes, 1, checks.MANY)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0 if seed is None else checks.seed(seed))
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
