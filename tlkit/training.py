"""One training loop for everything that trains a network by gradient descent."""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.augment import Augmentation
from tlkit.backbones import Backbone
from tlkit.bars import tqdm
from tlkit.cache import write_atomically
from tlkit.data import ImageSet
from tlkit.devices import autocast, batch_size_for, pick_device, pick_precision

__all__ = ["History", "accuracy", "predict", "train_network"]

_LARGEST_TABLE = 2**30  # bytes of frozen activations that are kept in memory


@dataclass
class History:
    """What happened in each epoch.

    Attributes
    ----------
    loss : mean training loss
    val_accuracy : accuracy on val, 0 to 1; empty if val was not watched
    seconds : training seconds since the start, without those spent on looking at val
    stopped : why training ended before its last epoch, or "" if it did not
    head_epochs : how many of the epochs trained the head alone, in a training of two phases
    """

    loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str = ""
    head_epochs: int = 0

    def __add__(self, later: "History") -> "History":
        """Two runs one after the other, as one."""
        before = self.seconds[-1] if self.seconds else 0.0
        seconds = self.seconds + [before + s for s in later.seconds]
        accuracies = self.val_accuracy + later.val_accuracy
        return History(self.loss + later.loss, accuracies, seconds, later.stopped, self.head_epochs)


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


def accuracy(network: Backbone, part: ImageSet) -> float:
    """The share of pictures whose class the network gets right, 0 to 1."""
    return (predict(network, part.images) == part.labels).float().mean().item()


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
    checkpoint: Path | None = None,
    desc: str = "training",
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
    checkpoint : Path, optional
        A file to go on from after an interrupt; removed at the end.
    desc : str
        What the progress bar says.

    Returns
    -------
    History
        If the loss is no longer a number, training stops with a warning, ``stopped`` says why, and
        the network is as it was after the last epoch that went well.

    Raises
    ------
    ValueError
        For a learning rate or a number out of range, or labels that the head does not have.
    """
    checks.count("epochs", epochs, 1)
    checks.count("batch_size", batch_size, 2)
    checks.images(train.images, network.smallest)
    if train.labels.max() >= network.head.out_features:
        raise ValueError(
            f"There is a label {int(train.labels.max())}, but the head has {network.head.out_features} "
            "classes (0, 1, ...). backbone.new_head(classes) puts another one on."
        )
    where = pick_device(device)
    network.to(where, memory_format=torch.channels_last)
    groups = groups or [{"params": [p for p in network.parameters() if p.requires_grad], "lr": learning_rate}]
    rates = [checks.rate("learning_rate", group["lr"]) for group in groups]
    batch_size = min(batch_size, len(train))
    steps = len(train) // batch_size  # a last, smaller batch would upset BatchNorm
    optimizer = torch.optim.AdamW(groups, weight_decay=weight_decay, fused=where.type in ("cpu", "cuda"))
    total = max(3, epochs * steps)  # the cycle needs a step up and a step down
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rates, total_steps=total, pct_start=max(warm_up, 2 / total)
    )
    scaler = torch.amp.GradScaler(where.type, init_scale=2.0**10, enabled=pick_precision(where) == torch.float16)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule, "scaler": scaler}
    settings = {"epochs": epochs, "steps": steps, "learning_rate": max(rates), "seed": seed}
    history = _resume(checkpoint, parts, settings, where)
    done = len(history.loss)
    clock = _Clock(history.seconds[-1] if done else 0.0)
    quiet = watch is not None  # whoever watches shows the progress
    bar = tqdm(total=epochs * steps, initial=done * steps, desc=desc, unit="step", leave=False, delay=1, disable=quiet)
    good = _copy(network)
    labels = train.labels.to(where)
    try:
        feed = _Feed(network, train.images, augment, views, seed, quiet)
        with clock.paused():
            seen_val = _Feed(network, val.images, quiet=quiet) if val is not None else None
        for epoch in range(done, epochs):
            # Seeded by the epoch, a resumed run shuffles as an uninterrupted one does.
            shuffle = torch.Generator().manual_seed(seed * 100_003 + epoch)
            order = torch.randperm(len(train), generator=shuffle)[: steps * batch_size].view(steps, batch_size)
            network.train()
            losses = []
            for rows in order:
                losses.append(_step(network, feed(rows, shuffle), labels[rows.to(where)], optimizer, scaler))
                schedule.step()
                bar.update()
            # Looked at once an epoch: to look at each step would make a GPU wait for it.
            loss = torch.stack(losses).mean().item()
            if not math.isfinite(loss) or not all(tensor.isfinite().all() for tensor in _copy(network).values()):
                network.load_state_dict(good, strict=False)
                history.stopped = (
                    f"In epoch {epoch + 1} the loss was no longer a number: the learning rate {max(rates):g} is "
                    f"too high, try a tenth of it. The network is as it was after epoch {epoch}."
                )
                warnings.warn(history.stopped, stacklevel=2)
                break
            history.loss.append(loss)
            good = _copy(network)
            with clock.paused():
                if val is not None:
                    history.val_accuracy.append(seen_val.accuracy(val.labels))
                    bar.set_postfix(val=f"{history.val_accuracy[-1]:.1%}")
            history.seconds.append(clock.seconds)
            if checkpoint is not None:
                _keep(checkpoint, parts, history, settings)
            if watch is not None and watch(history):
                history.stopped = f"Stopped after epoch {epoch + 1} of {epochs}, as asked."
                break
    finally:
        bar.close()
        network.eval()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return history


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
    def accuracy(self, labels: Tensor) -> float:
        """The share of the pictures, as they are, that the network gets right."""
        self.network.eval()
        where = self.network.mean.device
        rows = torch.arange(len(labels)).split(1024 if self.table else batch_size_for(where, *self.images.shape[2:]))
        with autocast(where):
            answers = [self.network.rest(self(batch, None)).argmax(1) for batch in rows]
        return (torch.cat(answers).cpu() == labels).float().mean().item()


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
    network: Backbone, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> Tensor:
    """One step down the gradient; returns the loss."""
    with autocast(network.mean.device):
        scores = network.rest(x)
    loss = nn.functional.cross_entropy(scores.float(), labels)
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


def _keep(checkpoint: Path, parts: dict, history: History, settings: dict) -> None:
    state = {name: part.state_dict() for name, part in parts.items()}
    state |= {"history": vars(history), "settings": settings}
    write_atomically(checkpoint, lambda part: torch.save(state, part))


def _resume(checkpoint: Path | None, parts: dict, settings: dict, where: torch.device) -> History:
    """Put the parts back to the last whole epoch of an interrupted run, if there is one."""
    if checkpoint is None or not checkpoint.exists():
        return History()
    try:
        state = torch.load(checkpoint, weights_only=True, map_location=where)
        same = state["settings"] == settings
    except Exception as error:  # torch raises many kinds for a file that is cut short
        raise ValueError(f"The checkpoint {checkpoint} is damaged. Delete it, and training starts anew.") from error
    if not same:
        raise ValueError(
            f"The checkpoint {checkpoint} was made with {state['settings']}, this run has {settings}.\n"
            "Delete it to start anew, or use the same settings to go on."
        )
    for name, part in parts.items():
        part.load_state_dict(state[name])
    print(f"Going on after epoch {len(state['history']['loss'])} of the interrupted run.")
    return History(**state["history"])
