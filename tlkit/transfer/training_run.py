"""The one training loop of everything that trains a network: its epochs, its clock, its looks at val, its ends."""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.bars import tqdm
from tlkit.data.augment import Augmentation
from tlkit.data.splits import ImageSet
from tlkit.history import History
from tlkit.nets.backbone import Backbone
from tlkit.nets.devices import autocast, pick_precision
from tlkit.transfer import checkpoints
from tlkit.transfer.balance import class_weights
from tlkit.transfer.feeding import Feed
from tlkit.transfer.scoring import score

__all__: list[str] = []


@dataclass(eq=False)
class TrainingRun:
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
    on_epoch_end: Callable[[History], bool | None] | None
    checkpoint: Path | None
    desc: str
    class_weight: str | None
    patience: int | None
    passes: int

    def __post_init__(self) -> None:
        device = self.network.device
        self.rates = [checks.rate("learning_rate", group["lr"]) for group in self.groups]
        self.steps = len(self.images) // self.batch_size * self.passes  # a last, smaller batch would upset BatchNorm
        fused = device.type in ("cpu", "cuda")
        optimizer = torch.optim.AdamW(self.groups, weight_decay=self.weight_decay, fused=fused)
        total = max(3, self.epochs * self.steps)  # the cycle needs a step up and a step down
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.rates, total_steps=total, pct_start=max(self.warm_up, 2 / total)
        )
        scaled = pick_precision(device) == torch.float16
        scaler = torch.amp.GradScaler(device.type, init_scale=2.0**10, enabled=scaled)
        self.parts = {"network": self.network, "optimizer": optimizer, "schedule": schedule, "scaler": scaler}
        self.told, self.weights = False, None
        if self.class_weight:
            self.weights = class_weights(self.images.labels, self.network.head.out_features).float().to(device)
        self.labels = self.images.labels.to(device)
        self.history, self.good = History(), _copy(self.network)
        self.best = self.good  # of the epochs so far, on val
        if self.checkpoint is not None:
            self.about = self._about()  # before the first step: the weights that it begins with belong to it
            if self.checkpoint.exists():
                self._resume()

    def train(self) -> History:
        """Epoch by epoch, to the last one or until something ends it; returns the history."""
        done = len(self.history.loss)
        clock = _Clock(self.history.seconds[-1] if done else 0.0)
        quiet = self.on_epoch_end is not None  # whoever watches shows the progress
        total = self.epochs * self.steps
        options = dict(initial=done * self.steps, desc=self.desc, unit="step", leave=False, delay=1, disable=quiet)
        with tqdm(total=total, **options) as self.bar:
            try:
                feed = Feed(self.network, self.images.images, self.augment, self.seed, quiet)
                with clock.paused():
                    seen_val = Feed(self.network, self.val.images, quiet=quiet) if self.val is not None else None
                while not self._is_over():
                    loss = self._epoch(feed)
                    if not self._went_well(loss):
                        break
                    with clock.paused():
                        self._look_at(seen_val)
                    self.history.loss.append(loss)
                    self.history.seconds.append(clock.seconds)
                    self._keep()
                    if self.on_epoch_end is not None and self.on_epoch_end(self.history):
                        why = "as asked"
                        self.history.stopped = f"Stopped after epoch {self._done} of {self.epochs}, {why}."
                        break
            finally:
                self.network.eval()
        if self.patience is not None:
            self.network.load_state_dict(self.best, strict=False)
        if self.checkpoint is not None:
            checkpoints.done(self.checkpoint, self.network)
        return self.history

    @property
    def _done(self) -> int:
        return len(self.history.loss)

    def _is_over(self) -> bool:
        """Whether the last epoch is done, or patience is at its end."""
        out_of_patience = self.patience is not None and self._done - self.history.kept >= self.patience
        return self._done >= self.epochs or out_of_patience

    def _epoch(self, feed: Feed) -> float:
        """Every picture once a pass, in whole batches; returns the mean loss."""
        # Seeded by the epoch, a resumed run shuffles as an uninterrupted one does.
        shuffle = torch.Generator().manual_seed(self.seed * 100_003 + self._done)
        whole = len(self.images) // self.batch_size * self.batch_size
        order = torch.cat([torch.randperm(len(self.images), generator=shuffle)[:whole] for _ in range(self.passes)])
        optimizer, schedule, scaler = (self.parts[name] for name in ("optimizer", "schedule", "scaler"))
        self.network.train()
        losses = []
        with _drawing_from(shuffle, self.network.device):
            for rows in order.view(self.steps, self.batch_size):
                labels = self.labels[rows.to(self.network.device)]
                losses.append(step(self.network, feed(rows, shuffle), labels, optimizer, scaler, self.weights))
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

    def _look_at(self, seen_val: Feed | None) -> None:
        """The accuracy on val after this epoch; with patience, remember the best."""
        if seen_val is None:
            return
        reached = score(seen_val.answers(), self.val.labels, self.class_weight)
        if self.patience is not None and reached > max(self.history.val_accuracy, default=-1.0):
            self.best, self.history.kept = self.good, self._done + 1
        self.history.val_accuracy.append(reached)
        self.bar.set_postfix(val=f"{reached:.1%}")

    def _about(self) -> dict:
        """What a checkpoint of this run belongs to."""
        names = ("epochs", "batch_size", "weight_decay", "warm_up", "seed", "class_weight", "patience", "passes")
        weights = [sum(p.numel() for p in group["params"]) for group in self.groups]
        return (
            checkpoints.about(self.checkpoint, self.network, self.images, self.val)
            | {
                "learning rates": str(self.rates),
                "weights of each rate": str(weights),
                "augment": str(self.augment),
            }
            | {name: getattr(self, name) for name in names}
        )

    def _keep(self) -> None:
        if self.checkpoint is not None:
            best = self.best if self.patience is not None else {}
            problem = checkpoints.keep(self.checkpoint, self.parts, vars(self.history), best, self.about)
            if problem and not self.told:  # once, and not after every epoch
                self.told = True
                warnings.warn(problem, stacklevel=4)

    def _resume(self) -> None:
        """Put everything back to the last whole epoch of an interrupted run."""
        state = checkpoints.read(self.checkpoint, self.about, self.network.device)
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


@contextlib.contextmanager
def _drawing_from(generator: torch.Generator, device: torch.device) -> Iterator[None]:
    """Dropout draws from the one stream of the process: in here from one that the seed decides, and after as before."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(generator.initial_seed())
        yield


def _copy(network: Backbone) -> dict[str, Tensor]:
    """All that training can change: the stages that are not frozen, and the head."""
    fixed = tuple(f"stages.{name}." for name in network.frozen_stages)
    return {name: tensor.clone() for name, tensor in network.state_dict().items() if not name.startswith(fixed)}


def step(
    network: Backbone,
    x: Tensor,
    labels: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    weights: Tensor | None,
) -> Tensor:
    """One step down the gradient; returns the loss. ``weights`` are those of the classes."""
    with autocast(network.device):
        scores = network.rest(x)
    # Divided by the pictures of the batch and not by their weights, or a batch without a rare class would count more.
    how = "mean" if weights is None else "none"
    loss = nn.functional.cross_entropy(scores.float(), labels, weights, reduction=how).mean()
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()
