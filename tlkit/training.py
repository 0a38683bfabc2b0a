"""One training loop for everything that trains a network by gradient descent."""

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from tlkit import checks
from tlkit.backbones import Backbone, load_backbone, pick_device
from tlkit.cache import write_atomically
from tlkit.data import ImageSet, Split

__all__ = ["History", "accuracy", "predict", "train_from_scratch", "train_network"]


@dataclass
class History:
    """What happened in each epoch: mean training loss, accuracy on val (if watched), seconds since the start."""

    loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def _autocast(device: torch.device) -> contextlib.AbstractContextManager:
    """bfloat16 where the hardware multiplies it fast, float32 elsewhere."""
    fast_cpu = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    # Older GPUs than Ampere (a T4, say) only emulate bfloat16, which is slower than float32.
    fast_gpu = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    if fast_gpu or (device.type == "cpu" and fast_cpu()):
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


@torch.inference_mode()
def predict(network: Backbone, images: Tensor, batch_size: int = 32) -> Tensor:
    """The most likely class of every picture, int64 ``(n,)``, in evaluation mode."""
    checks.images(images, network.smallest)
    was_training = network.training
    network.eval()
    try:
        return torch.cat([network(batch).argmax(1).cpu() for batch in images.split(batch_size)])
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
    seed: int = 0,
    device: str = "auto",
    checkpoint: Path | None = None,
    desc: str = "training",
) -> History:
    """Train every weight of a network with AdamW and a one-cycle learning rate.

    Half of the pictures are mirrored, others each epoch. Kornblith et al. (2019) found that label smoothing and dropout
    raise the accuracy on the source but make worse features, so neither is used.

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
    seed : int
        For the order of the pictures and for which are mirrored.
    device : str
        ``"auto"`` (CUDA, then MPS, then CPU) or a torch device.
    desc : str
        What the progress bar says.
    checkpoint : Path, optional
        A file to go on from after an interrupt; removed at the end.

    Raises
    ------
    ValueError
        For a learning rate or a number out of range, or when the loss is no longer a number.
    """
    checks.count("epochs", epochs, 1)
    checks.count("batch_size", batch_size, 2)
    checks.images(train.images, network.smallest)
    if train.labels.max() >= network.head.out_features:
        raise ValueError(
            f"There is a label {int(train.labels.max())}, but the head has {network.head.out_features} "
            "classes (0, 1, ...). backbone.new_head(classes) puts another one on."
        )
    if not 0.0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be a number above 0, but it is {learning_rate}.")
    where = pick_device(device)
    network.to(where, memory_format=torch.channels_last)
    batch_size = min(batch_size, len(train))
    steps = len(train) // batch_size  # a last, smaller batch would upset BatchNorm
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * steps)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    settings = {"epochs": epochs, "steps": steps, "learning_rate": learning_rate, "seed": seed}
    history = _resume(checkpoint, parts, settings, where)
    done = len(history.loss)
    start = time.perf_counter() - (history.seconds[-1] if done else 0.0)
    bar = tqdm(total=epochs * steps, initial=done * steps, desc=desc, unit="step", leave=False, delay=1)
    try:
        for epoch in range(done, epochs):
            # Seeded by the epoch, a resumed run shuffles as an uninterrupted one does.
            shuffle = torch.Generator().manual_seed(seed * 100_003 + epoch)
            order = torch.randperm(len(train), generator=shuffle)[: steps * batch_size].view(steps, batch_size)
            mirrored = torch.rand(steps, batch_size, generator=shuffle) < 0.5
            network.train()
            losses = []
            for rows, flips in zip(order, mirrored):
                losses.append(_step(network, train, rows, flips, optimizer))
                schedule.step()
                bar.update()
            history.loss.append(sum(losses) / steps)
            if val is not None:
                with _autocast(where):
                    history.val_accuracy.append(accuracy(network, val))
                bar.set_postfix(val=f"{history.val_accuracy[-1]:.1%}")
            history.seconds.append(time.perf_counter() - start)
            if checkpoint is not None:
                state = (
                    {name: part.state_dict() for name, part in parts.items()}
                    | {"history": vars(history)}
                    | {"settings": settings}
                )
                write_atomically(checkpoint, lambda part, state=state: torch.save(state, part))
    finally:
        bar.close()
        network.eval()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return history


def _step(network: Backbone, train: ImageSet, rows: Tensor, flips: Tensor, optimizer: torch.optim.Optimizer) -> float:
    """One step down the gradient on the pictures ``rows``, some of them mirrored; returns the loss."""
    where = network.mean.device
    images = torch.where(flips.view(-1, 1, 1, 1), train.images[rows].flip(-1), train.images[rows])
    with _autocast(where):
        scores = network(images)
    loss = nn.functional.cross_entropy(scores.float(), train.labels[rows].to(where))
    if not torch.isfinite(loss):
        rate = optimizer.param_groups[0]["max_lr"]
        raise ValueError(f"The loss is no longer a number: the learning rate {rate:g} is too high. Try a tenth of it.")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


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


def train_from_scratch(
    split: Split,
    epochs: int = 30,
    seed: int = 0,
    backbone: str = "minivgg",
    learning_rate: float = 4e-3,
    device: str = "auto",
    watch_val: bool = True,
) -> tuple[Backbone, History]:
    """The baseline: the same architecture, random weights, nothing but the target's own pictures.

    The defaults were chosen on val of ``flowers`` at 10 pictures a class, from rates of 5e-4 to 8e-3
    and 20 to 60 epochs, so that the baseline is a fair opponent there.

    ``watch_val=False`` does not look at val after each epoch: a third of the time saved where only
    the end counts.

    Returns
    -------
    (Backbone, History)
        The trained network, in evaluation mode, and what happened in each epoch.
    """
    network = load_backbone(backbone, pretrained=False, seed=seed, device=device).new_head(len(split.class_names), seed)
    history = train_network(
        network,
        split.train,
        split.val if watch_val else None,
        epochs,
        learning_rate,
        batch_size=32,
        seed=seed,
        device=device,
        desc="from scratch",
    )
    return network, history
