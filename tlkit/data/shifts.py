"""The same pictures under other conditions: a second test set of the same classes.

A *shift* changes how a picture was taken and leaves what it shows. What nobody trained for comes in every season:
another light, another paper, another camera (Hendrycks and Dietterich 2019 made such corruptions a measure).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from tlkit import checks
from tlkit.data.splits import ImageSet, Split, painter_version
from tlkit.disk.cache import cached
from tlkit.world.catalogue import OFFLINE_DATASETS, draw_pictures
from tlkit.world.chance import derive_key
from tlkit.world.seasons import SEASONS

__all__ = ["SHIFTS", "shifted"]

_AT_ONCE = 64  # pictures that are changed together: photos are large as floats
PARTS = ("train", "val", "test")

SHIFTS = {
    "blur": "out of focus",
    "dusk": "little light",
    "noise": "grain of a small sensor",
    "hue": "all colours turned",
    "season": "drawn again: another meadow, another paper, another dose, another stain",
    "far": "drawn again: from further away",
}


def shifts_of(split: Split) -> list[str]:
    """The names of the shifts that a split can have: those of ``SHIFTS`` that are drawn are for drawn targets alone."""
    checks.instance("split", split, Split)
    return [name for name in SHIFTS if name not in SEASONS or split.name in SEASONS[name]]


def shifted(split: Split, shift: str, strength: float = 1.0, part: str = "test") -> ImageSet:
    """A part of a split under a shift: the same pictures of the same classes, taken under other conditions.

    Parameters
    ----------
    split : Split
    shift : str
        For all pictures ``"blur"``, ``"dusk"``, ``"noise"``, ``"hue"``; for drawn targets also ``"season"`` (the
        ground that they lie on) and ``"far"``, which are drawn again from the same seed.
    strength : float
        From 0, the pictures as they are, to 1.
    part : str
        ``"test"``, ``"val"`` or ``"train"``.

    Returns
    -------
    ImageSet
        Labels, names and groups are those of the part; the same split gives the same pictures again.

    Raises
    ------
    ValueError, TypeError
        For an unknown shift or part, a strength out of range, or pictures that cannot be drawn again.
    """
    checks.instance("split", split, Split)
    checks.choose("part", part, PARTS)
    checks.choose(f"shift for {split.name}", shift, shifts_of(split))
    checks.number("strength", strength, 0.0, 1.0)
    here: ImageSet = getattr(split, part)
    if strength == 0:
        return here
    if shift in SEASONS:
        images = _drawn_again(split, part, shift, float(strength))
    else:
        images = corrupt(here.images, shift, strength, derive_key(part, split.seed) % 2**44)
    return ImageSet(images, here.labels, here.class_names, here.groups)


def corrupt(images: Tensor, shift: str, strength: float = 1.0, seed: int = 0) -> Tensor:
    """Change pictures by one of torchvision's operations, or by noise.

    Parameters
    ----------
    images : uint8 tensor (n, 3, h, w), values 0 to 255
    shift : str
        ``"blur"``, ``"dusk"``, ``"noise"`` or ``"hue"``.
    strength : float
        From 0, the pictures as they are, to 1.
    seed : int
        Of the noise; the other three have no luck in them.

    Returns
    -------
    uint8 tensor (n, 3, h, w)

    Raises
    ------
    ValueError, TypeError
        For pictures of another kind, an unknown shift, or a number out of range.
    """
    checks.images(images)
    checks.choose("shift", shift, _OPERATIONS)
    checks.number("strength", strength, 0.0, 1.0)
    random = torch.Generator().manual_seed(checks.seed(seed))
    if strength == 0:
        return images.clone()
    return torch.cat([_OPERATIONS[shift](some, float(strength), random) for some in images.split(_AT_ONCE)])


def _blur(images: Tensor, strength: float, random: torch.Generator) -> Tensor:
    from torchvision.transforms.v2 import functional as ops

    sigma = 0.025 * strength * images.shape[-1]
    reach = min(int(3 * sigma) + 1, min(images.shape[-2:]) - 1)  # its mirrored margin is narrower than the picture
    return ops.gaussian_blur(images, [2 * reach + 1] * 2, [sigma] * 2)


def _dusk(images: Tensor, strength: float, random: torch.Generator) -> Tensor:
    from torchvision.transforms.v2 import functional as ops

    return ops.adjust_brightness(images, 1 - 0.6 * strength)


def _noise(images: Tensor, strength: float, random: torch.Generator) -> Tensor:
    grain = torch.randn(images.shape, generator=random) * (20 * strength)
    return (images + grain.to(images.device)).round().clamp(0, 255).to(torch.uint8)


def _hue(images: Tensor, strength: float, random: torch.Generator) -> Tensor:
    from torchvision.transforms.v2 import functional as ops

    return ops.adjust_hue(images, 0.06 * strength)


_OPERATIONS: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "blur": _blur,
    "dusk": _dusk,
    "noise": _noise,
    "hue": _hue,
}


def _drawn_again(split: Split, part: str, shift: str, strength: float) -> Tensor:
    """The pictures of a part with the dials of a shift turned; kept, as all drawn pictures are."""
    here: ImageSet = getattr(split, part)
    classes, size = len(OFFLINE_DATASETS[split.name].class_names), here.images.shape[-1]
    rows = torch.arange(len(here))
    labels, indices = rows % classes, rows // classes
    about = (split.name, part)
    as_it_was = draw_pictures(*about, labels[:1], indices[:1], split.seed, size)
    if not torch.equal(here.labels, labels) or not torch.equal(as_it_was, here.images[:1]):
        raise ValueError(
            f"{shift} draws the pictures of a split again, but these are not those that seed {split.seed} draws.\n"
            f"Take the split as it is: tlkit.load_dataset({split.name!r}, seed={split.seed})."
        )
    dials = SEASONS[shift][split.name]
    turned = f"{shift}{strength!r}-{derive_key(*map(str, sorted(dials.items())))}"
    key = f"{split.name}-{part}-{len(here)}-seed{split.seed}-{size}px-{painter_version(split.name)}-{turned}"

    def draw() -> dict[str, Tensor]:
        return {"images": draw_pictures(*about, labels, indices, split.seed, size, dials, strength)}

    return cached("pictures", key, draw)["images"]
