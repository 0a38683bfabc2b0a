"""Files of every kind: a picture with the right colours, or what it is and what to do with it."""

import sys
import types

import numpy as np
import pytest
from folder_makers import classes, deep_tiff, load
from PIL import Image, ImageFile

from tlkit.data import pictures

pytestmark = pytest.mark.filterwarnings("error")


# --- Kinds of pictures

RED, WHITE, BLACK, GREY = (255, 0, 0), (255, 255, 255), (0, 0, 0), (128, 128, 128)


def _halves(mode, top, bottom):
    image = Image.new(mode, (40, 40), top)
    image.paste(bottom, (0, 20, 40, 40))
    return image


def _cmyk(path):
    _halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 255)).save(path, "JPEG", quality=95)


def _palette(path):
    image = _halves("P", 1, 0)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.save(path, "PNG", transparency=0)


def _grey_of_16_bits(path):
    values = np.full((40, 40), 32_896, dtype=np.uint16)
    values[20:] = 0
    Image.fromarray(values).save(path, "PNG")


def _animated(path):
    _halves("RGB", RED, BLACK).save(path, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 40), "blue")])


def _turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the left of what is stored is the top of what was seen
    stored = Image.new("RGB", (60, 40), RED)
    stored.paste(BLACK, (30, 0, 60, 40))
    stored.save(path, "JPEG", quality=95, exif=exif)


def _turned_and_large(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.new("RGB", (900, 600), RED)
    stored.paste(BLACK, (450, 0, 900, 600))
    stored.save(path, "JPEG", quality=95, exif=exif)


@pytest.mark.parametrize(
    "make, top, bottom",
    [
        pytest.param(_cmyk, RED, BLACK, id="CMYK JPEG"),
        pytest.param(_palette, RED, WHITE, id="palette PNG, one colour transparent"),
        pytest.param(_grey_of_16_bits, GREY, BLACK, id="grey PNG of 16 bits"),
        pytest.param(lambda path: _halves("RGBA", (*RED, 255), (0, 0, 0, 0)).save(path, "PNG"), RED, WHITE, id="RGBA"),
        pytest.param(lambda path: _halves("LA", (128, 255), (0, 0)).save(path, "PNG"), GREY, WHITE, id="LA"),
        pytest.param(lambda path: _halves("L", 128, 0).save(path, "PNG"), GREY, BLACK, id="L"),
        pytest.param(lambda path: _halves("1", 1, 0).save(path, "PNG"), WHITE, BLACK, id="1 bit"),
        pytest.param(_animated, RED, BLACK, id="animated GIF"),
        pytest.param(_turned, RED, BLACK, id="turned by EXIF"),
        pytest.param(_turned_and_large, RED, BLACK, id="turned by EXIF, decoded in part"),
        pytest.param(lambda path: _halves("RGB", RED, BLACK).save(path, "WEBP", lossless=True), RED, BLACK, id="WebP"),
        pytest.param(lambda path: _halves("RGB", RED, BLACK).save(path, "TIFF"), RED, BLACK, id="TIFF"),
        pytest.param(lambda path: _halves("F", 7.5, -1.0).save(path, "TIFF"), WHITE, BLACK, id="TIFF of floats"),
    ],
)
def test_every_kind_of_picture_is_read(tmp_path, make, top, bottom):
    path = tmp_path / "picture.jpg"  # a wrong ending does not matter
    make(path)
    read = pictures.read_picture(path, 32)
    assert read.shape == (3, 32, 32) and read.dtype == np.uint8
    for colour, rows in ((top, read[:, :14]), (bottom, read[:, -14:])):
        assert np.abs(rows.astype(int) - np.array(colour)[:, None, None]).max() <= 4


def test_a_long_picture_gives_its_middle(tmp_path):
    image = Image.new("RGB", (120, 40), "blue")
    image.paste(RED, (40, 0, 80, 40))
    image.save(tmp_path / "long.png")
    assert (pictures.read_picture(tmp_path / "long.png", 32) == np.array(RED)[:, None, None]).all()


def _turned_deep(path):
    exif = Image.Exif()
    exif[0x0112] = 3
    values = np.zeros((16, 16), np.uint16)
    values[:8] = 60_000
    Image.fromarray(values).save(path, "PNG", exif=exif)


def _cmyk_tiff(path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, "TIFF")


def _pages(path):
    Image.new("RGB", (16, 16), (255, 0, 0)).save(
        path, "TIFF", save_all=True, append_images=[Image.new("RGB", (16, 16))]
    )


def _ppm_of_12_bits(path):
    path.write_bytes(b"P5\n16 16\n4095\n" + np.full((16, 16), 2048, ">u2").tobytes())


KINDS = {
    "turned, 16 bits": (_turned_deep, lambda read: (read[:, 10:] == 233).all() and (read[:, :6] == 0).all()),
    "CMYK TIFF": (_cmyk_tiff, lambda read: (read[0] >= 250).all() and (read[1:] <= 5).all()),
    "YCbCr TIFF": (
        lambda path: Image.new("RGB", (16, 16), (255, 0, 0)).convert("YCbCr").save(path, "TIFF"),
        lambda read: (read[0] >= 250).all() and (read[1:] <= 5).all(),
    ),
    "pages": (_pages, lambda read: (read[0] == 255).all() and (read[1:] == 0).all()),
    "PGM of 12 bits": (_ppm_of_12_bits, lambda read: (abs(read.astype(int) - 128) <= 1).all()),
    "big endian": (
        lambda path: Image.frombytes("I;16B", (16, 16), np.full((16, 16), 32_768, ">u2").tobytes()).save(path, "TIFF"),
        lambda read: (read == 128).all(),
    ),
}


@pytest.mark.parametrize("make, is_right", KINDS.values(), ids=KINDS)
def test_kinds_that_are_rare(tmp_path, make, is_right):
    make(tmp_path / "picture")
    assert is_right(pictures.read_picture(tmp_path / "picture", 16))


def test_pages_that_are_not_read_are_said(empty_cache, tmp_path):
    root = classes(tmp_path / "set", names=("a", "b"))
    _pages(root / "a" / "pages.tif")
    said = str(load(root).report)
    assert "several pages or frames the first is read" in said and "pages.tif" in said


# --- What is no picture here


def _heif(brand):
    return b"\0\0\0\x1cftyp" + brand + b"\0\0\0\0mif1" + brand + b"\0" * 200


BEGINNINGS = {
    "HEIC": (_heif(b"heic"), "%pip install pillow-heif"),
    "HEIC of several": (_heif(b"hevx"), "%pip install pillow-heif"),
    "JPEG XL": (b"\xff\x0a" + b"\0" * 50, "JPEG XL"),
    "npy": (b"\x93NUMPY\x01\0" + b" " * 50, "an array of numbers"),
    "PDF": (b"%PDF-1.4\n", "a PDF"),
    "SVG": (b"<svg xmlns='x'></svg>", "a drawing .SVG."),
    "web page": (b"\n<!doctype html><html></html>", "a web page"),
    "video": (b"\0\0\0\x20ftypisom\0\0\2\0", "a video"),
    "DICOM": (b"\0" * 128 + b"DICM" + b"\0" * 50, "DICOM"),
    "pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "a video of the web": (b"\x1aE\xdf\xa3" + b"\0" * 50, "a video"),
}


@pytest.mark.parametrize("content, reason", BEGINNINGS.values(), ids=BEGINNINGS)
def test_other_files_are_called_by_what_they_are(tmp_path, monkeypatch, content, reason):
    formats = [name for name in pictures.known_formats() if name != "HEIF"]
    monkeypatch.setattr(pictures, "known_formats", lambda: formats)
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(pictures.BadPicture, match=reason):
        pictures.look(tmp_path / "a.jpg")


def test_a_tiff_of_coloured_floats_is_called_that(tmp_path):
    deep_tiff(tmp_path / "a.tif", np.zeros((16, 16, 3), np.float32))
    with pytest.raises(pictures.BadPicture, match="a TIFF, .* of a kind that Pillow cannot read: save it as PNG"):
        pictures.look(tmp_path / "a.tif")


class _Heif(ImageFile.ImageFile):
    """Stands for the plugin: every file of the family is a red picture."""

    format = "HEIF"

    def _open(self):
        self._mode, self._size = "RGB", (16, 16)
        self.tile = []

    def load(self):
        self.im = Image.new("RGB", (16, 16), (255, 0, 0)).im
        return super().load()


def test_heic_is_read_where_pillow_heif_is_installed(empty_cache, tmp_path, monkeypatch):
    root = classes(tmp_path / "set", names=("a", "b"))
    (root / "a" / "photo.heic").write_bytes(_heif(b"heic"))
    formats = [name for name in pictures.known_formats() if name != "HEIF"]
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "known_formats", lambda: formats)
        assert "pillow-heif" in str(load(root).report)

    def register():
        Image.register_open("HEIF", _Heif, lambda head: head[4:8] == b"ftyp")

    monkeypatch.setitem(sys.modules, "pillow_heif", types.SimpleNamespace(register_heif_opener=register))
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    pictures.known_formats.cache_clear()
    try:
        report = load(root).report
    finally:
        pictures.known_formats.cache_clear()
    assert report.read == {"a": 5, "b": 4} and report.left_out == {}, "looked at again, because more can be read"


def test_heic_itself(tmp_path):
    plugin = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    plugin.register_heif_opener()
    pictures.known_formats.cache_clear()
    Image.new("RGB", (64, 64), (255, 0, 0)).save(tmp_path / "a.heic", "HEIF")
    read = pictures.read_picture(tmp_path / "a.heic", 16)
    assert read[0].min() >= 240 and read[1:].max() <= 20
