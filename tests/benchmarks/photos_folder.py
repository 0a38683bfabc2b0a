"""A folder of JPEGs, drawn, for those who have no photos at hand: it costs as much to open as photos do."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

import tlkit
from tlkit.disk.cache import cache_folder


def drawn_photos(classes: int = 17, per_class: int = 80, side: int = 320) -> Path:
    """A folder with one subfolder for each species of ``flowers``, drawn once and kept in tlkit's cache folder.

    Parameters
    ----------
    classes : 2 to 17
    per_class : pictures of each class, 2 to 80
    side : of the drawn square, in pixels; the photo around it is wider, as photos are, and a little larger
    """
    folder = cache_folder() / "benchmarks" / f"photos-{classes}-{per_class}-{side}"
    if not folder.exists():
        split = tlkit.load_dataset("flowers", per_class=(per_class + 1) // 2, image_size=side)
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)  # of a run that was interrupted
        for name in split.class_names[:classes]:
            (part / name).mkdir(parents=True)
        for pictures in (split.train, split.test):
            _save(part, pictures.first(per_class // 2), split.class_names[:classes])
        part.rename(folder)
    return folder


def _save(folder: Path, part: tlkit.ImageSet, names: list[str]) -> None:
    for image, label in zip(part.images.numpy(), part.labels.tolist()):
        if label < len(names):
            number = len(list((folder / names[label]).iterdir()))
            _frame(image).save(folder / names[label] / f"{number:04d}.jpg", quality=90)


def _frame(image: np.ndarray) -> Image.Image:
    """The square in the middle of a frame of 4 to 3, its sides mirrored: 500 x 375 from 320 x 320."""
    height = image.shape[1] * 75 // 64
    width = height * 4 // 3
    square = np.asarray(Image.fromarray(image.transpose(1, 2, 0)).resize((height, height), Image.Resampling.BICUBIC))
    margin = (width - height) // 2
    return Image.fromarray(np.pad(square, ((0, 0), (margin, width - height - margin), (0, 0)), mode="reflect"))
