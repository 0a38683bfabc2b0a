"""Small pictures and folders for the tests of people's own data; a pixel says which class and file it is of."""

import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

import tlkit


def load(path=None, **options):
    return tlkit.load_folder(path, **{"image_size": 16, "quiet": True} | options)


def flat(path, red, green=0, blue=0, size=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (red, green, blue)).save(path, "PNG")


def classes(root, start=0, count=4, names=("ash", "birch")):
    """Class folders of flat pictures: red says the class, green and blue the number from ``start`` on."""
    for k, name in enumerate(names):
        for number in range(start, start + count):
            flat(root / name / f"{number}.png", 40 * k, number % 256, number // 256)
    return root


def pets(root, **counts):
    """Class folders of different sizes, at 40 pixels; red says the class and green the number."""
    for k, (name, count) in enumerate((counts or {"cat": 8, "dog": 16}).items()):
        for number in range(count):
            flat(root / name / f"{number:02}.png", 60 * k, number, size=40)
    return root


def ids(images):
    return [tuple(colour) for colour in images[:, :2, 0, 0].tolist()]


def is_short(caught):
    return len(str(caught.value).splitlines()) <= 3


def parts(root, *names, count=4, of=("ash", "birch")):
    """A set that is cut: the pictures of part k are numbered from 50 k on."""
    for k, name in enumerate(names):
        classes(root / name, 50 * k, count, of)
    return root


def numbers(part):
    """Which pictures are in a part: class and number of each, sorted."""
    return sorted((red // 40, green + 256 * blue) for red, green, blue in part.images[:, :, 0, 0].tolist())


def sizes(split):
    return {part: len(getattr(split, part)) for part in ("train", "val", "test")}


def table(path, *lines, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join([*lines, ""]).encode(encoding))
    return path


def rows_of(root, mark=",", sep="/"):
    """A row for each picture of class folders: file, and its folder as the label."""
    files = sorted(root.glob("*/*.png"))
    return [f"{str(path.relative_to(root)).replace('/', sep)}{mark}{path.parent.name}" for path in files]


def deep_png(path, values):
    """A PNG of 16 bits: values uint16 ``(h, w, c)``, which Pillow cannot write in colour."""
    height, width, channels = values.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def deep_tiff(path, channels, compressed=False):
    """A colour TIFF of uint16 or float32 ``(h, w, 3)``, deflated or not, which Pillow cannot write."""
    height, width, _ = channels.shape
    each, content = channels.itemsize * 8, channels.astype(channels.dtype.newbyteorder("<")).tobytes()
    content = zlib.compress(content) if compressed else content
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 8), (259, 3, 1, 8 if compressed else 1)]
    tags += [(262, 3, 1, 2), (273, 4, 1, 14), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(content))]
    tags += [(339, 3, 1, 3)] if channels.dtype.kind == "f" else []
    bits = 14 + len(content)
    tags[2] = (258, 3, 3, bits)
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0" * 4
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        struct.pack("<2sHI", b"II", 42, bits + 6)
        + b"\0" * 6
        + content
        + struct.pack("<3H", each, each, each)
        + directory
    )


class _Unmarked(zipfile.ZipInfo):
    """An entry whose name is written as the bytes that it was made with."""

    def _encodeFilenameFlags(self):  # noqa: N802 (the name is zipfile's)
        return self.filename.encode("latin-1"), self.flag_bits & ~0x800


def zipped(path, files):
    """A zip whose names are given as bytes, with no word on their encoding, as many programs make them."""
    with zipfile.ZipFile(path, "w") as archive:
        for raw, content in files.items():
            archive.writestr(_Unmarked(raw.decode("latin-1")), content)
    return path


def gradient(low, high):
    return np.linspace(low, high, 16 * 16).reshape(16, 16)


def flat_arrays(count=24, classes=2, size=16):
    """uint8 ``(n, size, size, 3)``, flat: red says the class and green the number; and the labels in turn."""
    labels = np.arange(count) % classes
    colours = np.stack([40 * labels, np.arange(count), np.full(count, 7)], 1).astype(np.uint8)
    return np.broadcast_to(colours[:, None, None], (count, size, size, 3)).copy(), labels
