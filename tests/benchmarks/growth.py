"""A folder of 1,000 to 64,000 JPEGs to codes and a probe: seconds and the highest memory, beside the usual tools.

Each contestant is a process of its own, which is told from outside how much memory it took at most. The pictures are
drawn in a moment, so that there may be many: no two are alike, and every class has a colour of its own.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from side_by_side import Options, Row, plain_environment, skipped

import tlkit

SIZES = (1_000, 4_000, 16_000, 64_000)
USUAL = 4_000  # pictures, up to which the usual tools are bearable
CLASSES = 10
SIDE = 96  # pixels of a file; it is read at 64

# Not ru_maxrss: it begins with the memory of the process that started this one.
_AROUND = """
import sys, time
from pathlib import Path
folder, network, device = sys.argv[1:]
{}
seconds = time.perf_counter() - start
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1024, score)
"""
_OURS = """
import tlkit
backbone = tlkit.load_backbone("minivgg", device=device)
start = time.perf_counter()
split = tlkit.load_folder(folder, image_size=64, quiet=True)
score = tlkit.linear_probe(split, backbone).val_accuracy
"""
# The same network and penalties, without tlkit; a fifth is held out to choose by.
_LOOP = """
import numpy as np, torch
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
device = "cuda" if torch.cuda.is_available() else "cpu"
model, mean, std = torch.load(network, weights_only=False)
model = model.to(device, memory_format=torch.channels_last)
start = time.perf_counter()
crop = [transforms.Resize(73), transforms.CenterCrop(64), transforms.ToTensor(), transforms.Normalize(mean, std)]
files = datasets.ImageFolder(folder, transforms.Compose(crop))
with torch.inference_mode():
    codes = [model(images.to(device)).cpu() for images, _ in DataLoader(files, batch_size=64, num_workers=2)]
codes, labels, held_out = torch.cat(codes).numpy(), np.array(files.targets), np.arange(len(files)) % 5 == 0
scaler = StandardScaler().fit(codes[~held_out])
train, val = scaler.transform(codes[~held_out]), scaler.transform(codes[held_out])
fits = [LinearSVC(C=C, tol=1e-2, max_iter=5000) for C in (1e-4, 1e-3, 1e-2, 1e-1, 1.0)]
score = max(fit.fit(train, labels[~held_out]).score(val, labels[held_out]) for fit in fits)
"""


def measure(options: Options) -> Iterator[Row]:
    """Memory should not grow with the number of pictures, and seconds should grow in step with it."""
    if sys.platform != "linux":
        yield skipped("growth", "all", "the highest memory is read where Linux tells it")
        return
    title, first = f"growth: JPEGs of {SIDE} px to codes and probe, minivgg", {}
    for count in (200,) if options.quick else SIZES:
        with tempfile.TemporaryDirectory(prefix="tlkit-growth-") as scratch:
            folder = drawn_files(Path(scratch, "files"), count)
            network = _network(Path(scratch, "network.pt"))
            run = partial(_run, (str(folder), str(network), options.device), Path(scratch, "cache"))
            works = {"cold": partial(run, _OURS), "with a warm cache": partial(run, _OURS)}
            if count <= USUAL:
                works["DataLoader and LinearSVC"] = partial(run, _LOOP)
            for what, work in works.items():
                seconds, peak, score = work()
                for value, unit in ((1e3 * seconds / count, "ms a picture"), (peak, "MB")):
                    row = Row(title, f"{count:,} pictures, {what}, {unit}", value, unit)
                    row.note = (
                        f"{seconds:,.1f} s, val {score:.0%}" if unit != "MB" else f"{1e3 * peak / count:,.0f} kB each"
                    )
                    before = first.setdefault((what, unit), row)
                    if before is not row:
                        row.ratio, row.against = value / before.value, before.contestant
                    yield row


def drawn_files(folder: Path, count: int) -> Path:
    """So many JPEGs in a folder with one subfolder a class."""
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(partial(_draw, folder), range(count), chunksize=100))
    return folder


def _draw(folder: Path, number: int) -> None:
    """Coarse and fine blobs in the colour of the class, give or take."""
    random, label = np.random.default_rng(number), number % CLASSES
    colour = 128 + 90 * np.cos(2 * np.pi * (label / CLASSES + np.arange(3) / 3)) + random.normal(0, 50, 3)
    coarse, fine = (random.normal(0, spread, (side, side, 1)) for spread, side in ((60, 5), (50, 24)))
    layers = [Image.fromarray((colour + blobs).clip(0, 255).astype(np.uint8)) for blobs in (coarse, fine)]
    mixed = Image.blend(*(layer.resize((SIDE, SIDE), Image.Resampling.BICUBIC) for layer in layers), 0.5)
    mixed.save(folder / f"class {label}" / f"{number:06}.jpg", quality=85)


def _network(path: Path) -> Path:
    """The layers of minivgg and what they normalise by, for those who have no tlkit."""
    backbone = tlkit.load_backbone("minivgg", device="cpu")
    layers = torch.nn.Sequential(*backbone.stages.values()).eval()
    torch.save((layers, backbone.mean.flatten().tolist(), backbone.std.flatten().tolist()), path)
    return path


def _run(arguments: tuple[str, ...], cache: Path, code: str) -> tuple[float, ...]:
    command = [sys.executable, "-c", _AROUND.format(code), *arguments]
    environment = plain_environment() | {"TLKIT_CACHE": str(cache)}
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return tuple(map(float, told.stdout.splitlines()[-1].split()))
