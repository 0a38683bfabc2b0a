"""The five ways from a pretrained backbone to a classifier, behind one interface.

Every way takes ``(split, backbone, seed, ...)`` and returns a ``Result``. The backbone is a name that
``load_backbone`` takes, or a ``Backbone`` of yours, which is copied and stays as it is. Validation
chooses what there is to choose; the test set stays closed until ``result.open_test()``.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from sklearn.base import clone

from tlkit import checks
from tlkit.data.augment import Augmentation
from tlkit.data.splits import Split
from tlkit.history import History
from tlkit.nets.backbones import Backbone, check_backbone, load_backbone
from tlkit.nets.devices import pick_device
from tlkit.nets.freezing import freeze, parameter_groups, stages_to_unfreeze, unfreeze
from tlkit.nets.own_backbones import check_fit, random_copy
from tlkit.nets.settings import BATCH, Settings, settings_of
from tlkit.transfer import training
from tlkit.transfer.balance import check_class_weight
from tlkit.transfer.classifier import Classifier
from tlkit.transfer.features import sweep_features
from tlkit.transfer.probes import PROBES, LinearProbe
from tlkit.transfer.results import Result
from tlkit.transfer.training import train_network

__all__ = [
    "WAYS",
    "default_epochs",
    "earlier_stage",
    "from_scratch",
    "linear_probe",
    "pretrained_start",
    "two_phase",
]


def default_epochs(per_class: int, pretrained: bool = True) -> int:
    """Epochs of a way that trains a network: 30 from scratch for small sets, fewer for larger ones (8 at 300 a class).

    What starts from pretrained weights gets half of them: lesson 05 shows why that is enough.
    """
    half = min(15, round(70 / checks.count("per_class", per_class, 1) ** 0.5))
    return half if pretrained else 2 * half


def _length(
    epochs: int | None, passes: int | None, split: Split, card: Settings, pretrained: bool = True
) -> tuple[int, int]:
    """Epochs, and passes of each: as asked, or so many that a small set has the steps that the card wants."""
    if passes is not None:
        checks.count("passes", passes, 1)
    if epochs is not None:
        return checks.count("epochs", epochs, 1), passes or 1
    epochs = default_epochs(split.per_class, pretrained)
    return epochs, passes or card.passes(len(split.train), epochs, pretrained)


def _name(backbone: str | Backbone) -> str:
    return backbone.name if isinstance(backbone, Backbone) else backbone


def _check(split: Split, backbone: str | Backbone) -> None:
    if not isinstance(backbone, Backbone):
        check_backbone(backbone)
    elif backbone.own:
        check_fit(backbone, split.train.images)
    if len(split.train.labels.unique()) < 2:
        raise ValueError(
            f"{split.name} has training pictures of one class only. A classifier needs at least two to tell apart."
        )


def _check_training(
    split: Split, backbone: str | Backbone, class_weight: str | None, patience: int | None, watch_val: bool
) -> None:
    _check(split, backbone)
    check_class_weight(class_weight)
    if patience is not None:
        training.check_patience(patience, watch_val)


def _load(backbone: str | Backbone, device: str, pretrained: bool = True, seed: int = 0) -> Backbone:
    if isinstance(backbone, Backbone) and (pretrained or backbone.own):
        network = copy.deepcopy(backbone) if pretrained else random_copy(backbone, seed)
        return network.to(pick_device(device))
    return load_backbone(_name(backbone), pretrained, seed, device)


def _start(split: Split, backbone: str | Backbone, seed: int, device: str, pretrained: bool = True) -> Backbone:
    """The network under a new head, as its family's card wants both; from scratch all is random."""
    network, card = _load(backbone, device, pretrained, seed), settings_of(_name(backbone))
    network.fixed_statistics = pretrained and card.fixed_statistics
    return network.new_head(len(split.class_names), None if pretrained and card.zero_head else seed)


# ------------------------------------------------------------------------------------- probes


def linear_probe(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    kind: str = "svm",
    stage: str | None = None,
    augment: Augmentation | None = None,
    views: int = 4,
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
    augment, views : Augmentation and int, optional
        Learn from the codes of ``views`` views of each picture: itself and ``views - 1`` others.
    device : str
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
    settings = dict(kind=kind, stage=stage, augment=augment, views=views, class_weight=class_weight, cv=cv)
    network = _load(backbone, device)
    return _probe("probe", split, network, seed, [stage or network.code_stage], settings, device)


def earlier_stage(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    stages: Sequence[str] | None = None,
    augment: Augmentation | None = None,
    views: int = 4,
    device: str = "auto",
    class_weight: str | None = None,
    cv: int | None = None,
) -> Result:
    """Way 2: a linear SVM on the activations of the stage that does best on val (lesson 03).

    By default every stage is tried, the last one too: where that is best, this way says so. The
    other parameters are those of ``linear_probe``; with ``cv`` the stage is chosen within train, too.
    """
    settings = dict(stages=stages, augment=augment, views=views, class_weight=class_weight, cv=cv)
    network = _load(backbone, device)
    return _probe("earlier stage", split, network, seed, stages or network.stage_names, settings, device)


def _probe(
    way: str, split: Split, network: Backbone, seed: int, stages: Sequence[str], settings: dict, device: str
) -> Result:
    _check(split, network)
    checks.choose("probe", settings.get("kind", "svm"), PROBES)
    check_class_weight(settings["class_weight"])
    augment, cv = settings["augment"], settings["cv"]
    if cv is not None and augment:
        raise ValueError("cv would learn from views of the pictures that it leaves out. Give cv or augment, not both.")
    checks.count("views", settings["views"], 2 if augment else 1)  # the first view is the picture as it is
    seen, labels = [split.train.images], [split.train.labels]
    for view in range(1, settings["views"] if augment else 1):
        seen.append(augment(split.train.images, seed=seed * 1_009 + view))
        labels.append(split.train.labels)
    images = torch.cat(seen) if augment else split.train.images  # a large split stays on disk
    train, seconds = sweep_features(network, images, stages, device=device)
    val, y_val = dict.fromkeys(stages), None
    if cv is None:
        val, y_val = sweep_features(network, split.val.images, stages, device=device)[0], split.val.labels.numpy()
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
    return Result(
        way,
        network.name,
        split,
        seed,
        settings,
        val_by_stage[best],
        seconds,
        fitted,
        _classifier(split, network, best, rules),
        val_by_stage=val_by_stage,
    )


# ----------------------------------------------------------------------------------- networks


def two_phase(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    epochs: int | None = None,
    head_epochs: int | None = None,
    unfreeze_last: int | None = None,
    learning_rate: float | None = None,
    backbone_factor: float | None = None,
    stage_decay: float = 1.0,
    augment: Augmentation | None = None,
    views: int = 4,
    device: str = "auto",
    watch: Callable[[History], bool | None] | None = None,
    watch_val: bool = True,
    class_weight: str | None = None,
    patience: int | None = None,
    passes: int | None = None,
) -> Result:
    """Way 3: freeze, train a new head, unfreeze, train on with small steps (lesson 04).

    Parameters
    ----------
    epochs, head_epochs : int, optional
        Of the second and of the first phase; both ``default_epochs`` if not given.
    unfreeze_last : int, optional
        How many stages the second phase trains; by default all. With 0 there is no second phase.
    learning_rate : float, optional
        Of the head, in both phases; by default what the card of the backbone's family says.
    backbone_factor, stage_decay : float
        Of the stages: see ``parameter_groups``. The first is on the card, too.
    augment, views : Augmentation and int, optional
        A new view of each picture every epoch; while stages are frozen, one of ``views``.
    watch : function, optional
        See ``train_network``. When it stops the first phase there is no second: then ``result.way`` is "new head",
        and ``result.history.stopped`` says so.
    watch_val : bool
        False looks at val at the end only, which saves time.
    class_weight : "balanced", optional
        As in ``linear_probe``.
    patience : int, optional
        A phase ends when val has been no better for so many epochs, and goes on, or ends, with the weights of its best
        epoch; ``result.history.kept`` is the one that the network has.
    passes : int, optional
        How often an epoch goes through the pictures. By default once if ``epochs`` is given; else as often as
        a small set needs for the steps that the card wants.

    Raises
    ------
    ValueError
        For an unknown name, a split with one class, a rate that is not above 0, more stages than
        there are, or patience without a look at val.
    """
    _check_training(split, backbone, class_weight, patience, watch_val)
    card = settings_of(_name(backbone))
    learning_rate = card.head_rate if learning_rate is None else learning_rate
    backbone_factor = card.backbone_factor if backbone_factor is None else backbone_factor
    epochs, passes = _length(epochs, passes, split, card)
    settings = dict(
        epochs=epochs,
        head_epochs=epochs if head_epochs is None else checks.count("head_epochs", head_epochs, 1),
        unfreeze_last=unfreeze_last,
        learning_rate=learning_rate,
        backbone_factor=backbone_factor,
        stage_decay=stage_decay,
        augment=augment,
        views=views,
        class_weight=class_weight,
        patience=patience,
        passes=passes,
    )
    network = _start(split, backbone, seed, device)
    unfrozen = stages_to_unfreeze(network, unfreeze_last)
    rates = learning_rate, backbone_factor, stage_decay
    parameter_groups(network, *rates)  # refuses bad rates before work starts
    names = ("augment", "views", "class_weight", "patience", "passes")
    common = dict(batch_size=BATCH, device=device) | {name: settings[name] for name in names}
    val, first, second = split.val if watch_val else None, settings["head_epochs"], settings["epochs"]
    freeze(network)
    history = train_network(
        network, split.train, val, first, learning_rate, seed=seed, watch=watch, desc="the new head", **common
    )
    history.head_epochs = len(history.loss)
    if unfrozen and not history.stopped:
        groups = parameter_groups(unfreeze(network, unfrozen), *rates)
        watch_both = watch and (lambda later: watch(history + later))
        history += train_network(
            network,
            split.train,
            val,
            second,
            seed=seed + 1,
            groups=groups,
            watch=watch_both,
            desc="fine-tuning",
            **common,
        )
    elif unfrozen:
        history.stopped += " That was the first phase: the new head alone was trained, nothing was fine-tuned."
    way = "new head" if unfrozen and network.frozen == len(network.stages) else "fine-tuning"
    return _network_result(way, split, network, seed, settings, history)


def pretrained_start(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    epochs: int | None = None,
    learning_rate: float | None = None,
    augment: Augmentation | None = None,
    device: str = "auto",
    watch: Callable[[History], bool | None] | None = None,
    watch_val: bool = True,
    class_weight: str | None = None,
    patience: int | None = None,
    passes: int | None = None,
) -> Result:
    """Way 4: train the whole network at one full rate, with the pretrained weights as its start (lesson 05).

    The parameters are those of ``two_phase``. There is one rate for all weights, the new head's too, and no phase
    before. That rate was chosen on val and is on the card of the backbone's family: at minivgg's a network without
    BatchNorm forgets all it knows.
    """
    settings = _whole_settings(split, backbone, epochs, passes, learning_rate)
    settings |= dict(augment=augment, class_weight=class_weight, patience=patience)
    return _whole_network("pretrained start", split, backbone, seed, settings, device, watch, watch_val)


def from_scratch(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    epochs: int | None = None,
    learning_rate: float | None = None,
    augment: Augmentation | None = None,
    device: str = "auto",
    watch: Callable[[History], bool | None] | None = None,
    watch_val: bool = True,
    class_weight: str | None = None,
    patience: int | None = None,
    passes: int | None = None,
) -> Result:
    """Way 5, the baseline: the same architecture, random weights, nothing but the target's own pictures.

    Its learning rate was chosen on val of ``flowers``, so that the baseline is a fair opponent.
    The parameters are those of ``two_phase``, the rates those of ``pretrained_start``.
    """
    settings = _whole_settings(split, backbone, epochs, passes, learning_rate, pretrained=False)
    settings |= dict(augment=augment, class_weight=class_weight, patience=patience)
    return _whole_network("scratch", split, backbone, seed, settings, device, watch, watch_val)


def _whole_settings(
    split: Split,
    backbone: str | Backbone,
    epochs: int | None,
    passes: int | None,
    rate: float | None,
    pretrained: bool = True,
) -> dict:
    card = settings_of(_name(backbone))
    epochs, passes = _length(epochs, passes, split, card, pretrained)
    return dict(epochs=epochs, learning_rate=card.full_rate if rate is None else rate, passes=passes)


def _whole_network(
    way: str,
    split: Split,
    backbone: str | Backbone,
    seed: int,
    settings: dict,
    device: str,
    watch: Callable[[History], bool | None] | None,
    watch_val: bool,
) -> Result:
    _check_training(split, backbone, settings["class_weight"], settings["patience"], watch_val)
    network = _start(split, backbone, seed, device, WAYS[way].pretrained)
    unfreeze(network)  # a backbone of yours may come frozen
    val = split.val if watch_val else None
    history = train_network(
        network, split.train, val, batch_size=BATCH, seed=seed, device=device, watch=watch, desc=way, **settings
    )
    return _network_result(way, split, network, seed, settings, history)


def _network_result(way: str, split: Split, network: Backbone, seed: int, settings: dict, history: History) -> Result:
    if history.val_accuracy:
        val = history.val_accuracy[history.kept - 1]  # the last one, if no epoch was chosen
    else:
        val = training.accuracy(network, split.val, settings["class_weight"])
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return Result(
        way,
        network.name,
        split,
        seed,
        settings,
        val,
        history.seconds[-1] if history.seconds else 0.0,
        trained,
        _classifier(split, network),
        epochs=len(history.loss),
        history=history,
    )


def _classifier(split: Split, network: Backbone, stage: str = "", rules: dict | None = None) -> Classifier:
    """What is left when a way is done."""
    size = tuple(split.train.images.shape[2:])
    return Classifier(network, split.class_names, size, stage, rules or {}, reading=split.reading)


@dataclass(frozen=True)
class Way:
    """One way to transfer: call it as its function.

    Attributes
    ----------
    name : str
    run : function from a split, a backbone, a seed and settings to a Result
    trains : bool
        Whether a network is trained, epoch by epoch, so that there is something to watch.
    pretrained : bool
        Whether it starts from pretrained weights.
    """

    name: str
    run: Callable[..., Result]
    trains: bool
    pretrained: bool = True

    def __call__(self, *arguments: object, **settings: object) -> Result:
        return self.run(*arguments, **settings)


WAYS: Mapping[str, Way] = {
    way.name: way
    for way in (
        Way("probe", linear_probe, trains=False),
        Way("earlier stage", earlier_stage, trains=False),
        Way("fine-tuning", two_phase, trains=True),
        Way("pretrained start", pretrained_start, trains=True),
        Way("scratch", from_scratch, trains=True, pretrained=False),
    )
}
