"""Training the shipped backbone on the source, and writing its weights with their card."""

import datetime
import hashlib
import os
import platform
from pathlib import Path

import safetensors.torch
import torch

from tlkit import checks
from tlkit.augment import Augmentation
from tlkit.backbones import WEIGHTS, load_backbone
from tlkit.cache import cache_folder, write_atomically
from tlkit.cards import write_card
from tlkit.data import load_dataset, recipe
from tlkit.training import accuracy, train_network

__all__: list[str] = []


def pretrain(
    epochs: int = 10, per_class: int = 300, seed: int = 0, device: str = "auto", out: str | None = None
) -> None:
    """Train ``minivgg`` on ``atlas`` and write its weights and card.

    After an interrupt the same call goes on from the last whole epoch.
    """
    checks.count("epochs", epochs, 1)
    folder = Path(out) if out else WEIGHTS
    folder.mkdir(parents=True, exist_ok=True)
    split = load_dataset("atlas", per_class=per_class, seed=seed)
    print(split)
    network = load_backbone("minivgg", pretrained=False, seed=seed, device=device)
    checkpoint = cache_folder() / f"pretrain-{epochs}-{per_class}-{seed}-{recipe()}.pt"
    history = train_network(
        network,
        split.train,
        split.val,
        epochs,
        learning_rate=3e-3,
        batch_size=128,
        warm_up=0.3,
        seed=seed,
        device=device,
        augment=Augmentation(flip_horizontal=True),
        checkpoint=checkpoint,
        desc="pretraining",
    )
    reached = accuracy(network, split.test)
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    content = safetensors.torch.save(state)
    card = {
        "name": "minivgg",
        "what": "A small VGG with BatchNorm: conv1 ... conv5, fc6, fc7 and the classifier fc8",
        "weights": sum(parameter.numel() for parameter in network.parameters()),
        "source": "atlas",
        "source_classes": len(split.class_names),
        "source_accuracy": round(reached, 4),
        "held_out_images": len(split.test),
        "seed": seed,
        "command": f"python -m tlkit pretrain --epochs {epochs} --per-class {per_class} --seed {seed}",
        "seconds": round(history.seconds[-1]),
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}; trained on {network.mean.device.type}",
        "versions": f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "MIT",
    }
    write_atomically(folder / "minivgg.safetensors", lambda part: part.write_bytes(content))
    write_atomically(folder / "minivgg.toml", lambda part: part.write_text(write_card(card), encoding="utf-8"))
    print(f"{reached:.1%} of {len(split.test):,} held-out pictures right; written to {folder}")
