"""Advice before any training: how large, how similar, which way first, and how sure."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tlkit.data.splits import Split
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import check_backbone, load_backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.own_backbones import check_fit
from tlkit.study.decision import PER_CLASS
from tlkit.study.places import RULE, SMALL

__all__ = ["Advice", "advise", "similarity"]

# Between the second stop of the offline world and the third, as ``minivgg`` sees them. The rule of
# thumb has two kinds of target; the number has no gap there, so near the border nothing is sure.
BORDER, NEAR = 0.765, 0.05
# For another backbone the border was not measured, only that clear cases lie clear of it.
FAR_BELOW, FAR_ABOVE = 0.2, 0.1
_ENOUGH = 256  # pictures


def similarity(split: Split, backbone: str | Backbone = "minivgg", device: str = "auto") -> float:
    """How sure the backbone's own head is of what it sees, against how often it is right on its source.

    The head still names classes of the source. On pictures like those of the source it is sure of
    one of them; the farther the target, the flatter its softmax (Hendrycks and Gimpel 2017, who
    tell strange inputs from known ones by the largest probability). The mean largest probability is
    divided by the backbone's accuracy on the source, which it would equal there if the head were as
    sure as it is right. So the number is near 1 for pictures of the source, and falls from there. No
    label of the target and no picture of the source is needed, and nothing is trained.

    It can be wrong: a head can be sure of nonsense (``minivgg`` is of handwritten digits, which
    look like nothing in its source), and weights trained with label smoothing (Szegedy et al. 2016),
    as torchvision's newer ones are, are less sure than they are right, so that their numbers are too
    low.

    Parameters
    ----------
    split : Split
        Up to 256 training pictures are looked at.
    backbone : str or Backbone
        With the head of its pretraining. One of your own says in ``source_accuracy`` how often that is right.
    device : str

    Returns
    -------
    float, about 0 to 1

    Raises
    ------
    ValueError
        For an unknown backbone, or one without the head of its source.
    """
    if isinstance(backbone, Backbone):
        network = backbone.to(pick_device(device))
        _check_own(network, split.train.images)
    else:
        network = load_backbone(check_backbone(backbone), device=device)
    if not network.source_accuracy:
        raise ValueError(
            f"This {network.name} has random weights or a new head, so it cannot say what it knows.\n"
            f"Use the pretrained one: load_backbone({network.name!r})."
        )
    images = split.train.images
    images = images[torch.linspace(0, len(images) - 1, min(_ENOUGH, len(images))).long()]
    return float(_largest_probability(network, images).mean()) / network.source_accuracy


def _check_own(network: Backbone, images: Tensor) -> None:
    """Refuse a network of one's own that does not say how often it is right, which nobody else can know."""
    if not network.own:
        return
    known = network.source_accuracy
    if known is None:
        raise ValueError(
            f"{network.name} does not say how often its head is right on its source. Where that is published, say so:\n"
            "backbone.source_accuracy = 0.71, say. A head without a source knows no similarity: tlkit.compare decides."
        )
    if not 0 < known <= 1:
        raise ValueError(f"source_accuracy of {network.name} must be a share, above 0 to 1, but it is {known}.")
    check_fit(network, images)


@torch.inference_mode()
def _largest_probability(network: Backbone, images: Tensor) -> Tensor:
    was_training = network.training
    network.eval()
    try:
        return torch.cat([network(batch).softmax(1).amax(1).cpu() for batch in images.split(32)])
    finally:
        network.train(was_training)


@dataclass(frozen=True)
class Advice:
    """Where a target stands on the map, and which way to try first.

    Attributes
    ----------
    dataset, backbone : str
    per_class : int
        The mean.
    fewest : int
        Of the smallest class.
    similarity : float
        See ``tlkit.similarity``.
    size : "small" or "large"
    likeness : "similar" or "different"
    way : one of ``WAYS``
        What the rule of thumb says there.
    doubts : list of str
        What makes this unsure; empty if nothing does.
    own : bool
        Whether the backbone is one of your own, which no name loads.
    """

    dataset: str
    backbone: str
    per_class: int
    fewest: int
    similarity: float
    size: str
    likeness: str
    way: str
    doubts: list[str]
    own: bool = False

    @property
    def sure(self) -> bool:
        """Whether both the size and the similarity are far from their borders."""
        return not self.doubts

    def __str__(self) -> str:
        towards = "to" if self.likeness == "similar" else "from"
        rival = "scratch" if self.way == "pretrained start" else "pretrained start"
        how_sure = "Fairly sure." if self.sure else f"Not sure: {'; '.join(self.doubts)}."
        smallest = f" (the smallest class has {self.fewest})" if self.fewest < self.per_class else ""
        few = "few" if self.size == "small" else "many"
        backbone = "backbone" if self.own else f'"{self.backbone}"'
        return (
            f"{self.dataset}: {self.per_class} images per class{smallest} are {few}, and it is "
            f"{self.likeness} {towards} what {self.backbone} knows (similarity {self.similarity:.2f}).\n"
            f"Try first: {self.way}. {how_sure}\n"
            f"Proof, with your split{' and backbone' if self.own else ''}: "
            f'tlkit.compare(["{self.way}", "{rival}"], split, backbone={backbone})'
        )

    __repr__ = __str__


def advise(split: Split, backbone: str | Backbone = "minivgg", device: str = "auto") -> Advice:
    """Say which way to try first on a split, before anything is trained; ``compare`` tests it (lesson 08).

    Up to 20 images a class are few; from 100 on they are certainly many. Where classes differ in size
    their mean decides, and the smallest is a doubt if it lies elsewhere. The border of similarity
    lies between the second and the third stop of the offline world.

    The parameters, and what is raised, are those of ``similarity``.
    """
    found = similarity(split, backbone, device)
    name, own = (backbone.name, backbone.own) if isinstance(backbone, Backbone) else (backbone, False)
    size = "small" if split.per_class <= SMALL else "large"
    likeness = "similar" if found >= BORDER else "different"
    below, above = (NEAR, NEAR) if name == "minivgg" and not own else (FAR_BELOW, FAR_ABOVE)
    doubts = []
    if BORDER - below < found < BORDER + above:
        doubts.append("the similarity is near the border, so it may be called either")
    fewest, many = split.fewest, PER_CLASS[PER_CLASS.index(SMALL) + 1]
    if fewest <= SMALL < split.per_class:
        doubts.append(
            f"{split.per_class} images per class are the mean, and the smallest class has {fewest}, which are few "
            '(class_weight="balanced" gives every class the same say)'
        )
    if SMALL < split.per_class < many or SMALL < fewest < many:
        doubts.append("the size lies between what we measured as few and as many")
    way = RULE[size, likeness]
    return Advice(split.name, name, split.per_class, fewest, found, size, likeness, way, doubts, own)
