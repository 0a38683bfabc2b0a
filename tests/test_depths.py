"""Pictures of more than 8 bits, floats, missing pixels, colours of all kinds: the right shades, or a line why not."""

import numpy as np
import pytest
from folder_makers import deep_png, deep_tiff, flat, gradient, load
from PIL import Image

from tlkit.data import depths, pictures

pytestmark = pytest.mark.filterwarnings("error")


def _save(path, values, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)


def _set(root, values_of, ending="tif", count=4):
    """Two classes of gradients, b twice as bright as a; a picture is a share of white, 0 to 1."""
    for k, label in enumerate("ab"):
        for number in range(count):
            shares = gradient(0, 0.5 * (k + 1)) * (1 - number / 100)
            _save(root / label / f"{number}.{ending}", values_of(shares))
    return root


def _brightest(split):
    """The brightest pixel of each class, which is near the corner that the margin leaves."""
    images, labels = (
        np.concatenate([getattr(getattr(split, part), what).numpy() for part in ("train", "val", "test")])
        for what in ("images", "labels")
    )
    return [int(images[labels == label].max()) for label in (0, 1)]


def _whole(bits):
    return lambda shares: (shares * (2**bits - 1)).round().astype(np.uint16)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_whole_numbers_are_scaled_by_one_rule_for_the_set(empty_cache, tmp_path, bits, ending):
    split = load(_set(tmp_path / "set", _whole(bits), ending))
    assert split.reading.whole == (0, 2**bits - 1) and split.report.left_out == {}
    dark, bright = _brightest(split)
    assert abs(dark - 122) <= 4 and abs(bright - 244) <= 8, "each picture stretched by itself would lose the class"
    assert f"{2**bits - 1:,} white ({bits} bits)" in str(split.report)


FLOATS = {
    "0 to 1": (lambda shares: shares.astype(np.float32), (0, 1)),
    "0 to 255": (lambda shares: (shares * 255).astype(np.float32), (0, 255)),
    "0 to 255, doubles": (lambda shares: (shares * 255).astype(np.int32), (0, 255)),
}


@pytest.mark.parametrize("make, rule", FLOATS.values(), ids=FLOATS)
def test_floats_and_long_numbers_have_one_rule_too(empty_cache, tmp_path, make, rule):
    split = load(_set(tmp_path / "set", make))
    assert (split.reading.real or split.reading.whole) == rule
    dark, bright = _brightest(split)
    assert abs(dark - 122) <= 4 and abs(bright - 244) <= 8


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda shares: (shares * 0.1).astype(np.float32), id="0 to 0.1"),
        pytest.param(lambda shares: (shares * 9 - 4).astype(np.float32), id="-4 to 5"),
        pytest.param(lambda shares: (shares * 3000 - 1000).astype(np.int32), id="below zero, whole"),
        pytest.param(lambda shares: (shares * 1e6).astype(np.int32), id="a million"),
    ],
)
def test_other_ranges_become_black_to_white_for_the_whole_set(empty_cache, tmp_path, make):
    split = load(_set(tmp_path / "set", make))
    dark, bright = _brightest(split)
    assert 110 <= dark <= 128 and 235 <= bright <= 255 and "is black" in str(split.report)


def _with_hole(value, kind=np.float32, scale=1.0):
    def make(shares):
        values = (shares * scale).astype(kind)
        values[7:9, 7:9] = value
        return values

    return make


HOLES = {
    "NaN": _with_hole(np.nan),
    "infinite": _with_hole(np.inf),
    "minus infinite": _with_hole(-np.inf),
    "-9999": _with_hole(-9999),
    "-3.4e38": _with_hole(np.finfo(np.float32).min),
    "netCDF's fill": _with_hole(9.96921e36),
    "65535 among 12 bits": _with_hole(65_535, np.uint16, 4095),
    "-9999, whole": _with_hole(-9999, np.int32, 4095),
    "-32768, whole": _with_hole(-32_768, np.int32, 255),
}


@pytest.mark.parametrize("make", HOLES.values(), ids=HOLES)
def test_missing_pixels_take_the_middle_value_and_are_said(empty_cache, tmp_path, make):
    split = load(_set(tmp_path / "set", make))
    dark, bright = _brightest(split)
    assert abs(dark - 122) <= 4 and abs(bright - 244) <= 8, "the missing pixels do not stretch the rest"
    middle = split.train.images[:, :, 7:9, 7:9].float().mean((1, 2, 3)).tolist()
    for shade, label in zip(middle, split.train.labels.tolist()):
        assert abs(shade - (64, 128)[label]) <= 12
    assert "8 have missing pixels" in str(split.report)


def test_a_mark_that_the_file_names_is_a_missing_pixel(empty_cache, tmp_path):
    tags = {42113: "77"}
    for label in "ab":
        for number in range(4):
            values = _with_hole(77, np.uint16, 60)(gradient(0, 1 - number / 100))
            _save(tmp_path / "set" / label / f"{number}.tif", values + np.uint16(label == "b"), tiffinfo=tags)
    split = load(tmp_path / "set")
    assert split.reading.whole == (0, 255) and "have missing pixels" in str(split.report)


def test_white_is_no_missing_pixel_in_a_set_of_16_bits(empty_cache, tmp_path):
    split = load(_set(tmp_path / "set", _whole(16)))
    assert split.reading.missing == () and "missing" not in str(split.report)
    for k in range(8):
        mask = np.where(np.arange(256).reshape(16, 16) > 20 * k + 40, 65_535, 0).astype(np.uint16)
        _save(tmp_path / "masks" / "ab"[k % 2] / f"{k}.tif", mask)
    assert _brightest(load(tmp_path / "masks")) == [255, 255]


@pytest.mark.parametrize(
    "empty",
    [
        np.full((16, 16), np.nan, np.float32),
        np.full((16, 16), -9999, np.float32),
        np.full((16, 16), np.inf, np.float32),
    ],
    ids=["NaN", "-9999", "infinite"],
)
def test_a_picture_of_nothing_but_missing_pixels_is_left_out(empty_cache, tmp_path, empty):
    root = _set(tmp_path / "set", _with_hole(-9999))
    _save(root / "a" / "empty.tif", empty)
    report = load(root).report
    assert list(report.left_out.values()) == ["none of its pixels has a value"] and report.read == {"a": 4, "b": 4}


def test_dark_pictures_are_named(empty_cache, tmp_path):
    root = _set(tmp_path / "set", _whole(16))
    for number in range(3):
        _save(root / "a" / f"dark{number}.tif", (gradient(0, 0.9) * (4095 - number)).astype(np.uint16))
    said = str(load(root).report)
    assert "3 of them use less than an eighth" in said and "dark0.tif" in said


def test_8_bits_beside_16_stay_as_they_are(empty_cache, tmp_path):
    root = _set(tmp_path / "set", _whole(12))
    for label in "ab":
        flat(root / label / "plain.png", 77, ord(label))
    split = load(root)
    assert any((split.__getattribute__(part).images[:, 0] == 77).any() for part in ("train", "val", "test"))


def test_a_new_picture_is_read_as_those_of_the_set(empty_cache, tmp_path):
    split = load(_set(tmp_path / "set", _whole(12)))
    _save(tmp_path / "new.tif", np.full((16, 16), 1024, np.uint16))
    assert (pictures.read_picture(tmp_path / "new.tif", 16, split.reading) == 64).all()
    kept = depths.Reading(**{name: getattr(split.reading, name) for name in ("whole", "real", "missing")})
    assert kept == split.reading == depths.Reading([0, 4095]), "lists, as they come out of a text, do as well"


def test_another_rule_is_another_table(empty_cache, tmp_path):
    root = _set(tmp_path / "set", _whole(12))
    before = load(root).train.images.clone()
    _save(root / "a" / "deeper.tif", np.full((16, 16), 60_000, np.uint16))
    after = load(root).train.images
    assert before.float().mean() > 8 * after.float().mean(), "what was decoded by the old rule is not used"


# --- Colours


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_a_colour_are_read_in_full(empty_cache, tmp_path, bits, channels):
    for label in "ab":
        for number in range(3):
            values = np.zeros((16, 16, channels), np.uint16)
            values[..., 0] = 2**bits - 1 - number
            values[8:, :, 0] //= 2
            values[0, 0, 0] -= label == "b"
            if channels in (2, 4):
                values[..., -1] = 65_535
            deep_png(tmp_path / "set" / label / f"{number}.png", values)
    split = load(tmp_path / "set")
    assert split.reading.whole == (0, 2**bits - 1) and split.report.left_out == {}
    top, bottom = split.train.images[0, 0, 1, 8].item(), split.train.images[0, 0, -2, 8].item()
    assert top >= 254 and abs(bottom - 127) <= 1
    assert split.train.images[0, 2].max() == (0 if channels > 2 else top)


def test_what_is_transparent_in_16_bits_is_white(tmp_path):
    values = np.zeros((16, 16, 4), np.uint16)
    values[8:, :, 3] = 65_535
    deep_png(tmp_path / "a.png", values)
    read = pictures.read_picture(tmp_path / "a.png", 16)
    assert (read[:, :6] == 255).all() and (read[:, 10:] == 0).all()


@pytest.mark.parametrize("compressed", [False, True])
def test_colour_tiff_of_16_bits(empty_cache, tmp_path, compressed):
    for label in "ab":
        for number in range(3):
            values = np.full((16, 16, 3), 4000 - number - 10 * (label == "b"), np.uint16)
            deep_tiff(tmp_path / "set" / label / f"{number}.tif", values, compressed)
    split = load(tmp_path / "set")
    assert split.reading.whole == (0, 4095) and split.train.images.min() >= 235
    assert "they look coarse: " in str(split.report)
