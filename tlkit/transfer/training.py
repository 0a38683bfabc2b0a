"""Training a network by gradient descent: what is asked for, checked before work starts."""

from collections.abc import Callable
from pathlib import Path

import torch

from tlkit import checks
from tlkit.data.augment import Augmentation
from tlkit.data.splits import ImageSet
from tlkit.history import History
from tlkit.nets.backbone import Backbone
from tlkit.transfer import checkpoints
from tlkit.transfer.balance import check_class_weight
from tlkit.transfer.training_run import TrainingRun

__all__ = ["train_network"]


def train_network(
    network: Backbone,
    train: ImageSet,
    val: ImageSet | None,
    epochs: int,
    learning_rate: float = 2e-3,
    batch_size: int = 64,
    weight_decay: float = 0.05,
    warm_up: float = 0.1,
    seed: int = 0,
    groups: list[dict] | None = None,
    augment: Augmentation | None = None,
    on_epoch_end: Callable[[History], bool | None] | None = None,
    checkpoint: str | Path | None = None,
    desc: str = "training",
    class_weight: str | None = None,
    patience: int | None = None,
    passes: int = 1,
) -> History:
    """Train the weights that are not frozen, with AdamW and a one-cycle learning rate.

    What the frozen stages make of the pictures is computed once, and the rest trains on that.
    Kornblith et al. (2019) found that label smoothing and dropout raise the accuracy on the source
    but make worse features, so neither is used.

    Parameters
    ----------
    network : Backbone
        Changed in place, and left in evaluation mode.
    train : ImageSet
    val : ImageSet or None
        Looked at after each epoch; None spares that time and leaves ``val_accuracy`` empty.
    epochs : int
    learning_rate : float
        The highest of the cycle (Smith and Topin 2019).
    batch_size : int
        Pictures a step, at least 2 (BatchNorm needs company); fewer if there are fewer.
    weight_decay : float
        AdamW's (Loshchilov and Hutter 2019).
    warm_up : float
        The share of the steps in which the learning rate rises; it falls in the others.
    seed : int
        For the order of the pictures, their augmentation, and what dropout leaves out.
    groups : list of dict, optional
        Parameter groups, each with its own ``lr``, in place of ``learning_rate``: see
        ``tlkit.parameter_groups``.
    augment : Augmentation, optional
        A new view of each picture in each epoch; with frozen stages, one of ``views`` that are
        computed beforehand.
    on_epoch_end : function, optional
        Called with the history after each epoch. When it returns True, training stops there.
    checkpoint : str or Path, optional
        A file to go on from after an interrupt; removed at the end. It belongs to the same pictures, network and
        settings.
    desc : str
        What the progress bar says.
    class_weight : "balanced", optional
        Every class has the same say, however many pictures it has: a picture weighs n / (classes * pictures of its
        class), as in scikit-learn. Then ``val_accuracy`` is the mean of the classes' own accuracies.
    patience : int, optional
        Training ends when val has been no better for so many epochs, and the network gets the weights of its best
        epoch (the first of equals) back; ``history.kept`` says which that was.
    passes : int
        How often an epoch goes through the pictures: more than once where they are so few that an epoch
        would be a step or two.

    Returns
    -------
    History
        If the loss is no longer a number, training stops with a warning, ``stopped`` says why, and
        the network is as it was after the last epoch that went well.

    Raises
    ------
    ValueError
        For a learning rate or a number out of range, labels that the head does not have, a val of
        other classes than train, patience without val, or a checkpoint of another run.
    """
    checks.instance("network", network, Backbone)
    checks.instance("train", train, ImageSet)
    if val is not None:
        checks.instance("val", val, ImageSet)
    checks.count("epochs", epochs, 1, checks.MANY)
    checks.count("batch_size", batch_size, 2)
    checks.count("passes", passes, 1, checks.MANY)
    checks.number("weight_decay", weight_decay, 0)
    checks.number("warm_up", warm_up, 0, 1)
    checks.text(desc=desc)
    check_settings(learning_rate, seed, augment, on_epoch_end, class_weight)
    checks.images(train.images, network.smallest)
    if patience is not None:
        check_patience(patience, val is not None)
    if train.labels.max() >= network.head.out_features:
        raise ValueError(
            f"There is a label {int(train.labels.max())}, but the head has {network.head.out_features} "
            "classes (0, 1, ...). backbone.new_head(classes) puts another one on."
        )
    if val is not None:
        val = ImageSet(val.images, val.labels_as(train.class_names), train.class_names)
    network.class_names = train.class_names
    network.to(memory_format=torch.channels_last)
    if groups is None:
        groups = [{"params": [p for p in network.parameters() if p.requires_grad], "lr": learning_rate}]
    _check_groups(groups)
    run = TrainingRun(
        network, train, val, epochs, min(batch_size, len(train)), groups, weight_decay, warm_up, seed, augment,
        on_epoch_end, checkpoints.place(checkpoint), desc, class_weight, patience, passes,
    )  # fmt: skip
    return run.train()


def check_settings(
    learning_rate: float | None,
    seed: int,
    augment: Augmentation | None,
    on_epoch_end: Callable | None,
    class_weight: str | None,
) -> None:
    """Raise ValueError or TypeError for what no training takes."""
    if learning_rate is not None:
        checks.rate("learning_rate", learning_rate)
    checks.seed(seed)
    if augment is not None:
        checks.instance("augment", augment, Augmentation)
    checks.function("on_epoch_end", on_epoch_end)
    check_class_weight(class_weight)


def _check_groups(groups: list[dict]) -> None:
    is_one = isinstance(groups, (list, tuple)) and groups and all(isinstance(group, dict) for group in groups)
    if not is_one or not all({"params", "lr"} <= set(group) for group in groups):
        raise TypeError("groups must be what tlkit.parameter_groups gives: a list of dicts, each with params and lr.")


def check_patience(patience: int, sees_val: bool) -> int:
    """Return ``patience`` if it can be had; else raise ValueError."""
    if not sees_val:
        raise ValueError("patience goes by the accuracy on val, but val is not looked at: give val, or no patience.")
    return checks.count("patience", patience, 1)
