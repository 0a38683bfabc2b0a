"""The tasks of ``finetune``: the offline flowers with minivgg, and a folder of JPEGs with torchvision's networks."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from photos_folder import drawn_photos
from side_by_side import Options
from torch import Tensor, nn
from torchvision import models
from tutorial import Task

import tlkit
from tlkit.data import dealing, pictures
from tlkit.nets.devices import pick_device
from tlkit.nets.weights import read_weights

HEAD_EPOCHS, EPOCHS = 20, 5  # with the network frozen, and then unfrozen
PER_CLASS = 40  # training pictures
NETWORKS = ("squeezenet1_1", "mobilenet_v2")  # on photos


def tasks(options: Options, scratch: Path) -> Iterator[tuple[str, Callable[[int], Task]]]:
    """A title and a function from a seed to a task, for each network and its pictures.

    ``scratch`` is a folder for the files of the networks.
    """
    epochs = dict(head_epochs=2, epochs=1) if options.quick else dict(head_epochs=HEAD_EPOCHS, epochs=EPOCHS)
    common = dict(device=str(pick_device(options.device)), **epochs)
    common |= dict(per_class=6 if options.quick else PER_CLASS)
    wanted = options.networks or ("minivgg", *NETWORKS)
    if "minivgg" in wanted:
        about = common | _network("minivgg", options, scratch)
        yield "minivgg on drawn flowers", partial(_drawn, 2 if options.quick else 17, **about)
    folder = options.photos or (drawn_photos(2, 16, 64) if options.quick else drawn_photos())
    source = "photos" if options.photos else "drawn photos"
    for name in ("minivgg",) if options.quick else [name for name in wanted if name != "minivgg"]:
        random = "" if name == "minivgg" or name in options.weights else ", random weights,"
        about = common | _network(name, options, scratch)
        yield f"{name}{random} on {source}", partial(_folder, folder, **about)


def _network(name: str, options: Options, scratch: Path) -> dict:
    """The fields of a task that describe its network; the peers get it as a file that needs no tlkit."""
    weights = options.weights.get(name)
    model = None
    if name != "minivgg":
        torch.manual_seed(0)
        model = models.get_model(name, weights=None)
        if weights is None:
            weights = scratch / f"{name}-weights.pth"
            torch.save(model.state_dict(), weights)
        model.load_state_dict(read_weights(weights))
    backbone = tlkit.load_backbone(name, device="cpu", weights=weights)
    torch.save(model or _without_stages(backbone), scratch / f"{name}.pt")
    mean, std = backbone.mean.flatten().tolist(), backbone.std.flatten().tolist()
    file = scratch / f"{name}.pt"
    return dict(network=name, model=file, weights=weights, size=backbone.image_size, mean=mean, std=std)


def _without_stages(backbone: tlkit.Backbone) -> nn.Module:
    """The network in the shape of torchvision's: ``features``, then ``classifier``."""
    layers = {name: list(stage) for name, stage in backbone.stages.items()}
    features = sum((layers[name] for name in layers if name.startswith("conv")), [])
    classifier = [*layers["fc6"], *layers["fc7"], backbone.head]
    parts = OrderedDict(features=nn.Sequential(*features), classifier=nn.Sequential(*classifier))
    return nn.Sequential(parts).to(memory_format=torch.contiguous_format)


def _drawn(classes: int, seed: int, per_class: int, **about) -> Task:
    """The offline flowers, as tensors."""
    split = tlkit.load_dataset("flowers", per_class, seed)
    parts = {name: getattr(split, name) for name in ("train", "val", "test")}
    mine = {name: part.labels < classes for name, part in parts.items()}
    return Task(
        classes=classes,
        pictures={name: part.images[mine[name]].permute(0, 2, 3, 1).numpy().copy() for name, part in parts.items()},
        labels={name: part.labels[mine[name]].tolist() for name, part in parts.items()},
        folder=None,
        per_class=per_class,
        seed=seed,
        **about,
    )


def _folder(folder: Path, seed: int, per_class: int, size: int, **about) -> Task:
    """A folder of JPEGs, dealt as ``load_folder`` deals it."""
    split = tlkit.load_folder(folder, per_class, seed, size, quiet=True)
    listed = [
        (path, label)
        for label, name in enumerate(split.class_names)
        for path in sorted((folder / name).iterdir())
        if f"{name}/{path.name}" not in split.report.left_out
    ]
    files, labels = [path for path, _ in listed], torch.tensor([label for _, label in listed])
    rows = dealing.deal(labels, len(split.class_names), per_class, seed)
    dealt = {part: [files[row] for row in mine.tolist()] for part, mine in rows.items()}
    for part, paths in dealt.items():
        _check_same(paths[-1], getattr(split, part).images[-1], size)
    return Task(
        classes=len(split.class_names),
        pictures=dealt,
        labels={part: labels[mine].tolist() for part, mine in rows.items()},
        folder=folder,
        per_class=per_class,
        seed=seed,
        size=size,
        **about,
    )


def _check_same(path: Path, image: Tensor, size: int) -> None:
    if not torch.equal(torch.from_numpy(pictures.read_picture(path, size).copy()), image):
        raise RuntimeError(f"{path} is not where load_folder dealt it: each subfolder must hold pictures alone.")
