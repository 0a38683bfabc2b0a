"""One training loop for everything that trains a network by gradient descent."""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.bars import tqdm
from tlkit.data.augment import Augmentation
from tlkit.data.splits import ImageSet
from tlkit.history import History
from tlkit.nets.backbones import Backbone
from tlkit.nets.devices import autocast, batch_size_for, pick_device, pick_precision
from tlkit.transfer import checkpoints
from tlkit.transfer.balance import check_class_weight, class_weights, mean_recall

__all__ = ["accuracy", "predict", "train_network"]

_LARGEST_TABLE = 2**30  # bytes of frozen activations that are kept in memory


@torch.inference_mode()
def predict(network: Backbone, images: Tensor, batch_size: int | None = None) -> Tensor:
    """The most likely class of every picture, int64 ``(n,)``, in evaluation mode."""
    checks.images(images, network.smallest)
    where, was_training = network.mean.device, network.training
    network.eval()
    batches = images.split(batch_size or batch_size_for(where, *images.shape[2:]))
    try:
        with autocast(where):
            return torch.cat([network(batch).argmax(1) for batch in batches]).cpu()
    finally:
        network.train(was_training)


def accuracy(network: Backbone, part: ImageSet, class_weight: str | None = None) -> float:
    """The share of pictures that the network gets right, 0 to 1; with ``class_weight`` the mean of the classes'.

    A set whose classes are in another order than those that the network was trained on is scored by
    their names, as far as both are known.

    Raises
    ------
    ValueError
        If the network was trained on other classes.
    """
    return score(predict(network, part.images), part.labels_as(network.class_names), class_weight)


def score(answers: Tensor, labels: Tensor, class_weight: str | None) -> float:
    """The accuracy of answers, or with ``class_weight`` the mean of the classes' own accuracies."""
    if class_weight:
        return mean_recall(labels.numpy(), answers.numpy())
    return (answers == labels).float().mean().item()


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
    device: str = "auto",
    groups: list[dict] | None = None,
    augment: Augmentation | None = None,
    views: int = 4,
    watch: Callable[[History], bool | None] | None = None,
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
        For the order of the pictures and their augmentation.
    device : str
        ``"auto"`` (CUDA, then MPS, then CPU) or a torch device.
    groups : list of dict, optional
        Parameter groups, each with its own ``lr``, in place of ``learning_rate``: see
        ``tlkit.parameter_groups``.
    augment : Augmentation, optional
        A new view of each picture in each epoch; with frozen stages, one of ``views`` that are
        computed beforehand.
    watch : function, optional
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
    checks.count("epochs", epochs, 1)
    checks.count("batch_size", batch_size, 2)
    checks.count("passes", passes, 1)
    checks.images(train.images, network.smallest)
    check_class_weight(class_weight)
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
    network.to(pick_device(device), memory_format=torch.channels_last)
    groups = groups or [{"params": [p for p in network.parameters() if p.requires_grad], "lr": learning_rate}]
    run = _Run(
        network, train, val, epochs, min(batch_size, len(train)), groups, weight_decay, warm_up, seed, augment, views,
        watch, checkpoints.place(checkpoint), desc, class_weight, patience, passes,
    )  # fmt: skip
    return run.train()


def check_patience(patience: int, sees_val: bool) -> int:
    """Return ``patience`` if it can be had; else raise ValueError."""
    if not sees_val:
        raise ValueError("patience goes by the accuracy on val, but val is not looked at: give val, or no patience.")
    return checks.count("patience", patience, 1)


@dataclass(eq=False)
class _Run:
    """One training: what it was asked for, how far it is, and the steps of its loop."""

    network: Backbone
    images: ImageSet
    val: ImageSet | None
    epochs: int
    batch_size: int
    groups: list[dict]
    weight_decay: float
    warm_up: float
    seed: int
    augment: Augmentation | None
    views: int
    watch: Callable[[History], bool | None] | None
    checkpoint: Path | None
    desc: str
    class_weight: str | None
    patience: int | None
    passes: int

    def __post_init__(self) -> None:
        self.where = where = self.network.mean.device
        self.rates = [checks.rate("learning_rate", group["lr"]) for group in self.groups]
        self.steps = len(self.images) // self.batch_size * self.passes  # a last, smaller batch would upset BatchNorm
        fused = where.type in ("cpu", "cuda")
        optimizer = torch.optim.AdamW(self.groups, weight_decay=self.weight_decay, fused=fused)
        total = max(3, self.epochs * self.steps)  # the cycle needs a step up and a step down
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.rates, total_steps=total, pct_start=max(self.warm_up, 2 / total)
        )
        scaled = pick_precision(where) == torch.float16
        scaler = torch.amp.GradScaler(where.type, init_scale=2.0**10, enabled=scaled)
        self.parts = {"network": self.network, "optimizer": optimizer, "schedule": schedule, "scaler": scaler}
        self.weights = None
        if self.class_weight:
            self.weights = class_weights(self.images.labels, self.network.head.out_features).float().to(where)
        self.labels = self.images.labels.to(where)
        self.history, self.good = History(), _copy(self.network)
        self.best = self.good  # of the epochs so far, on val
        if self.checkpoint is not None and self.checkpoint.exists():
            self._resume()

    def train(self) -> History:
        """Epoch by epoch, to the last one or until something ends it; returns the history."""
        done = len(self.history.loss)
        clock = _Clock(self.history.seconds[-1] if done else 0.0)
        quiet = self.watch is not None  # whoever watches shows the progress
        total = self.epochs * self.steps
        options = dict(initial=done * self.steps, desc=self.desc, unit="step", leave=False, delay=1, disable=quiet)
        with tqdm(total=total, **options) as self.bar:
            try:
                feed = _Feed(self.network, self.images.images, self.augment, self.views, self.seed, quiet)
                with clock.paused():
                    seen_val = _Feed(self.network, self.val.images, quiet=quiet) if self.val is not None else None
                while not self._is_over():
                    loss = self._epoch(feed)
                    if not self._went_well(loss):
                        break
                    with clock.paused():
                        self._look_at(seen_val)
                    self.history.loss.append(loss)
                    self.history.seconds.append(clock.seconds)
                    self._keep()
                    if self.watch is not None and self.watch(self.history):
                        self.history.stopped = f"Stopped after epoch {self._done} of {self.epochs}, as asked."
                        break
            finally:
                self.network.eval()
        if self.patience is not None:
            self.network.load_state_dict(self.best, strict=False)
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)
        return self.history

    @property
    def _done(self) -> int:
        return len(self.history.loss)

    def _is_over(self) -> bool:
        """Whether the last epoch is done, or patience is at its end."""
        out_of_patience = self.patience is not None and self._done - self.history.kept >= self.patience
        return self._done >= self.epochs or out_of_patience

    def _epoch(self, feed: "_Feed") -> float:
        """Every picture once a pass, in whole batches; returns the mean loss."""
        # Seeded by the epoch, a resumed run shuffles as an uninterrupted one does.
        shuffle = torch.Generator().manual_seed(self.seed * 100_003 + self._done)
        whole = len(self.images) // self.batch_size * self.batch_size
        order = torch.cat([torch.randperm(len(self.images), generator=shuffle)[:whole] for _ in range(self.passes)])
        optimizer, schedule, scaler = (self.parts[name] for name in ("optimizer", "schedule", "scaler"))
        self.network.train()
        losses = []
        for rows in order.view(self.steps, self.batch_size):
            labels = self.labels[rows.to(self.where)]
            losses.append(_step(self.network, feed(rows, shuffle), labels, optimizer, scaler, self.weights))
            schedule.step()
            self.bar.update()
        # Looked at once an epoch: to look at each step would make a GPU wait for it.
        return torch.stack(losses).mean().item()

    def _went_well(self, loss: float) -> bool:
        """Whether all is a number still; if not, the network becomes what it was, and the history says why."""
        now = _copy(self.network)
        if math.isfinite(loss) and all(tensor.isfinite().all() for tensor in now.values()):
            self.good = now
            return True
        self.network.load_state_dict(self.good, strict=False)
        self.history.stopped = (
            f"In epoch {self._done + 1} the loss was no longer a number: the learning rate {max(self.rates):g} is "
            f"too high, try a tenth of it. The network is as it was after epoch {self.history.kept or self._done}."
        )
        warnings.warn(self.history.stopped, stacklevel=4)
        return False

    def _look_at(self, seen_val: "_Feed | None") -> None:
        """The accuracy on val after this epoch; with patience, remember the best."""
        if seen_val is None:
            return
        reached = score(seen_val.answers(), self.val.labels, self.class_weight)
        if self.patience is not None and reached > max(self.history.val_accuracy, default=-1.0):
            self.best, self.history.kept = self.good, self._done + 1
        self.history.val_accuracy.append(reached)
        self.bar.set_postfix(val=f"{reached:.1%}")

    @cached_property
    def _about(self) -> dict:
        """What a checkpoint of this run belongs to."""
        names = ("epochs", "batch_size", "weight_decay", "warm_up", "seed", "class_weight", "patience", "passes")
        weights = [sum(p.numel() for p in group["params"]) for group in self.groups]
        views = self.views if self.augment and self.network.frozen else 0
        return (
            checkpoints.about(self.network, self.images, self.val)
            | {
                "learning rates": str(self.rates),
                "weights of each rate": str(weights),
                "augment": str(self.augment),
                "views": views,
            }
            | {name: getattr(self, name) for name in names}
        )

    def _keep(self) -> None:
        if self.checkpoint is not None:
            best = self.best if self.patience is not None else {}
            checkpoints.keep(self.checkpoint, self.parts, vars(self.history), best, self._about)

    def _resume(self) -> None:
        """Put everything back to the last whole epoch of an interrupted run."""
        state = checkpoints.read(self.checkpoint, self._about, self.where)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.history, self.good = History(**state["history"]), _copy(self.network)
        self.best = state["best"] or self.good
        print(f"Going on after epoch {self._done} of the interrupted run.")


class _Clock:
    """Seconds of training; the time spent in ``paused()`` does not count."""

    def __init__(self, before: float):
        self._start = time.perf_counter() - before

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._start += time.perf_counter() - began


class _Feed:
    """Gives each step its input: views of the pictures, or what the frozen stages make of them."""

    def __init__(
        self,
        network: Backbone,
        images: Tensor,
        augment: Augmentation | None = None,
        views: int = 1,
        seed: int = 0,
        quiet: bool = False,
    ):
        self.network, self.augment = network, augment
        self.images = _on_gpu(images, network.mean.device)
        self.table: list[Tensor] = []
        if not network.frozen:
            return
        one = network.prefix(images[:1])
        copies = views if augment else 1
        if one.numel() * 4 * len(images) * copies > _LARGEST_TABLE:
            return  # too much to keep: the frozen stages run again in every step
        for view in range(copies):
            # View 0 is the picture as it is.
            seen = augment(images, seed=seed * 1_009 + view) if view else images
            self.table.append(_run_prefix(network, seen, quiet))

    def __call__(self, rows: Tensor, luck: torch.Generator | None) -> Tensor:
        if self.table:
            view = torch.randint(len(self.table), (len(rows),), generator=luck) if len(self.table) > 1 else None
            if view is None:
                return self.table[0][rows.to(self.table[0].device)]
            return torch.stack([self.table[v][row] for v, row in zip(view.tolist(), rows.tolist())])
        images = self.images[rows.to(self.images.device)]
        if self.augment:
            images = self.augment(images.to(self.network.mean.device), int(torch.randint(2**31, (), generator=luck)))
        with autocast(self.network.mean.device):
            return self.network.prefix(images)

    @torch.inference_mode()
    def answers(self) -> Tensor:
        """The most likely class of each picture, as it is."""
        self.network.eval()
        where = self.network.mean.device
        rows = torch.arange(len(self.images)).split(
            1024 if self.table else batch_size_for(where, *self.images.shape[2:])
        )
        with autocast(where):
            return torch.cat([self.network.rest(self(batch, None)).argmax(1) for batch in rows]).cpu()


def _on_gpu(images: Tensor, device: torch.device) -> Tensor:
    """The pictures in the memory of the GPU, if there is one with room for them beside the network's own work."""
    if device.type != "cuda":
        return images
    free, _ = torch.cuda.mem_get_info(device)
    return images.to(device) if images.nbytes < free / 4 else images


def _run_prefix(network: Backbone, images: Tensor, quiet: bool) -> Tensor:
    """The output of the frozen stages for every picture, in evaluation mode."""
    network.eval()
    batches = images.split(batch_size_for(network.mean.device, *images.shape[2:]))
    bar = tqdm(batches, desc="frozen stages", unit="batch", leave=False, delay=1, disable=quiet)
    with autocast(network.mean.device):
        return torch.cat([network.prefix(batch) for batch in bar])


def _copy(network: Backbone) -> dict[str, Tensor]:
    """All that training can change: the stages that are not frozen, and the head."""
    fixed = tuple(f"stages.{name}." for name in network.stage_names[: network.frozen])
    return {name: tensor.clone() for name, tensor in network.state_dict().items() if not name.startswith(fixed)}


def _step(
    network: Backbone,
    x: Tensor,
    labels: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    weights: Tensor | None,
) -> Tensor:
    """One step down the gradient; returns the loss. ``weights`` are those of the classes."""
    with autocast(network.mean.device):
        scores = network.rest(x)
    # Divided by the pictures of the batch and not by their weights, or a batch without a rare class would count more.
    how = "mean" if weights is None else "none"
    loss = nn.functional.cross_entropy(scores.float(), labels, weights, reduction=how).mean()
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
