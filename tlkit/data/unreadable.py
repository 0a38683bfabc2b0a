"""Files that are not read as pictures: what they are, by their first bytes, and what to do with them."""

from collections.abc import Callable
from pathlib import Path

__all__: list[str] = []

_HEIC = "a HEIC photo, as iPhones make them: it can be read after %pip install pillow-heif and a restart of the kernel"
_AVIF = "an AVIF picture, which the Pillow that is installed cannot read: %pip install --upgrade pillow"
_JXL = "a JPEG XL picture, which Pillow cannot read: save it as JPEG or PNG"
_TIFF = "a TIFF, or a camera's raw file, of a kind that Pillow cannot read: save it as PNG or JPEG"
_VIDEO = "a video, not a picture: save frames of it as pictures"
_ARRAY = "an array of numbers, not a picture file: save its pictures one by one, for example as PNG"
_BRANDS = {  # of the family of formats that begins with "ftyp"
    b"avif": _AVIF,
    b"avis": _AVIF,
    b"heic": _HEIC,
    b"heix": _HEIC,
    b"heim": _HEIC,
    b"heis": _HEIC,
    b"hevc": _HEIC,
    b"hevx": _HEIC,
    b"mif1": _HEIC,
    b"msf1": _HEIC,
    b"crx ": _TIFF,
}
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\x0a", _JXL),
    (b"\0\0\0\x0cJXL ", _JXL),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"II+\0", _TIFF),
    (b"MM\0+", _TIFF),
    (b"FUJIFILM", _TIFF),
    (b"\x93NUMPY", _ARRAY),
    (b"\x89HDF", _ARRAY),
    (b"MATLAB", _ARRAY),
    (b"%PDF", "a PDF, not a picture: save its pictures as PNG or JPEG"),
    (b"8BPS", "a Photoshop file, not a picture: save it as PNG or JPEG"),
    (b"v/1\x01", "an OpenEXR picture, which Pillow cannot read: save it as TIFF or PNG"),
    (b"PK\x03\x04", "a zip file, not a picture: unpack it first, or load it as a folder of its own"),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"version https://git-lfs", "a pointer of Git LFS, not the picture itself: fetch it by git lfs pull"),
    (b"<svg", "a drawing (SVG), not a picture of pixels: save it as PNG"),
    (b"<!DOCTYPE html", "a web page, not a picture: the download went wrong"),
    (b"<html", "a web page, not a picture: the download went wrong"),
)


def reason(path: Path) -> str:
    """Why a file can not be read as a picture, in words for a report."""
    with open(path, "rb") as file:
        head = file.read(200)
    if not head:
        return "the file is empty (0 bytes)"
    if head[4:8] == b"ftyp":
        return next((why for brand, why in _BRANDS.items() if brand in head[8:40]), _VIDEO)
    if head[128:132] == b"DICM":
        return "a DICOM file, which Pillow cannot read: save its picture as PNG"
    start: Callable[[bytes], bool] = head.lstrip().lower().startswith
    found = next((why for mark, why in _BEGINNINGS if head.startswith(mark) or start(mark.lower())), None)
    return found or "not a picture that can be read here"
