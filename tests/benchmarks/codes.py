"""CNN codes: pictures a second, from tensors and from a folder of JPEGs, beside the limit and beside the usual loop.

Whatever is timed runs in a process of its own, because PyTorch's threads wait as the first import says: ours as
``import tlkit`` has them wait, the others' as they do by themselves.
"""

import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from photos_folder import drawn_photos
from side_by_side import Options, Row, plain_environment, rows_of
from torch import Tensor
from tqdm.auto import tqdm

import tlkit
from tlkit.nets.devices import autocast, pick_device, pick_precision

NAME = "squeezenet1_1"
BATCHES = (4, 8, 16, 32, 64)
HERE = Path(__file__).parent


def measure(options: Options) -> Iterator[Row]:
    """From tensors against the bare network, from a folder against the best loop of a DataLoader."""
    fast = str(pick_precision(pick_device(options.device))).removeprefix("torch.")
    precisions = ["float32"] if options.quick else list(dict.fromkeys(["float32", fast]))
    for precision in precisions:
        yield from _from_tensors(precision, options)
    folder = options.photos or (drawn_photos(2, 10, 80) if options.quick else drawn_photos())
    yield from _from_folder(folder, 64 if options.quick else 224, precisions, options)


def _alone(first: str, what: str, options: Options, *arguments: object) -> list[float]:
    """The seconds that a function of this module tells, in a process that imports ``first`` before anything else."""
    code = f"import {first}, sys, codes; print(*codes.{what}(*sys.argv[1:]))"
    command = [sys.executable, "-c", code, options.device, str(options.weights.get(NAME, "none")), *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=plain_environment(), cwd=HERE)
    return [float(word) for word in told.stdout.splitlines()[-1].split()]


def _backbone(device: str, weights: str) -> tlkit.Backbone:
    there = os.path.exists(weights)
    return tlkit.load_backbone(NAME, pretrained=there, weights=weights if there else None, device=device)


# ------------------------------------------------------------------------------- from tensors


def _from_tensors(precision: str, options: Options) -> list[Row]:
    size, count = (64, 64) if options.quick else (224, 512)
    title = f"codes from tensors, {NAME}, {size} px, {precision}"
    seconds: dict[str, list[float]] = {"bare model(x)": [], "tlkit.extract_features": []}
    for _ in tqdm(range(1 if options.quick else max(3, options.runs)), desc="turns", leave=False):
        *took, batch = _alone("torch", "bare", options, precision, size, count)
        seconds["bare model(x)"] += took
        seconds["tlkit.extract_features"] += _alone("tlkit", "ours", options, precision, size, count)
    rows = rows_of(title, seconds, "bare model(x)", count, "img/s")
    rows[0].note = f"floats in memory, normalised, channels last; best of batches {BATCHES}, at last {batch:.0f}"
    rows[1].note = "from uint8; normalising, fingerprints and writing to an empty cache included"
    return rows


def _pictures(size: str, count: str) -> Tensor:
    return torch.randint(0, 256, (int(count), 3, int(size), int(size)), dtype=torch.uint8)


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def bare(device: str, weights: str, precision: str, size: str, count: str) -> tuple[float, int]:
    """Seconds of the network alone on tensors that are ready, and the batch size that suits it best."""
    backbone = _backbone(device, weights)
    ready, dtype = backbone.normalise(_pictures(size, count)), getattr(torch, precision)
    layers = torch.nn.Sequential(*backbone.stages.values()).eval()

    @torch.inference_mode()
    def run(batch: int) -> None:
        with autocast(backbone.device, dtype):
            for x in ready.split(batch):
                layers(x)

    run(BATCHES[0])  # warm
    tried = {batch: min(_seconds(lambda batch=batch: run(batch)) for _ in range(2)) for batch in BATCHES}
    best = min(tried, key=tried.get)
    return _seconds(lambda: run(best)), best


def ours(device: str, weights: str, precision: str, size: str, count: str) -> list[float]:
    """Seconds of tlkit on bytes, with an empty cache."""
    backbone, images = _backbone(device, weights), _pictures(size, count)

    def run() -> None:
        with empty_cache():
            tlkit.extract_features(backbone, images, precision=precision)

    run()  # warm
    return [statistics.median(_seconds(run) for _ in range(3))]


@contextlib.contextmanager
def empty_cache() -> Iterator[None]:
    """A cache folder with nothing in it; the old one again after."""
    before = os.environ.get("TLKIT_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TLKIT_CACHE"] = folder
        try:
            yield
        finally:
            os.environ.pop("TLKIT_CACHE")
            if before is not None:
                os.environ["TLKIT_CACHE"] = before


# ---------------------------------------------------------------------------- from a folder


def _from_folder(folder: Path, size: int, precisions: list[str], options: Options) -> list[Row]:
    files = sum(1 for path in folder.glob("*/*") if path.is_file())
    title = f"codes of a folder of {files:,} JPEGs, {NAME}, {size} px"
    loops = {"usual loop": "float32 NCHW", "usual loop, channels last": "float32"}
    settings = [(4, 0)] if options.quick else list(itertools.product((4, 8, 16, 64), (0, 2)))
    works: dict[str, Callable[[], float]] = {}
    best = {}
    for name, layout in loops.items():
        best[name] = settings[0]
        if len(settings) > 1:
            best[name] = min(settings, key=lambda pair, layout=layout: _usual(folder, size, layout, *pair, options))
        works[name] = lambda layout=layout, pair=best[name]: _usual(folder, size, layout, *pair, options)
    for precision in precisions[1:]:
        name = f"usual loop, {precision}, channels last"
        best[name] = best["usual loop, channels last"]
        works[name] = lambda precision=precision, pair=best[name]: _usual(folder, size, precision, *pair, options)
    for precision in precisions:
        name = f"tlkit.load_folder and extract_features, {precision}"
        works[name] = lambda precision=precision: _alone("tlkit", "cold_folder", options, folder, size, precision)[0]
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in tqdm(range(options.runs), desc="turns", leave=False):
        for name, work in works.items():
            seconds[name].append(work())
    rows = rows_of(title, seconds, min(loops, key=lambda name: statistics.median(seconds[name])), files, "img/s")
    for row in rows:
        row.note = "with the check of every file; cold: a second call reads the cache"
        if row.contestant in best:
            row.note = "DataLoader; batches of {}, {} workers, the best that were tried".format(*best[row.contestant])
    return rows


def _usual(folder: Path, size: int, precision: str, batch: int, workers: int, options: Options) -> float:
    arguments = [folder, NAME, options.weights.get(NAME, "none"), batch, workers, precision, size]
    command = [sys.executable, str(HERE / "usual_loop.py"), *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=plain_environment())
    return float(told.stdout.split()[0])


def cold_folder(device: str, weights: str, folder: str, size: str, precision: str) -> list[float]:
    """Seconds of tlkit from files that it never saw, with an empty cache."""
    backbone = _backbone(device, weights)
    _ = tlkit.load_folder, tlkit.extract_features  # the clock starts after the imports, as for the others
    start = time.perf_counter()
    with empty_cache():
        split = tlkit.load_folder(folder, image_size=int(size), quiet=True)
        for part in (split.train, split.val, split.test):
            tlkit.extract_features(backbone, part.images, precision=precision)
        return [time.perf_counter() - start]
