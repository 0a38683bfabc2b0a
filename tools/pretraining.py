"""Training the shipped backbones on their sources, and writing their weights with a card."""

import datetime
import hashlib
import os
import platform
from pathlib import Path

import safetensors.torch
import torch

from tlkit import checks
from tlkit.data.augment import Augmentation
from tlkit.data.splits import load_dataset, painter_version
from tlkit.disk.cache import cache_folder, write_atomically
from tlkit.disk.cards import seal, write_card
from tlkit.nets.backbones import load_backbone
from tlkit.nets.weights import put_weights
from tlkit.transfer.scoring import accuracy
from tlkit.transfer.training import train_network

__all__: list[str] = []


# From the source to the backbone that it makes, and the type of the numbers that are shipped.
_MAKES = {"atlas": ("minivgg", torch.float32), "portraits": ("minivgg-portraits", torch.float16)}


def pretrain(
    epochs: int = 10,
    per_class: int | None = None,
    seed: int = 0,
    device: str = "auto",
    out: str | Path = ".",
    source: str = "atlas",
) -> None:
    """Train ``minivgg`` on a source, ``atlas`` or ``portraits``, and write its weights and card.

    They go into the folder ``out``, by default the current one; the course ships those in ``tlkit/weights``.
    ``per_class`` is 300 for ``atlas`` and 60 for ``portraits`` unless it is given. After an interrupt
    the same call goes on from the last whole epoch.
    """
    name, stored = _MAKES[checks.choose("source", source, _MAKES)]
    checks.count("epochs", epochs, 1)
    per_class = {"atlas": 300, "portraits": 60}[source] if per_class is None else per_class
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    split = load_dataset(source, per_class=per_class, seed=seed)
    print(split)
    network = load_backbone(name, pretrained=False, seed=seed, device=device)
    checkpoint = cache_folder() / f"pretrain-{epochs}-{per_class}-{seed}-{painter_version(source)}.pt"
    history = train_network(
        network,
        split.train,
        split.val,
        epochs,
        learning_rate=3e-3,
        batch_size=128,
        warm_up=0.3,
        seed=seed,
        augment=Augmentation(flip_horizontal=True),
        checkpoint=checkpoint,
        desc="pretraining",
    )
    state = {key: _stored(tensor, stored) for key, tensor in network.state_dict().items()}
    put_weights(network, name, state)  # what is shipped is what is judged
    reached = accuracy(network, split.test)
    content = safetensors.torch.save(state)
    origin = "" if source == "atlas" else f" --source {source}"
    card = {
        "name": name,
        "what": "A small VGG with BatchNorm: conv1 ... conv5, fc6, fc7 and the classifier fc8",
        "weights": sum(parameter.numel() for parameter in network.parameters()),
        "source": source,
        "source_classes": len(split.class_names),
        "source_accuracy": round(reached, 4),
        "held_out_images": len(split.test),
        "seed": seed,
        "command": f"python -m tools pretrain{origin} --epochs {epochs} --per-class {per_class} --seed {seed}",
        "seconds": round(history.seconds[-1]),
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}; trained on {network.device.type}",
        "versions": f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "MIT",
    }
    write_atomically(folder / f"{name}.safetensors", lambda part: part.write_bytes(content))
    text = seal(write_card(card))
    write_atomically(folder / f"{name}.toml", lambda part: part.write_text(text, encoding="utf-8"))
    print(f"{reached:.1%} of {len(split.test):,} held-out pictures right; written to {folder}")


def _stored(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """As it goes into the file: numbers with a point in ``dtype``, counters as they are."""
    return tensor.cpu().to(dtype if tensor.is_floating_point() else tensor.dtype).contiguous()
