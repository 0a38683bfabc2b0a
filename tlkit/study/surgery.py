"""Which stages for which shift? The experiment of Lee et al. (2023) on the offline world.

A network learns the genera of a drawn dataset, from the first species of each. Then something is no longer as it was,
and a few pictures show it. One part of the network learns from them; all else is frozen, the head too:

============  ========================================================================
``input``     the same species, photographed in little light by a small sensor
``features``  other species of the same genera
``labels``    the same species, but each name stands for another genus: the last comes first
============  ========================================================================
"""

import copy

import torch

from tlkit import checks
from tlkit.data.shifts import corrupt
from tlkit.data.splits import ImageSet, Split, load_dataset, painter_version
from tlkit.disk.cache import cached
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import load_backbone
from tlkit.nets.devices import pick_device, pick_precision
from tlkit.nets.freezing import freeze, unfreeze
from tlkit.study.places import STOPS
from tlkit.transfer.scoring import accuracy
from tlkit.transfer.training import train_network
from tlkit.world.catalogue import OFFLINE_DATASETS

__all__ = ["PARTS", "SHIFTS", "changed", "source_network", "tune_part"]

SHIFTS = ("input", "features", "labels")
# From early to late; "nothing" is the network as it was.
PARTS = {"nothing": (), "conv1": ("conv1",), "conv4": ("conv4",), "fc7": ("fc7",), "head": (), "all": ()}
PER_CLASS, EPOCHS, RATE, BATCH = 50, 8, 4e-3, 32  # of the source: those of ``pretrained_start`` on 50 a class
FEW, STEPS = 5, 30  # pictures of each genus after the shift, and steps on all of them
RATES = (1e-3, 4e-3, 1.6e-2)
COLUMNS = ("dataset", "shift", "part", "seed", "rate", "val_accuracy", "accuracy")
_DARK, _GRAIN = ("dusk", 1.0), ("noise", 1.0)


def genera(dataset: str, images: torch.Tensor, species: torch.Tensor, others: bool = False) -> ImageSet:
    """Pictures with their genus as label: of the first species of each genus, or of all the others."""
    siblings = OFFLINE_DATASETS[dataset].families[0].siblings
    rows = (species % siblings == 0) != others
    return ImageSet(images[rows], species[rows] // siblings)


def source_network(dataset: str, seed: int = 0, device: str = "auto") -> Backbone:
    """minivgg, trained from its pretrained weights on the first species of each genus; kept in the cache."""
    where = pick_device(device)

    def make() -> dict[str, torch.Tensor]:
        part = _drawn(dataset, seed).train
        old = genera(dataset, *_split_train(part)[0])
        network = load_backbone(device=device).new_head(int(old.labels.max()) + 1, seed)
        train_network(network, old, None, EPOCHS, RATE, batch_size=BATCH, seed=seed, desc=f"source {dataset}")
        return network.state_dict()

    numbers = f"{where.type}-{pick_precision(where)}".replace("torch.", "")
    key = f"genera-{dataset}-{PER_CLASS}-seed{seed}-{EPOCHS}-{RATE:g}-{BATCH}-{painter_version()}-{numbers}"
    state = cached("networks", key, make)
    network = load_backbone(device=device).new_head(len(state["head.bias"]))
    network.load_state_dict(state)
    return network.eval()


def changed(dataset: str, shift: str, seed: int = 0) -> tuple[ImageSet, ImageSet, ImageSet]:
    """A few new pictures of each genus, val and test, all of them after the shift."""
    checks.choose("shift", shift, SHIFTS)
    split = _drawn(dataset, seed)
    given = [_split_train(split.train)[1], *((part.images, part.labels) for part in (split.val, split.test))]
    parts = [genera(dataset, *each, others=shift == "features") for each in given]
    parts[0] = parts[0].first(FEW)
    if shift == "labels":
        return tuple(ImageSet(part.images, part.labels.max() - part.labels) for part in parts)
    if shift == "input":
        return tuple(ImageSet(_dim(part.images, 3 * seed + k), part.labels) for k, part in enumerate(parts))
    return tuple(parts)


def tune_part(network: Backbone, part: str, few: ImageSet, rate: float, seed: int = 0) -> Backbone:
    """A copy of the network in which one part has learned from a few pictures; nothing else moves, nor the head.

    Parameters
    ----------
    part : str
        One stage, ``"head"``, or ``"all"``; with ``"nothing"`` the copy is as it was.
    few : ImageSet
    rate : float
        The learning rate of all that learns.
    """
    checks.choose("part", part, PARTS)
    network = copy.deepcopy(network)
    if part == "nothing":
        return network
    if part == "head":
        freeze(network)
    elif part == "all":
        unfreeze(network)
    else:
        unfreeze(network, stages=PARTS[part]).head.requires_grad_(False)
    train_network(network, few, None, STEPS, rate, batch_size=len(few), seed=seed, desc=part)
    return network


def recompute_tuning(dataset: str, shift: str, part: str, seed: int = 0, device: str = "auto") -> dict:
    """One part under one shift, tuned now and here: a row with the rate that val chose, and its test accuracy.

    Among equals on val the smallest rate is taken. Test is opened once, for the network that was chosen.
    """
    checks.choose("target dataset", dataset, STOPS)
    checks.choose("part", part, PARTS)
    few, val, test = changed(dataset, shift, seed)
    source = source_network(dataset, seed, device)
    tuned = {rate: tune_part(source, part, few, rate, seed) for rate in (RATES if part != "nothing" else (0.0,))}
    on_val = {rate: accuracy(network, val) for rate, network in tuned.items()}
    rate = max(on_val, key=on_val.get)
    values = (dataset, shift, part, seed, rate, round(on_val[rate], 4), round(accuracy(tuned[rate], test), 4))
    return dict(zip(COLUMNS, values))


def _drawn(dataset: str, seed: int) -> Split:
    """What the network learned from, and behind it the few pictures that it has not seen; its val and test are new."""
    return load_dataset(dataset, PER_CLASS + FEW, seed)


def _split_train(part: ImageSet) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pictures and species of the source, and of what comes after; pictures come species by species in turn."""
    end = PER_CLASS * len(part.labels.unique())
    return [(part.images[:end], part.labels[:end]), (part.images[end:], part.labels[end:])]


def _dim(images: torch.Tensor, seed: int) -> torch.Tensor:
    """A photo in little light, with the grain that a small sensor then has."""
    return corrupt(corrupt(images, *_DARK), *_GRAIN, seed=seed)
