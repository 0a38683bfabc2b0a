"""Does a better source network transfer better? Networks pretrained for more and more epochs, each of them probed.

Every network has a training of its own, from the same random weights and on the same pictures of ``atlas``, whose
learning rate falls to zero at its end. A checkpoint from the middle of one long training would be taken at a high
rate, and what it lacks would be part rate, part epochs. One more network sees the most epochs with smoothed labels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from tlkit import checks
from tlkit.data.splits import Split, load_dataset
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import load_backbone
from tlkit.nets.devices import autocast
from tlkit.transfer.features import sweep_features
from tlkit.transfer.probes import LinearProbe

__all__: list[str] = []

TARGETS = ("flowers", "herbarium", "plates", "tissue", "digits")
EPOCHS, SMOOTHING = (1, 2, 4, 8), 0.1
PER_CLASS, TARGET_PER_CLASS = 20, 20
RATE, BATCH, WEIGHT_DECAY, WARM_UP = 3e-3, 32, 0.05, 0.3  # as the shipped backbone, but for the smaller batch
STAGES = {"codes": "fc7", "conv5": "conv5"}  # the column of the table, and the stage that is probed for it


def pretrain_source(split: Split, epochs: int, smoothing: float = 0.0, seed: int = 0, device: str = "auto") -> Backbone:
    """A ``minivgg`` trained from random weights on a source, in plain PyTorch, as lesson 15 writes it out.

    AdamW with a one-cycle learning rate; every picture is turned round left to right half of the time.

    Parameters
    ----------
    split : Split
        Of the source; only its train part is used.
    epochs : int
    smoothing : float
        The share of a label that is spread evenly over all classes (Szegedy et al. 2016), 0 to 1.
    seed : int
        Of the random weights, the order of the pictures and their turns.
    device : "auto" or a torch device

    Raises
    ------
    ValueError, TypeError
        For a number out of range, or what is no split.
    """
    checks.instance("split", split, Split)
    checks.count("epochs", epochs, 1)
    checks.number("smoothing", smoothing, 0, 1)
    network = load_backbone("minivgg", pretrained=False, seed=seed, device=device)
    network.new_head(len(split.class_names), seed).to(memory_format=torch.channels_last).train()
    images, labels, batch = split.train.images, split.train.labels, min(BATCH, len(split.train))
    steps = len(images) // batch
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    total = max(4, epochs * steps)  # the cycle needs steps up and steps down
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=total, pct_start=WARM_UP)
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
    luck = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(images), generator=luck)[: steps * batch].view(steps, batch):
            turned = torch.rand(batch, 1, 1, 1, generator=luck) < 0.5
            with autocast(network.device):
                scores = network(torch.where(turned, images[rows].flip(3), images[rows]))
            optimizer.zero_grad()
            loss(scores.float(), labels[rows].to(network.device)).backward()
            optimizer.step()
            schedule.step()
    network.class_names = split.class_names
    return network.eval()


def _read(network: Backbone, images: torch.Tensor) -> dict[str, np.ndarray]:
    """The features of each of ``STAGES``, without the cache: these networks are used once."""
    features, _ = sweep_features(network, images, list(STAGES.values()), keep=False)
    return {column: features[stage] for column, stage in STAGES.items()}


def class_separation(features: np.ndarray, labels: np.ndarray) -> float:
    """How far the classes lie apart: 1 where each is a point of its own, 0 where they lie mixed.

    One minus the mean cosine distance of two pictures of one class, divided by that of any two pictures. The
    index of Kornblith et al. (2021); every class counts the same.

    Parameters
    ----------
    features : (n, d)
    labels : int (n,)
    """
    rows = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    # The mean cosine of all pairs of unit rows, each row with itself included, is the squared length of their mean.
    means = np.stack([rows[labels == label].mean(axis=0) for label in np.unique(labels)])
    within = 1 - (means**2).sum(axis=1).mean()
    overall = 1 - (means.mean(axis=0) ** 2).sum()
    return float(1 - within / overall)


def measure_source(
    seed: int,
    epochs: int,
    smoothing: float = 0.0,
    per_class: int = PER_CLASS,
    targets: Sequence[str] = TARGETS,
    device: str = "auto",
) -> list[dict]:
    """Pretrain one network of the experiment, now and here, and probe it: a row of the table for each target.

    The val part of a target chooses its probe's C, and its test part is opened once for each stage.
    """
    for name in targets:
        checks.choose("target dataset", name, TARGETS)
    source = load_dataset("atlas", per_class, seed)
    network = pretrain_source(source, epochs, smoothing, seed, device)
    rows, labels = _read(network, source.test.images)["codes"], source.test.labels.numpy()
    weight, bias = (tensor.detach().cpu().numpy() for tensor in (network.head.weight, network.head.bias))
    answers = (rows @ weight.T + bias).argmax(1)
    about = {
        "seed": seed,
        "epochs": epochs,
        "smoothing": smoothing,
        "source": round(float(np.mean(answers == labels)), 4),
        "separation": round(class_separation(rows, labels), 4),
    }
    splits = [load_dataset(name, TARGET_PER_CLASS, seed) for name in targets]
    return [about | {"target": split.name} | _probed(network, split) for split in splits]


def _probed(network: Backbone, split: Split) -> dict[str, float]:
    """Test accuracy of a linear probe on each of ``STAGES``."""
    train, val, test = (_read(network, part.images) for part in (split.train, split.val, split.test))
    y, y_val, y_test = (part.labels.numpy() for part in (split.train, split.val, split.test))
    found = {}
    for column in STAGES:
        probe = LinearProbe().fit(train[column], y, val[column], y_val)
        found[column] = round(float(np.mean(probe.predict(test[column]) == y_test)), 4)
    return found
