"""The ways that train the network: two phases, a pretrained start, one of its scale alone, and one from scratch."""

from collections.abc import Callable, Sequence
from functools import partial

from tlkit import checks
from tlkit.data.augment import Augmentation
from tlkit.data.splits import Split
from tlkit.history import History
from tlkit.nets.backbone import Backbone
from tlkit.nets.freezing import freeze, parameter_groups, stages_to_unfreeze, unfreeze
from tlkit.nets.settings import BATCH, Settings, settings_of
from tlkit.transfer import training
from tlkit.transfer.results import NetworkResult
from tlkit.transfer.scoring import accuracy
from tlkit.transfer.starts import check_start, classifier_of, name_of, network_for
from tlkit.transfer.training import train_network

__all__ = ["from_scratch", "pretrained_start", "scaled_start", "two_phase"]

_STARTS = {"pretrained start": "pretrained", "scaled start": "scaled", "scratch": "random"}


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
        checks.count("passes", passes, 1, checks.MANY)
    if epochs is not None:
        return checks.count("epochs", epochs, 1, checks.MANY), passes or 1
    epochs = default_epochs(split.per_class, pretrained)
    return epochs, passes or card.passes(len(split.train), epochs, pretrained)


def _check_training(
    split: Split,
    backbone: str | Backbone,
    device: str,
    val_each_epoch: bool | None,
    patience: int | None,
    class_weight: str | None,
    on_epoch_end: Callable[[History], bool | None] | None,
    **settings: object,
) -> bool:
    """Raise ValueError or TypeError for what no training takes; return whether each epoch is scored on val."""
    check_start(split, backbone, device, class_weight)
    training.check_settings(class_weight=class_weight, on_epoch_end=on_epoch_end, **settings)
    if val_each_epoch is None:  # a look costs a quarter of a small network's training
        val_each_epoch = patience is not None or on_epoch_end is not None
    checks.flag(val_each_epoch=val_each_epoch)
    if patience is not None:
        training.check_patience(patience, val_each_epoch)
    return val_each_epoch


def _start(split: Split, backbone: str | Backbone, seed: int, device: str, start: str = "pretrained") -> Backbone:
    """The network under a new head, as its family's card wants both for a pretrained one."""
    network, card = network_for(backbone, device, start, seed), settings_of(name_of(backbone))
    pretrained = start == "pretrained"
    network.fixed_statistics = pretrained and card.fixed_statistics
    return network.new_head(len(split.class_names), None if pretrained and card.zero_head else seed)


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
    device: str = "auto",
    on_epoch_end: Callable[[History], bool | None] | None = None,
    val_each_epoch: bool | None = None,
    class_weight: str | None = None,
    patience: int | None = None,
    passes: int | None = None,
    stages: Sequence[str] | None = None,
) -> NetworkResult:
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
    augment : Augmentation, optional
        A new view of each picture every epoch; while stages are frozen, one of ``augment.views``.
    on_epoch_end : function, optional
        See ``train_network``. When it stops the first phase there is no second: then ``result.way`` is "new head",
        and ``result.history.stopped`` says so.
    val_each_epoch : bool, optional
        True fills ``result.history.val_accuracy``, for ``plot_training``; False looks at val at the end only, which
        saves time. By default every epoch is scored where somebody waits for it: ``patience`` or ``on_epoch_end``.
    class_weight : "balanced", optional
        As in ``linear_probe``.
    patience : int, optional
        A phase ends when val has been no better for so many epochs, and goes on, or ends, with the weights of its best
        epoch; ``result.history.kept`` is the one that the network has.
    passes : int, optional
        How often an epoch goes through the pictures. By default once if ``epochs`` is given; else as often as
        a small set needs for the steps that the card wants.
    stages : list of str, optional
        Which stages the second phase trains, in place of ``unfreeze_last``: any of them, as in ``unfreeze``.

    Raises
    ------
    ValueError
        For an unknown name, a split with one class, a rate that is not above 0, more stages than
        there are, both ``unfreeze_last`` and ``stages``, or patience without a look at val.
    """
    given = dict(learning_rate=learning_rate, seed=seed, augment=augment, on_epoch_end=on_epoch_end)
    watched = _check_training(split, backbone, device, val_each_epoch, patience, class_weight, **given)
    card = settings_of(name_of(backbone))
    learning_rate = card.head_rate if learning_rate is None else learning_rate
    backbone_factor = card.backbone_factor if backbone_factor is None else backbone_factor
    epochs, passes = _length(epochs, passes, split, card)
    settings = dict(
        epochs=epochs,
        head_epochs=epochs if head_epochs is None else checks.count("head_epochs", head_epochs, 1, checks.MANY),
        unfreeze_last=unfreeze_last,
        learning_rate=learning_rate,
        backbone_factor=backbone_factor,
        stage_decay=stage_decay,
        augment=augment,
        class_weight=class_weight,
        patience=patience,
        passes=passes,
    )
    network = _start(split, backbone, seed, device)
    unfrozen = stages_to_unfreeze(network, unfreeze_last, stages, "unfreeze_last")
    settings["stages"] = unfrozen if stages is not None else None
    rates = learning_rate, backbone_factor, stage_decay
    parameter_groups(network, *rates)  # refuses bad rates before work starts
    common = {name: settings[name] for name in ("augment", "class_weight", "patience", "passes")}
    val = split.val if watched else None
    train = partial(train_network, network, split.train, val, batch_size=BATCH, **common)
    freeze(network)
    first = dict(learning_rate=learning_rate, on_epoch_end=on_epoch_end, desc="the new head")
    history = train(epochs=settings["head_epochs"], seed=seed, **first)
    history.head_epochs = len(history.loss)
    if unfrozen and not history.stopped:
        groups = parameter_groups(unfreeze(network, stages=unfrozen), *rates)
        both = on_epoch_end and (lambda later: on_epoch_end(history + later))
        history += train(epochs=epochs, seed=seed + 1, groups=groups, on_epoch_end=both, desc="fine-tuning")
    elif unfrozen:
        history.stopped = (
            f"{history.stopped} That was the first phase: the new head alone was trained, nothing was fine-tuned."
        )
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
    on_epoch_end: Callable[[History], bool | None] | None = None,
    val_each_epoch: bool | None = None,
    class_weight: str | None = None,
    patience: int | None = None,
    passes: int | None = None,
) -> NetworkResult:
    """Way 4: train the whole network at one full rate, with the pretrained weights as its start (lesson 05).

    The parameters are those of ``two_phase``. There is one rate for all weights, the new head's too, and no phase
    before. That rate was chosen on val and is on the card of the backbone's family: at minivgg's a network without
    BatchNorm forgets all it knows.
    """
    settings = dict(learning_rate=learning_rate, augment=augment, class_weight=class_weight, patience=patience)
    length, watch = (epochs, passes), (on_epoch_end, val_each_epoch)
    return _whole_network("pretrained start", split, backbone, seed, device, settings, length, *watch)


def scaled_start(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    epochs: int | None = None,
    learning_rate: float | None = None,
    augment: Augmentation | None = None,
    device: str = "auto",
    on_epoch_end: Callable[[History], bool | None] | None = None,
    val_each_epoch: bool | None = None,
    class_weight: str | None = None,
    patience: int | None = None,
    passes: int | None = None,
) -> NetworkResult:
    """Between the two: random weights that have each layer's pretrained mean and spread (lesson 05).

    The *Mean Var init* of Raghu et al. (2019), which keeps the scale of the weights and no feature. BatchNorm begins
    anew. It is a random start, so it gets the epochs and passes of ``from_scratch``; the parameters and the rate are
    the same, too.
    """
    settings = dict(learning_rate=learning_rate, augment=augment, class_weight=class_weight, patience=patience)
    length, watch = (epochs, passes), (on_epoch_end, val_each_epoch)
    return _whole_network("scaled start", split, backbone, seed, device, settings, length, *watch)


def from_scratch(
    split: Split,
    backbone: str | Backbone = "minivgg",
    seed: int = 0,
    epochs: int | None = None,
    learning_rate: float | None = None,
    augment: Augmentation | None = None,
    device: str = "auto",
    on_epoch_end: Callable[[History], bool | None] | None = None,
    val_each_epoch: bool | None = None,
    class_weight: str | None = None,
    patience: int | None = None,
    passes: int | None = None,
) -> NetworkResult:
    """Way 5, the baseline: the same architecture, random weights, nothing but the target's own pictures.

    Its learning rate was chosen on val of ``flowers``, so that the baseline is a fair opponent.
    The parameters are those of ``two_phase``, the rates those of ``pretrained_start``.
    """
    settings = dict(learning_rate=learning_rate, augment=augment, class_weight=class_weight, patience=patience)
    length, watch = (epochs, passes), (on_epoch_end, val_each_epoch)
    return _whole_network("scratch", split, backbone, seed, device, settings, length, *watch)


def _whole_network(
    way: str,
    split: Split,
    backbone: str | Backbone,
    seed: int,
    device: str,
    settings: dict,
    length: tuple[int | None, int | None],
    on_epoch_end: Callable[[History], bool | None] | None,
    val_each_epoch: bool | None,
) -> NetworkResult:
    """Train all of it at one rate; ``length`` is epochs and passes, as they were asked for."""
    watched = _check_training(split, backbone, device, val_each_epoch, seed=seed, on_epoch_end=on_epoch_end, **settings)
    start, card = _STARTS[way], settings_of(name_of(backbone))
    epochs, passes = _length(*length, split, card, start == "pretrained")
    rate = card.full_rate if settings["learning_rate"] is None else settings["learning_rate"]
    settings = dict(epochs=epochs) | settings | dict(learning_rate=rate, passes=passes)
    network = _start(split, backbone, seed, device, start)
    unfreeze(network)  # a backbone of yours may come frozen
    val = split.val if watched else None
    history = train_network(
        network, split.train, val, batch_size=BATCH, seed=seed, on_epoch_end=on_epoch_end, desc=way, **settings
    )
    return _network_result(way, split, network, seed, settings, history)


def _network_result(
    way: str, split: Split, network: Backbone, seed: int, settings: dict, history: History
) -> NetworkResult:
    if history.val_accuracy:
        val = history.val_accuracy[history.kept - 1]  # the last one, if no epoch was chosen
    else:
        val = accuracy(network, split.val, settings["class_weight"])
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return NetworkResult(
        way,
        network.name,
        split,
        seed,
        settings,
        val,
        history.seconds[-1] if history.seconds else 0.0,
        trained,
        classifier_of(split, network),
        history=history,
    )
