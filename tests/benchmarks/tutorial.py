"""The loop of PyTorch's transfer-learning tutorial, and the task that all contestants of ``finetune`` work on.

Nothing here imports tlkit, and each contestant runs in a process of its own: what tlkit sets when it
is imported (how memory is handed out) neither helps nor hurts the others.
"""

import contextlib
import copy
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms

Pictures = Sequence[Path] | np.ndarray  # files, or uint8 (n, size, size, 3)


@dataclass
class Task:
    """The work of all contestants: one draw of one dataset, for one network.

    Attributes
    ----------
    network, model, weights : its name, a file of the torch module for the peers, and its weights for tlkit
    size, mean, std : of the pictures that it takes
    classes : how many there are
    pictures, labels : of ``train``, ``val`` and ``test``
    folder, per_class, seed : what tlkit makes the same split from, if the pictures are files
    device : of torch
    head_epochs, epochs : with the network frozen, then unfrozen
    """

    network: str
    model: Path
    weights: Path | None
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: int
    pictures: dict[str, Pictures]
    labels: dict[str, list[int]]
    folder: Path | None
    per_class: int
    seed: int
    device: str
    head_epochs: int
    epochs: int


@dataclass
class Run:
    """What a contestant reached: seconds since its start, val included, and accuracies from 0 to 1.

    Attributes
    ----------
    seconds, val : after each epoch
    phase_one, both : seconds until the head was trained on the frozen network, and until the end
    test_one, test : accuracy on the test pictures then, outside the clock
    decoding : seconds of ``phase_one`` that went by before training began
    note : the settings that were chosen
    """

    seconds: list[float] = field(default_factory=list)
    val: list[float] = field(default_factory=list)
    phase_one: float | None = None
    both: float = 0.0
    test_one: float | None = None
    test: float = 0.0
    decoding: float | None = None
    note: str = ""


class Clock:
    """Seconds since it was made, without those spent in ``paused()``."""

    def __init__(self):
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._start += time.perf_counter() - began


def plain_process() -> None:
    """Let a process that was spawned start others as a script of anybody's does: on Linux by fork, which is quick."""
    multiprocessing.set_start_method(None, force=True)


class Photos(Dataset):
    """Pictures with labels, opened anew each time, like torchvision's ``ImageFolder``."""

    def __init__(self, task: Task, part: str, transform: transforms.Compose):
        self.pictures, self.labels, self.transform = task.pictures[part], task.labels[part], transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        picture = self.pictures[row]
        image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else Image.open(picture).convert("RGB")
        return self.transform(image), self.labels[row]


def usual_transforms(task: Task, part: str) -> transforms.Compose:
    """Those of the tutorial: a random crop and flip to train, the middle to look at val and test."""
    if part == "train":
        crop = [transforms.RandomResizedCrop(task.size), transforms.RandomHorizontalFlip()]
    else:
        crop = middle(task)
    return transforms.Compose([*crop, transforms.ToTensor(), transforms.Normalize(task.mean, task.std)])


def middle(task: Task) -> list:
    if task.folder is None:
        return []  # drawn at the right size
    return [transforms.Resize(task.size * 256 // 224), transforms.CenterCrop(task.size)]


def load_network(task: Task) -> nn.Module:
    """The network with its source's head: ``features``, then ``classifier``."""
    return torch.load(task.model, weights_only=False)  # this benchmark's own file


def new_head(network: nn.Module, classes: int) -> nn.Module:
    """Replace the last layer with weights, as torchvision's documentation does for each network."""
    layers = network.classifier
    place, last = [(k, layer) for k, layer in enumerate(layers) if isinstance(layer, (nn.Conv2d, nn.Linear))][-1]
    if isinstance(last, nn.Conv2d):
        layers[place] = nn.Conv2d(last.in_channels, classes, last.kernel_size)
    else:
        layers[place] = nn.Linear(last.in_features, classes)
    return network


def tutorial(task: Task, batch_size: int = 4) -> Run:
    """The loop of PyTorch's transfer-learning tutorial, written from its description.

    SGD with rate 0.001 and momentum 0.9, a tenth of it every 7 epochs, val after each epoch, the
    best epoch on val kept; frozen means ``requires_grad = False``, and every epoch opens every
    picture and runs the whole network.
    """
    torch.manual_seed(task.seed)
    workers = _quicker_workers(task, batch_size)
    clock, run = Clock(), Run(note=f"batches of {batch_size}, {workers} workers")
    loaders = {part: _loader(task, part, batch_size, workers) for part in ("train", "val")}
    network = load_network(task).requires_grad_(False)
    new_head(network, task.classes).to(task.device)
    _tutorial_phase(network, loaders, task, task.head_epochs, clock, run)
    run.phase_one = clock.seconds
    with clock.paused():
        run.test_one = _accuracy(network, _loader(task, "test", 32, workers), task.device)
    _tutorial_phase(network.requires_grad_(True), loaders, task, task.epochs, clock, run)
    run.both = clock.seconds
    run.test = _accuracy(network, _loader(task, "test", 32, workers), task.device)
    return run


def _loader(task: Task, part: str, batch_size: int, workers: int) -> DataLoader:
    photos = Photos(task, part, usual_transforms(task, part))
    return DataLoader(photos, batch_size, shuffle=part == "train", num_workers=workers)


def _quicker_workers(task: Task, batch_size: int) -> int:
    """0 or 2 processes that open pictures: what takes less time on a quarter of an epoch of the frozen network."""
    network = load_network(task).to(task.device).eval()
    photos = Photos(task, "train", usual_transforms(task, "train"))
    some = Subset(photos, range(max(1, len(photos) // 4)))
    seconds = {}
    for workers in (0, 2, 0, 2):  # the first round warms up
        clock = Clock()
        _accuracy(network, DataLoader(some, batch_size, num_workers=workers), task.device)
        seconds[workers] = clock.seconds
    return min(seconds, key=seconds.get)


def _tutorial_phase(
    network: nn.Module, loaders: dict[str, DataLoader], task: Task, epochs: int, clock: Clock, run: Run
) -> None:
    learning = [weights for weights in network.parameters() if weights.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    best, kept = -1.0, {}
    for _ in range(epochs):
        network.train()
        loss_sum, right = 0.0, 0
        for images, labels in loaders["train"]:
            images, labels = images.to(task.device), labels.to(task.device)
            optimizer.zero_grad()
            scores = network(images)
            loss = nn.functional.cross_entropy(scores, labels)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(labels)
            right += (scores.argmax(1) == labels).sum().item()
        schedule.step()
        run.val.append(_accuracy(network, loaders["val"], task.device))
        if run.val[-1] > best:
            best, kept = run.val[-1], copy.deepcopy(network.state_dict())
        run.seconds.append(clock.seconds)
    network.load_state_dict(kept)


@torch.no_grad()
def _accuracy(network: nn.Module, loader: DataLoader, device: str) -> float:
    network.eval()
    right = [network(images.to(device)).argmax(1).cpu() == labels for images, labels in loader]
    return torch.cat(right).float().mean().item()
