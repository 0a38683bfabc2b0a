"""Evidence: what frozen features say about a target before anything is trained, each score in a few lines."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.covariance import LedoitWolf
from sklearn.metrics.pairwise import cosine_distances
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from tlkit import checks
from tlkit.data.splits import ImageSet, Split
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import check_backbone, load_backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.own_backbones import check_fit
from tlkit.transfer.balance import mean_recall
from tlkit.transfer.features import sweep_features
from tlkit.transfer.probes import LinearProbe

__all__ = ["Evidence", "similarity"]

_ENOUGH = 1000  # training pictures, the first of each class: more take longer and say little more
_LOOKS = 256  # pictures that the head is asked about
_FOLDS, _C, _NEIGHBOURS = 5, 1e-2, 5
_STEPS = 100  # of LogME's fixed point, which needs a handful

# ------------------------------------------------------------------------------------ scores of features


def stage_sweep(
    features: Mapping[str, np.ndarray], labels: np.ndarray, groups: np.ndarray | None = None
) -> dict[str, float]:
    """Accuracy of a linear SVM on each stage by cross-validation in five folds of the training pictures.

    What way 2 will choose, and how far the codes lie behind it. C is fixed, so that no score is the best of several.

    Parameters
    ----------
    features : dict from stage to float array (n, d)
    labels : int array (n,), at least two rows of each
    groups : int array (n,), optional
        What belongs together, such as the recordings of a speaker: never in two folds.

    Returns
    -------
    dict from stage to accuracy, 0 to 1; the mean of the classes' own, where these differ in size
    """
    probe = dict(Cs=(_C,), cv=_FOLDS, class_weight="balanced")
    return {
        stage: LinearProbe(**probe).fit(rows, labels, groups=groups).val_scores_[_C] for stage, rows in features.items()
    }


def nearest_neighbours(X: np.ndarray, y: np.ndarray, k: int = _NEIGHBOURS, groups: np.ndarray | None = None) -> float:
    """How often the ``k`` nearest other rows name a row rightly, by cosine; the smallest label of equals.

    Leave-one-out, with ``groups`` leave-one-group-out, and nothing is fitted. Sorkhei et al. (2025) compared 23
    scores on 16 data sets in over 42,000
    experiments: none did well across the board, and this one did better than all of them.
    """
    classes, numbers = np.unique(y, return_inverse=True)
    votes = np.apply_along_axis(np.bincount, 1, numbers[_nearest(X, k, groups)], minlength=len(classes))
    return mean_recall(y, classes[votes.argmax(1)])


def _nearest(X: np.ndarray, k: int, groups: np.ndarray | None) -> np.ndarray:
    """The rows of the nearest others, of other groups, int ``(n, k)``."""
    if groups is None:
        found = NearestNeighbors(n_neighbors=min(k, len(X) - 1), metric="cosine").fit(X)
        return found.kneighbors(return_distance=False)
    apart = cosine_distances(X)
    apart[groups[:, None] == groups] = np.inf
    return apart.argsort(axis=1, kind="stable")[:, : min(k, len(X) - np.unique(groups, return_counts=True)[1].max())]


def logme(X: np.ndarray, y: np.ndarray) -> float:
    """LogME: how likely labels are under the best Gaussian linear model of the features (You et al. 2021).

    One model a class, of its 0 and 1: weights ~ N(0, 1 / alpha), noise ~ N(0, 1 / beta). The weights are integrated
    out, and alpha and beta maximise what is left, the evidence. As a fit too good by luck needs large weights, it does
    not rise with the number of features. Mean log evidence a row, over the classes; higher is better.
    """
    X = X.astype(np.float64)
    left, singular, _ = np.linalg.svd(X, full_matrices=False)
    found = [_log_evidence((y == label).astype(float), left, singular**2, X.shape[1]) for label in np.unique(y)]
    return float(np.mean(found)) / len(y)


def _log_evidence(target: np.ndarray, left: np.ndarray, squares: np.ndarray, width: int) -> float:
    """The highest log evidence of one target, in the basis where the features are diagonal."""
    along = (left.T @ target) ** 2
    beside = max(float(target @ target - along.sum()), 0.0)
    alpha = beta = 1.0
    for _ in range(_STEPS):
        before = alpha / beta
        used = (squares / (squares + before)).sum()  # weights that the data determine
        size = (squares * along / (squares + before) ** 2).sum()
        error = (along * (before / (squares + before)) ** 2).sum() + beside
        alpha, beta = used / max(size, 1e-12), (len(target) - used) / max(error, 1e-12)
        if abs(alpha / beta - before) <= 1e-6 * before:
            break
    precision = alpha + beta * squares
    missing = max(width - len(squares), 0)  # directions without data keep their prior
    size = (beta**2 * squares * along / precision**2).sum()
    error = (along * (alpha / precision) ** 2).sum() + beside
    fit = width * np.log(alpha) + len(target) * np.log(beta / (2 * np.pi)) - beta * error - alpha * size
    return float(fit - np.log(precision).sum() - missing * np.log(alpha)) / 2


def h_score(X: np.ndarray, y: np.ndarray) -> float:
    """H-score: how much of the features' variance lies between the classes (Bao et al. 2019).

    tr(cov(X)^-1 cov(class means)). With fewer rows than features that covariance has no inverse, so it is shrunk
    towards a ball by Ledoit and Wolf's share, and the means with it, as Ibrahim et al. (2021) do. Higher is better;
    at most the number of classes less one.
    """
    shrunk = LedoitWolf().fit(X.astype(np.float64))
    means = np.stack([X[y == label].mean(0, dtype=np.float64) for label in np.unique(y)]) - shrunk.location_
    share = np.array([np.mean(y == label) for label in np.unique(y)])
    between = (means.T * share) @ means
    return float((1 - shrunk.shrinkage_) * np.trace(np.linalg.solve(shrunk.covariance_, between)))


# ------------------------------------------------------------------------------------ the head's confidence


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
    low. So ``advise`` says it with the literature's rule, and does not recommend by it.

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
    network = network_of(backbone, split, device)
    if network.own and network.source_accuracy is None:
        raise ValueError(
            f"{network.name} does not say how often its head is right on its source. Where that is published, say so:\n"
            "backbone.source_accuracy = 0.71, say. A head without a source knows no similarity: tlkit.compare decides."
        )
    images = split.train.images
    images = images[torch.linspace(0, len(images) - 1, min(_LOOKS, len(images))).long()]
    return float(_largest_probability(network, images).mean()) / network.source_accuracy


def network_of(backbone: str | Backbone, split: Split, device: str) -> Backbone:
    """The pretrained network with its own head; refuses one that cannot be it."""
    checks.instance("split", split, Split)
    if not isinstance(backbone, Backbone):
        return load_backbone(check_backbone(backbone), device=device)
    network, known = backbone.to(pick_device(device)), backbone.source_accuracy
    if not network.own and not known:
        raise ValueError(
            f"This {network.name} has random weights or a new head, so it cannot say what it knows.\n"
            f"Use the pretrained one: load_backbone({network.name!r})."
        )
    if network.own:
        if known is not None and not 0 < known <= 1:
            raise ValueError(f"source_accuracy of {network.name} must be a share, above 0 to 1, but it is {known}.")
        check_fit(network, split.train.images)
    return network


@torch.inference_mode()
def _largest_probability(network: Backbone, images: Tensor) -> Tensor:
    was_training = network.training
    network.eval()
    try:
        return torch.cat([network(batch).softmax(1).amax(1).cpu() for batch in images.split(32)])
    finally:
        network.train(was_training)


# ------------------------------------------------------------------------------------ all of it


@dataclass(frozen=True)
class Evidence:
    """What was measured on the training pictures of one split, with nothing trained.

    Attributes
    ----------
    stages : dict from stage to accuracy by cross-validation, from early to late
    neighbours : float
        Of ``nearest_neighbours`` on the codes.
    pictures : int
        How many were looked at.
    seconds : dict from ``"features"``, ``"stage sweep"`` and ``"neighbours"`` to what each took
    """

    stages: dict[str, float]
    neighbours: float
    pictures: int
    seconds: dict[str, float]


def gather(split: Split, network: Backbone) -> Evidence:
    """The stage sweep and the nearest neighbours of the training pictures.

    Up to 1,000 of them, the first of each class. Classes with one picture, or of one group, are left out: it cannot
    be in two folds.

    Raises
    ------
    ValueError
        If fewer than two classes have two pictures, or groups.
    """
    X, y, groups, spent = looked_at(split, network)
    start = time.perf_counter()
    stages = stage_sweep(X, y, groups)
    middle = time.perf_counter()
    neighbours = nearest_neighbours(X[network.code_stage], y, groups=groups)
    spent = {"features": spent, "stage sweep": middle - start, "neighbours": time.perf_counter() - middle}
    return Evidence(stages, neighbours, len(y), spent)


def looked_at(split: Split, network: Backbone) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None, float]:
    """Features of every stage, labels and groups of the pictures that the scores look at; the seconds these took."""
    train = _first(split)
    features, seconds = sweep_features(network, train.images)
    return features, train.labels.numpy(), None if train.groups is None else train.groups.numpy(), seconds


def _first(split: Split) -> ImageSet:
    train = split.train
    groups = torch.arange(len(train)) if train.groups is None else train.groups
    counts = torch.stack([train.labels, groups], 1).unique(dim=0)[:, 0].bincount()
    useful = counts >= 2
    if int(useful.sum()) < 2:
        raise ValueError(
            f"Advice tries a classifier on pictures that it has not seen, but {split.name} has fewer than two classes "
            "with\ntwo training pictures each"
            + (", of two groups." if train.groups is not None else ".")
            + " Take more pictures a class."
        )
    if len(train) > _ENOUGH:
        train = train.first(max(2, _ENOUGH // len(split.class_names)))
    return train if useful[counts > 0].all() else train.where(useful[train.labels])
