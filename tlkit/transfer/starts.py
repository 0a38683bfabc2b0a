"""What every way begins with, a split that can be learned and a network, and what is left when it is done."""

import copy

from tlkit import checks
from tlkit.data.splits import Split
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import check_backbone, load_backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.own_backbones import check_fit, random_copy
from tlkit.nets.scales import rescaled
from tlkit.transfer.balance import check_class_weight
from tlkit.transfer.classifier import Classifier

__all__: list[str] = []


def name_of(backbone: str | Backbone) -> str:
    """The name of a backbone that was checked."""
    return backbone.name if isinstance(backbone, Backbone) else backbone


def check_start(split: Split, backbone: str | Backbone, device: str, class_weight: str | None) -> None:
    """Raise ValueError or TypeError for what no way can begin with."""
    checks.instance("split", split, Split)
    pick_device(device)
    check_class_weight(class_weight)
    if not isinstance(backbone, Backbone):
        check_backbone(backbone)
    elif backbone.own:
        check_fit(backbone, split.train.images)
    if len(split.train.labels.unique()) < 2:
        raise ValueError(
            f"{split.name} has training pictures of one class only. A classifier needs at least two to tell apart."
        )


def network_for(backbone: str | Backbone, device: str, start: str = "pretrained", seed: int = 0) -> Backbone:
    """A network of its own for a way: ``"pretrained"``, ``"scaled"`` (see ``rescaled``) or ``"random"``."""
    if isinstance(backbone, Backbone) and (start != "random" or backbone.own):
        network = random_copy(backbone, seed) if start == "random" else copy.deepcopy(backbone)
        network = network.to(pick_device(device))
    else:
        network = load_backbone(name_of(backbone), start != "random", seed, device)
    return rescaled(network, seed) if start == "scaled" else network


def classifier_of(split: Split, network: Backbone, stage: str = "", rules: dict | None = None) -> Classifier:
    """What is left when a way is done."""
    size = tuple(split.train.images.shape[2:])
    return Classifier(network, split.class_names, size, stage, rules or {}, reading=split.reading)
