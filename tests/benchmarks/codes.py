"""CNN codes: pictures a second, from tensors and from a folder of JPEGs, beside the limit and beside the usual loop."""

import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from photos_folder import drawn_photos
from side_by_side import Options, Row, in_turn, rows_of
from torch import Tensor

import tlkit
from tlkit.nets.devices import autocast, pick_precision

NAME = "squeezenet1_1"
BATCHES = (4, 8, 16, 32, 64)
LOOP = Path(__file__).with_name("usual_loop.py")


def measure(options: Options) -> list[Row]:
    """From tensors against the bare network, from a folder against the best loop of a DataLoader."""
    backbone = _backbone(options)
    size, count = (64, 64) if options.quick else (224, 512)
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
    rows = []
    for precision in dict.fromkeys(["float32", _fast(backbone)]):
        rows += _from_tensors(backbone, images, precision, options)
    folder = options.photos or (drawn_photos(2, 10, 80) if options.quick else drawn_photos())
    return rows + _from_folder(backbone, folder, size, options)


def _backbone(options: Options) -> tlkit.Backbone:
    file = options.weights.get(NAME)
    return tlkit.load_backbone(NAME, pretrained=file is not None, weights=file, device=options.device)


def _fast(backbone: tlkit.Backbone) -> str:
    return str(pick_precision(backbone.device)).removeprefix("torch.")


# ------------------------------------------------------------------------------- from tensors


def _from_tensors(backbone: tlkit.Backbone, images: Tensor, precision: str, options: Options) -> list[Row]:
    title = f"codes from tensors, {NAME}, {images.shape[-1]} px, {precision}"
    bare, batch = _best_bare(backbone, images, precision)
    contestants = {
        "bare model(x)": bare,
        "tlkit.extract_features": lambda: _ours(backbone, images, precision),
    }
    rows = rows_of(title, in_turn(contestants, max(3, options.runs)), "bare model(x)", len(images), "img/s")
    rows[0].note = f"floats in memory, normalised, channels last; best of batches {BATCHES}: {batch}"
    rows[1].note = "from uint8; normalising, fingerprints and writing to an empty cache included"
    return rows


def _best_bare(backbone: tlkit.Backbone, images: Tensor, precision: str) -> tuple[Callable[[], None], int]:
    """The network alone on tensors that are ready, with the batch size that suits it best."""
    where, dtype = backbone.device, getattr(torch, precision)
    ready = backbone.normalise(images)
    layers = torch.nn.Sequential(*backbone.stages.values())

    @torch.inference_mode()
    def run(batch: int) -> None:
        with autocast(where, dtype):
            for x in ready.split(batch):
                layers(x)
        if where.type == "cuda":
            torch.cuda.synchronize()

    seconds = in_turn({str(batch): lambda batch=batch: run(batch) for batch in BATCHES}, 2)
    best = int(min(seconds, key=lambda batch: min(seconds[batch])))
    return lambda: run(best), best


def _ours(backbone: tlkit.Backbone, images: Tensor, precision: str) -> None:
    with empty_cache():
        tlkit.extract_features(backbone, images, precision=precision)


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


def _from_folder(backbone: tlkit.Backbone, folder: Path, size: int, options: Options) -> list[Row]:
    files = sum(1 for path in folder.glob("*/*") if path.is_file())
    title = f"codes of a folder of {files:,} JPEGs, {NAME}, {size} px"
    settings = [(4, 0)] if options.quick else list(itertools.product((4, 16, 64), (0, 2)))
    loop = lambda precision, batch, workers: _usual(folder, size, precision, batch, workers, options)  # noqa: E731
    tried = {pair: loop("float32 NCHW", *pair) for pair in settings}
    batch, workers = best = min(tried, key=tried.get)
    seconds: dict[str, list[float]] = {}
    precisions = list(dict.fromkeys(["float32", _fast(backbone)]))
    for _ in range(options.runs):  # in turn
        seconds.setdefault("usual loop", []).append(loop("float32 NCHW", *best))
        seconds.setdefault("usual loop, batch 128", []).append(loop("float32 NCHW", 128, workers))
        for precision in precisions[1:]:
            seconds.setdefault(f"usual loop, {precision}, channels last", []).append(loop(precision, *best))
        for precision in precisions:
            name = f"tlkit.load_folder and extract_features, {precision}"
            seconds.setdefault(name, []).append(_ours_from_folder(backbone, folder, size, precision))
    rows = rows_of(title, seconds, "usual loop", files, "img/s")
    rows[0].note = f"DataLoader, float32; best of batches 4, 16, 64 and 0 or 2 workers: {batch}, {workers} workers"
    for row in rows[-len(precisions) :]:
        row.note = "with the check of every file; cold: a second call reads the cache"
    return rows


def _usual(folder: Path, size: int, precision: str, batch: int, workers: int, options: Options) -> float:
    arguments = [folder, NAME, options.weights.get(NAME, "none"), batch, workers, precision, size]
    command = [sys.executable, str(LOOP), *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(told.stdout.split()[0])


def _ours_from_folder(backbone: tlkit.Backbone, folder: Path, size: int, precision: str) -> float:
    with empty_cache():
        start = time.perf_counter()
        split = tlkit.load_folder(folder, image_size=size, quiet=True)
        for part in (split.train, split.val, split.test):
            tlkit.extract_features(backbone, part.images, precision=precision)
        return time.perf_counter() - start
