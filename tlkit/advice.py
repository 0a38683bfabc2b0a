"""Advice before any training: how large, how similar, which way first, and how sure."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tlkit.backbones import Backbone, check_backbone, load_backbone
from tlkit.data import Split
from tlkit.decision import PER_CLASS, RULE, SMALL
from tlkit.devices import pick_device

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
        With the head of its pretraining.
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
    similarity : float
        See ``tlkit.similarity``.
    size : "small" or "large"
    likeness : "similar" or "different"
    way : one of ``WAYS``
        What the rule of thumb says there.
    doubts : list of str
        What makes this unsure; empty if nothing does.
    """

    dataset: str
    backbone: str
    per_class: int
    similarity: float
    size: str
    likeness: str
    way: str
    doubts: list[str]

    @property
    def sure(self) -> bool:
        """Whether both the size and the similarity are far from their borders."""
        return not self.doubts

    def __str__(self) -> str:
        towards = "to" if self.likeness == "similar" else "from"
        rival = "scratch" if self.way == "pretrained start" else "pretrained start"
        how_sure = "Fairly sure." if self.sure else f"Not sure: {'; '.join(self.doubts)}."
        return (
            f"{self.dataset}: {self.per_class} images per class are {'few' if self.size == 'small' else 'many'}, and "
            f"it is {self.likeness} {towards} what {self.backbone} knows (similarity {self.similarity:.2f}).\n"
            f"Try first: {self.way}. {how_sure}\n"
            f'Proof, with your split: tlkit.compare(["{self.way}", "{rival}"], split, backbone="{self.backbone}")'
        )

    __repr__ = __str__


def advise(split: Split, backbone: str | Backbone = "minivgg", device: str = "auto") -> Advice:
    """Say which way to try first on a split, before anything is trained; ``compare`` tests it (lesson 08).

    Up to 20 images a class are few; from 100 on they are certainly many. The border of similarity
    lies between the second and the third stop of the offline world.

    The parameters, and what is raised, are those of ``similarity``.
    """
    found = similarity(split, backbone, device)
    name = backbone.name if isinstance(backbone, Backbone) else backbone
    size = "small" if split.per_class <= SMALL else "large"
    likeness = "similar" if found >= BORDER else "different"
    below, above = (NEAR, NEAR) if name == "minivgg" else (FAR_BELOW, FAR_ABOVE)
    doubts = []
    if BORDER - below < found < BORDER + above:
        doubts.append("the similarity is near the border, so it may be called either")
    if SMALL < split.per_class < PER_CLASS[PER_CLASS.index(SMALL) + 1]:
        doubts.append("the size lies between what we measured as few and as many")
    return Advice(split.name, name, split.per_class, found, size, likeness, RULE[size, likeness], doubts)
