"""The two ways that leave the backbone as it is: a linear classifier on what one of its stages gives."""

import time
from collections.abc import Sequence

import torch
from sklearn.base import clone

from tlkit import checks
from tlkit.data.augment import Augmentation
from tlkit.data.splits import Split
from tlkit.nets.backbone import Backbone
from tlkit.transfer.features import sweep_features
from tlkit.transfer.probes import PROBES, LinearProbe
from tlkit.transfer.results import ProbeResult, Result
from tlkit.transfer.starts import check_start, classifier_of, network_for

__all__ = ["earlier_stage", "linear_probe"]


def linear_probe(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    kind: str = "svm",
    stage: str | None = None,
    augment: Augmentation | None = None,
    device: str = "auto",
    class_weight: str | None = None,
    cv: int | None = None,
) -> Result:
    """Way 1: a linear classifier on CNN codes, the backbone frozen (lesson 02).

    Parameters
    ----------
    split : Split
    backbone : str or Backbone
    seed : int
    kind : {"svm", "softmax", "one-vs-rest"}
    stage : str, optional
        Another stage than that of the codes.
    augment : Augmentation, optional
        Learn from the codes of ``augment.views`` views of each picture: itself, and the others.
    device : str
        Where a backbone is loaded, or your own moved: ``"auto"`` is CUDA, then MPS, then CPU.
    class_weight : "balanced", optional
        For classes of unequal size: each has the same say in training, and val chooses by the mean of the classes'
        own accuracies, which then stands in ``val_accuracy``.
    cv : int, optional
        Choose by cross-validation in so many folds of train, and leave val closed: for whoever has no labels
        beside those of train. ``val_accuracy`` is then that of the pictures in the folds that were left out.

    Raises
    ------
    ValueError
        For an unknown name, a split with one class only, or folds that cannot be made.
    """
    check_start(split, backbone, device, class_weight)
    settings = dict(kind=kind, stage=stage, augment=augment, class_weight=class_weight, cv=cv)
    _check_probe(seed, settings)
    network = network_for(backbone, device)
    stages = [network.code_stage if stage is None else stage]
    return _probe("probe", split, network, seed, stages, settings)


def earlier_stage(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    stages: Sequence[str] | None = None,
    augment: Augmentation | None = None,
    device: str = "auto",
    class_weight: str | None = None,
    cv: int | None = None,
) -> Result:
    """Way 2: a linear SVM on the activations of the stage that does best on val (lesson 03).

    By default every stage is tried, the last one too: where that is best, this way says so. The
    other parameters are those of ``linear_probe``; with ``cv`` the stage is chosen within train, too.
    """
    check_start(split, backbone, device, class_weight)
    settings = dict(stages=stages, augment=augment, class_weight=class_weight, cv=cv)
    _check_probe(seed, settings)
    stages = stages if stages is None else list(dict.fromkeys(checks.texts("stages", stages)))
    network = network_for(backbone, device)
    return _probe("earlier stage", split, network, seed, stages or network.stage_names, settings)


def _check_probe(seed: int, settings: dict) -> None:
    """Raise ValueError or TypeError for settings that no probe takes."""
    checks.seed(seed)
    checks.choose("probe", settings.get("kind", "svm"), PROBES)
    augment, cv = settings["augment"], settings["cv"]
    if augment is not None:
        checks.instance("augment", augment, Augmentation)
    if cv is not None:
        checks.count("cv", cv, 2)
    if cv is not None and augment is not None:
        raise ValueError("cv would learn from views of the pictures that it leaves out. Give cv or augment, not both.")


def _probe(way: str, split: Split, network: Backbone, seed: int, stages: Sequence[str], settings: dict) -> Result:
    augment, cv = settings["augment"], settings["cv"]
    seen, labels = [split.train.images], [split.train.labels]
    for view in range(1, augment.views if augment else 1):
        seen.append(augment(split.train.images, seed=seed * 1_009 + view))
        labels.append(split.train.labels)
    images = torch.cat(seen) if augment else split.train.images  # a large split stays on disk
    train, seconds = sweep_features(network, images, stages)
    val, y_val = dict.fromkeys(stages), None
    if cv is None:
        val, y_val = sweep_features(network, split.val.images, stages)[0], split.val.labels.numpy()
    start = time.perf_counter()
    y = torch.cat(labels).numpy()
    probe = LinearProbe(settings.get("kind", "svm"), seed=seed, class_weight=settings["class_weight"], cv=cv)
    probes = {stage: clone(probe).fit(train[stage], y, val[stage], y_val) for stage in stages}
    seconds += time.perf_counter() - start
    val_by_stage = {stage: max(probe.val_scores_.values()) for stage, probe in probes.items()}
    # The last of equals: it is nearer to the codes that everybody uses.
    best = max(reversed(stages), key=val_by_stage.get)

    rules = {stage: probe.rule() for stage, probe in probes.items()}
    fitted = len(probes[best].classes_) * (train[best].shape[1] + 1)
    return ProbeResult(
        way,
        network.name,
        split,
        seed,
        settings,
        val_by_stage[best],
        seconds,
        fitted,
        classifier_of(split, network, best, rules),
        val_by_stage=val_by_stage,
    )
