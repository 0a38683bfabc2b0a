"""The golden numbers: what is kept under a version number, made now, and stored when that number was last raised.

``python tests/golden.py FEATURES`` stores what belongs to one number. Run it after the number was raised, and
only then: what fails these comparisons without a new number would mix old and new in everybody's cache.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor, nn

import tlkit
from tlkit.data import cifar, depths, pictures, spectrograms
from tlkit.study import grafting
from tlkit.transfer.features import sweep_features
from tlkit.world.catalogue import OFFLINE_DATASETS, draw_pictures
from tlkit.world.faces import FACE_SETS, draw_faces

FOLDER = Path(__file__).parent


def world() -> Iterator[tuple[str, Tensor]]:
    """Some classes of each dataset as they are, and another picture of every class, small."""
    for name, dataset in OFFLINE_DATASETS.items():
        yield name, some_pictures(name)
        labels = torch.arange(len(dataset.class_names))
        every = draw_pictures(name, "test", labels, torch.ones_like(labels), seed=3, size=64)
        yield f"{name}, every class", nn.functional.avg_pool2d(every.float(), 8).round().to(torch.uint8)


def some_pictures(name: str) -> Tensor:
    """Every fourth class, one picture each."""
    labels = torch.arange(0, len(OFFLINE_DATASETS[name].class_names), 4 if name != "atlas" else 10)
    return draw_pictures(name, "train", labels, torch.zeros_like(labels), seed=0, size=64)


def faces() -> Iterator[tuple[str, Tensor]]:
    """Every twentieth person, one picture each."""
    for name, people in FACE_SETS.items():
        labels = torch.arange(0, people.people, 20)
        yield name, draw_faces(name, "train", labels, torch.zeros_like(labels), seed=0, size=64)


def features() -> Iterator[tuple[str, Tensor]]:
    """Features of every kind of stage, with weights from a formula, in float32."""
    images = safetensors.torch.load_file(FOLDER / "golden_pictures.safetensors")["flowers"][:3]
    for backbone in (tlkit.load_backbone(pretrained=False, device="cpu"), _squeezenet(), _transformer()):
        _set_weights(backbone)
        for relu in (True, False) if backbone.name == "minivgg" else (True,):
            for grid in (1, 2):
                swept = sweep_features(backbone, images, None, relu, grid, precision="float32")[0]
                for stage, rows in swept.items():
                    # Random signs in place of thousands of columns: none can change unseen.
                    signs = torch.arange(rows.shape[1] * 4).mul(1.7).sin().sign().view(-1, 4)
                    yield f"{backbone.name} {stage} relu={relu} grid={grid}", torch.tensor(rows) @ signs


def _squeezenet() -> tlkit.Backbone:
    return tlkit.load_backbone("squeezenet1_1", pretrained=False, device="cpu")


class _Tokens(nn.Module):
    """The places of a map as a row of vectors, as a transformer has them."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2)


def _transformer() -> tlkit.Backbone:
    block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    stages = {"tokens": nn.Sequential(nn.Conv2d(3, 16, 8, stride=8), _Tokens()), "block": nn.Sequential(block)}
    return tlkit.Backbone("tokens", stages, nn.Linear(16, 5), (0.5,) * 3, (0.25,) * 3, 64, 32).eval()


def _set_weights(network: nn.Module) -> None:
    """The same on every machine, and of a size that lets pictures through."""
    for k, (name, tensor) in enumerate(network.state_dict().items()):
        if tensor.is_floating_point() and name not in ("mean", "std"):
            wave = torch.arange(tensor.numel(), dtype=torch.float64).mul(0.7).add(k).sin().view(tensor.shape)
            around, spread = (1.0, 0.5) if tensor.dim() == 1 and "bias" not in name else (0.0, 0.1)
            fan_in = tensor[0].numel() if tensor.dim() > 1 else 0
            tensor.copy_(around + wave * (2 / fan_in**0.5 if fan_in else spread))


def networks() -> Iterator[tuple[str, Tensor]]:
    """The base network of lesson 11 on ten pictures: its loss in each epoch, and its scores, in float32."""
    images = safetensors.torch.load_file(FOLDER / "golden_pictures.safetensors")["atlas"]
    part = tlkit.ImageSet(images, torch.arange(len(images)) % 2)
    split = tlkit.Split("golden", ["even", "odd"], part, part, part, per_class=5, seed=0)
    with mock.patch.dict(os.environ, TLKIT_PRECISION="float32"):
        for epochs in (1, 3):
            network, loss = grafting.train_base(split, seed=0, epochs=epochs, device="cpu")
            with torch.inference_mode():
                scores = network(images)
            yield f"{epochs} epochs", torch.cat([torch.tensor([loss]), scores.flatten()])


def photos() -> Iterator[tuple[str, Tensor]]:
    """Files of several kinds, as they are read at 24 x 24 pixels."""
    y, x = np.mgrid[:90, :150]
    rgb = np.stack([x * 255 // 149, y * 255 // 89, 255 * ((x // 30 + y // 30) % 2)], 2).astype(np.uint8)
    sun, turned = Image.fromarray(rgb), Image.Exif()
    turned[0x0112] = 6  # the camera was held upright
    clear = np.dstack([rgb, np.where(x < 75, 255, 60).astype(np.uint8)])
    files = {
        "colour.png": (sun, {}),
        "grey.png": (sun.convert("L"), {}),
        "clear.png": (Image.fromarray(clear), {}),
        "palette.gif": (sun.quantize(64, dither=Image.Dither.NONE), {}),
        "turned.jpg": (sun, {"quality": 95, "subsampling": 0, "exif": turned}),
        "large.jpg": (sun.resize((1200, 720), Image.Resampling.BILINEAR), {"quality": 95, "subsampling": 0}),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, (image, options) in files.items():
            image.save(Path(folder, name), **options)
            yield name, torch.from_numpy(pictures.read_picture(Path(folder, name), 24).copy())
        for fit in ("pad", "squash"):
            read = pictures.read_picture(Path(folder, "colour.png"), 24, depths.Reading(fit=fit))
            yield f"colour.png, {fit}", torch.from_numpy(read.copy())


def recordings() -> Iterator[tuple[str, Tensor]]:
    """Tones that rise, at two rates, as they are drawn at 24 x 24 pixels."""
    for rate in (8_000, 16_000):
        time = np.arange(rate // 2) / rate
        sound = 9_000 * np.sin(2 * np.pi * (300 + 2_500 * time) * time) + 3_000 * np.sin(2 * np.pi * 90 * time)
        yield f"{rate} a second", torch.from_numpy(spectrograms.spectrogram(sound.round(), rate, 24).copy())


def records() -> Iterator[tuple[str, Tensor]]:
    """Two records of a file, larger and smaller than they are."""
    y, x = np.mgrid[:32, :32]
    planes = np.stack([x * 8, y * 8, 255 * ((x // 8 + y // 8) % 2)]).astype(np.uint8).ravel()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "batch.bin")
        path.write_bytes(b"".join(bytes([label]) + row.tobytes() for label, row in enumerate((planes, 255 - planes))))
        for record in cifar.records([path]):
            for size in (24, 48):
                read = torch.from_numpy(cifar.read_record(record, size).copy())
                yield f"record {record.row} of class {record.label} at {size}", read


# For each number: the module that has it, what it stands for, where that is stored, and how far machines may differ.
NUMBERS: dict[str, tuple[str, Callable, str, float]] = {
    "WORLD": ("tlkit/world/__init__.py", world, "golden_pictures", 1),  # grey levels
    "FACES": ("tlkit/world/faces.py", faces, "golden_faces", 1),
    "PHOTOS": ("tlkit/data/pictures.py", photos, "golden_photos", 6),  # encoders of JPEG differ
    "SPECTROGRAMS": ("tlkit/data/spectrograms.py", recordings, "golden_spectrograms", 3),  # Fourier transforms differ
    "RECORDS": ("tlkit/data/cifar.py", records, "golden_records", 1),
    "FEATURES": ("tlkit/transfer/features.py", features, "golden_features", 1e-3),  # of the largest
    "NETWORKS": ("tlkit/study/grafting.py", networks, "golden_networks", 1e-3),
}


def stored(number: str) -> dict[str, Tensor]:
    """What was stored when a number was last raised."""
    return safetensors.torch.load_file(FOLDER / f"{NUMBERS[number][2]}.safetensors")


def differences(number: str) -> dict[str, float]:
    """How far each thing is now from what was stored: in grey levels, or as a share of the largest number."""
    kept, now = stored(number), dict(NUMBERS[number][1]())
    if set(kept) != set(now) or any(kept[name].shape != now[name].shape for name in kept):
        return dict.fromkeys(set(kept) | set(now), float("inf"))
    apart = {name: (now[name].double() - kept[name].double()).abs().max().item() for name in kept}
    return {
        name: far / (1 if kept[name].dtype == torch.uint8 else kept[name].abs().max().item())
        for name, far in apart.items()
    }


def store(number: str) -> None:
    """Store what is made now."""
    made = {name: tensor.contiguous() for name, tensor in NUMBERS[number][1]()}
    file = FOLDER / f"{NUMBERS[number][2]}.safetensors"
    safetensors.torch.save_file(made, file)
    print(file, f"{file.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    if not set(sys.argv[1:]) <= set(NUMBERS) or not sys.argv[1:]:
        sys.exit(f"Which number was raised? python tests/golden.py {' | '.join(NUMBERS)}")
    with tempfile.TemporaryDirectory() as empty, mock.patch.dict(os.environ, TLKIT_CACHE=empty):
        for each in sys.argv[1:]:
            store(each)
