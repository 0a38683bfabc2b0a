"""The three ways that leave the backbone as it is: a linear classifier on what one of its stages gives, or all."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from tlkit import checks
from tlkit.data.augment import Augmentation
from tlkit.data.splits import Split
from tlkit.nets.backbone import Backbone
from tlkit.transfer.features import BESIDE, sweep_features
from tlkit.transfer.probes import PROBES, LinearProbe, LinearRule
from tlkit.transfer.results import ProbeResult, Result
from tlkit.transfer.starts import check_start, classifier_of, network_for

__all__ = ["all_stages", "earlier_stage", "linear_probe"]

SHARES = (1.0, 0.5, 0.25, 0.1, 0.05)  # of the features of all stages, that val chooses from


@dataclass
class _Seen:
    """What the classifiers learn from and are chosen by: features by stage, and labels."""

    train: dict[str, np.ndarray]
    labels: np.ndarray
    val: dict[str, np.ndarray | None]
    val_labels: np.ndarray | None
    seconds: float


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


def all_stages(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    stages: Sequence[str] | None = None,
    share: float | None = None,
    augment: Augmentation | None = None,
    device: str = "auto",
    class_weight: str | None = None,
) -> Result:
    """One linear SVM on the features of all stages side by side, then on the best share of them (lesson 03).

    After Head2Toe (Evci et al. 2022): so nobody has to choose a stage. Each feature is standardised, and each stage has
    the same say, however wide it is. The SVM on all of them tells what each is worth: the length of its column of
    weights, one for each class (the group norm). The best are kept, and a second SVM learns from them alone.

    Parameters
    ----------
    stages : sequence of str, optional
        Those to put side by side; by default all.
    share : float, optional
        How much of the features is kept, above 0 to 1; 1 keeps them all. By default val chooses among ``SHARES``,
        the largest of equals.
    split, backbone, seed, augment, device, class_weight
        As in ``linear_probe``.

    Raises
    ------
    ValueError
        For an unknown name, a split with one class only, or a share that is none.
    """
    check_start(split, backbone, device, class_weight)
    settings = dict(stages=stages, share=share, augment=augment, class_weight=class_weight)
    _check_probe(seed, settings)
    if share is not None and checks.rate("share", share) > 1:
        raise ValueError(f"share is how much of the features is kept, above 0 to 1, but it is {share}.")
    stages = stages if stages is None else list(dict.fromkeys(checks.texts("stages", stages)))
    network = network_for(backbone, device)
    stages, way = stages or network.stage_names, "all stages"
    seen = _look(split, network, seed, stages, settings)
    start = time.perf_counter()
    rule, kept, val = _best_share(seen, stages, SHARES if share is None else (share,), class_weight)
    seconds = seen.seconds + time.perf_counter() - start
    fitted, stage = len(rule.classes) * (kept + 1), BESIDE.join(stages)
    return _probe_result(way, split, network, seed, settings, seconds, fitted, stage, {stage: rule}, {stage: val})


class _EqualSay(LinearProbe):
    """An SVM for which each stage's features, together, spread as much as those of every other stage.

    Standardised alone, 512 features of a late stage outvote 32 of an early one.
    """

    def __init__(self, spread: np.ndarray, class_weight: str | None = None):
        super().__init__("svm", class_weight=class_weight)
        self.spread = spread

    def _scaler(self, X: np.ndarray) -> StandardScaler:
        scaler = super()._scaler(X)
        scaler.scale_ = scaler.scale_ / self.spread
        return scaler


def _best_share(
    seen: _Seen, stages: Sequence[str], shares: Sequence[float], class_weight: str | None
) -> tuple[LinearRule, int, float]:
    """The rule of the share that val chose, for all features; how many it keeps; the accuracy on val."""
    X, X_val = (np.hstack([part[stage] for stage in stages]) for part in (seen.train, seen.val))
    widths = np.array([seen.train[stage].shape[1] for stage in stages])
    spread = np.sqrt(widths.mean() / widths).repeat(widths)

    def fit(columns: np.ndarray) -> LinearProbe:
        probe = _EqualSay(spread[columns], class_weight)
        return probe.fit(X[:, columns], seen.labels, X_val[:, columns], seen.val_labels)

    columns = np.arange(len(spread))
    whole = fit(columns)
    ranked = np.argsort(-np.linalg.norm(whole.rule().coef, axis=0), kind="stable")
    tried = []
    for share in shares:
        kept = np.sort(ranked[: max(1, round(share * len(columns)))])
        tried.append((kept, whole if len(kept) == len(columns) else fit(kept)))
    kept, best = max(tried, key=lambda found: _on_val(found[1]))  # the first of equals
    return _widened(best.rule(), kept, len(columns)), len(kept), _on_val(best)


def _widened(rule: LinearRule, columns: np.ndarray, width: int) -> LinearRule:
    """The rule for all features, of which those beside ``columns`` count nothing."""
    coef, mean, scale = np.zeros((len(rule.coef), width)), np.zeros(width), np.ones(width)
    coef[:, columns], mean[columns], scale[columns] = rule.coef, rule.mean, rule.scale
    return replace(rule, coef=coef, mean=mean, scale=scale)


def _check_probe(seed: int, settings: dict) -> None:
    """Raise ValueError or TypeError for settings that no probe takes."""
    checks.seed(seed)
    checks.choose("probe", settings.get("kind", "svm"), PROBES)
    augment, cv = settings["augment"], settings.get("cv")
    if augment is not None:
        checks.instance("augment", augment, Augmentation)
    if cv is not None:
        checks.count("cv", cv, 2)
    if cv is not None and augment is not None:
        raise ValueError("cv would learn from views of the pictures that it leaves out. Give cv or augment, not both.")


def _look(split: Split, network: Backbone, seed: int, stages: Sequence[str], settings: dict) -> _Seen:
    """The features of train, with views if asked for, and of val, which stays closed with ``cv``."""
    augment, seen, labels = settings["augment"], [split.train.images], [split.train.labels]
    for view in range(1, augment.views if augment else 1):
        seen.append(augment(split.train.images, seed=seed * 1_009 + view))
        labels.append(split.train.labels)
    images = torch.cat(seen) if augment else split.train.images  # a large split stays on disk
    train, seconds = sweep_features(network, images, stages)
    val, val_labels = dict.fromkeys(stages), None
    if settings.get("cv") is None:
        val, val_labels = sweep_features(network, split.val.images, stages)[0], split.val.labels.numpy()
    return _Seen(train, torch.cat(labels).numpy(), val, val_labels, seconds)


def _probe(way: str, split: Split, network: Backbone, seed: int, stages: Sequence[str], settings: dict) -> Result:
    seen = _look(split, network, seed, stages, settings)
    start = time.perf_counter()
    kind, common = settings.get("kind", "svm"), dict(class_weight=settings["class_weight"], cv=settings["cv"])
    probe = LinearProbe(kind, seed=seed, **common)
    probes = {
        stage: clone(probe).fit(seen.train[stage], seen.labels, seen.val[stage], seen.val_labels) for stage in stages
    }
    seconds = seen.seconds + time.perf_counter() - start
    val_by_stage = {stage: _on_val(probe) for stage, probe in probes.items()}
    # The last of equals: it is nearer to the codes that everybody uses.
    best = max(reversed(stages), key=val_by_stage.get)
    rules = {stage: probe.rule() for stage, probe in probes.items()}
    fitted = len(probes[best].classes_) * (seen.train[best].shape[1] + 1)
    return _probe_result(way, split, network, seed, settings, seconds, fitted, best, rules, val_by_stage)


def _on_val(probe: LinearProbe) -> float:
    return max(probe.val_scores_.values())


def _probe_result(
    way: str,
    split: Split,
    network: Backbone,
    seed: int,
    settings: dict,
    seconds: float,
    fitted: int,
    stage: str,
    rules: dict[str, LinearRule],
    val_by_stage: dict[str, float],
) -> ProbeResult:
    val, classifier = val_by_stage[stage], classifier_of(split, network, stage, rules)
    about = way, network.name, split, seed, settings, val, seconds, fitted, classifier
    return ProbeResult(*about, val_by_stage=val_by_stage)
