"""A meadow with several target flowers in one picture (lesson 10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn import functional

from tlkit import checks
from tlkit.world import plants, scene
from tlkit.world.catalogue import OFFLINE_DATASETS, _genes
from tlkit.world.chance import Dice, derive_key

__all__ = ["Meadow", "draw_meadow"]

HEIGHT, WIDTH = 256, 384
_FLOWER = 64  # pixels: a flower is as large here as in the pictures of the dataset
_MARGIN = 54  # no flower stands closer to the border than this
_MOST = 12  # flowers that find room side by side
_OWN_GROUND = ("meadow", "shade", "grass", "ground", "blade", "speck")  # what ``scene.undergrowth`` draws lots for


@dataclass(frozen=True)
class Meadow:
    """A wide picture, and what grows where.

    Attributes
    ----------
    image : uint8 tensor (3, 256, 384)
    labels : list of int, the species of each flower
    places : list of (row, column), its centre in pixels
    """

    image: Tensor
    labels: list[int]
    places: list[tuple[int, int]]
    _made_by = "tlkit.draw_meadow(labels) gives one."


@torch.no_grad()
def draw_meadow(labels: Sequence[int], seed: int = 0) -> Meadow:
    """Draw flowers of the dataset ``flowers`` on one meadow, each as large as in its 64-pixel pictures.

    Parameters
    ----------
    labels : sequence of int
        The species, 1 to 12 of them; one may come several times, as another individual.
    seed : int
        Which meadow, which individuals, and where they stand.

    Raises
    ------
    ValueError, TypeError
        For too many flowers, or a species that there is not.
    """
    species = len(OFFLINE_DATASETS["flowers"].class_names)
    labels = [
        checks.count("a label", label, 0, species - 1)
        for label in checks.several("labels", labels, "species", fewest=0)
    ]
    checks.count("the number of flowers", len(labels), 1, _MOST)
    key = derive_key("meadow", checks.seed(seed))
    picture = _ground(key)
    places = _places(key, len(labels))
    colours, through = _cut_out(labels, [derive_key("meadow flower", seed, k) for k in range(len(labels))])
    for (row, column), colour, light in zip(places, colours, through):
        window = picture[:, row : row + 2 * _FLOWER, column : column + 2 * _FLOWER]
        window.copy_(colour + light * window)
    picture = picture[None, :, _FLOWER:-_FLOWER, _FLOWER:-_FLOWER]
    softened = scene.blur(picture, 0.022 * _FLOWER / WIDTH)  # the focus of the dataset's camera, half used
    image = scene.camera(torch.lerp(picture, softened, 0.45), Dice([key]), softness=0.0)
    return Meadow(image[0, :, :HEIGHT].clone(), labels, places)


class _OneMeadow(Dice):
    """Each picture has its own luck, but all share the colour of the grass."""

    def table(self, name: str, *shape: int) -> Tensor:
        drawn = super().table(name, *shape)
        return drawn[:1].expand_as(drawn) if name == "meadow hue" else drawn


def _ground(key: int) -> Tensor:
    """Undergrowth as wide as it is high, with a border of one flower, (3, side, side): tiles that fade into each other.

    A tile is two flowers wide and the next begins at its middle, so that two faded ones add up to one.
    """
    across = WIDTH // _FLOWER + 1
    tiles = scene.undergrowth(_OneMeadow([derive_key(key, k) for k in range(across**2)]), 2 * _FLOWER)
    fade = torch.sin((torch.arange(2 * _FLOWER) + 0.5) / (2 * _FLOWER) * torch.pi) ** 2
    columns = (tiles * fade * fade[:, None]).flatten(1).T[None]
    return functional.fold(columns, (across + 1) * _FLOWER, 2 * _FLOWER, stride=_FLOWER)[0]


def _places(key: int, count: int) -> list[tuple[int, int]]:
    """Of thirty places at random the one that is farthest from all flowers before."""
    tried = Dice([key]).table("places", count, 30, 2)[0]
    tried = _MARGIN + tried * torch.tensor([HEIGHT - 2.0 * _MARGIN, WIDTH - 2.0 * _MARGIN])
    found = tried[0, :1]
    for candidates in tried[1:]:
        nearest = torch.cdist(candidates, found).amin(1)
        found = torch.cat([found, candidates[nearest.argmax()][None]])
    return [(int(row), int(column)) for row, column in found]


class _OnPlainGround(Dice):
    """The flower has its luck; its ground has none, and it stands in the middle with no blade of grass before it."""

    def __init__(self, keys: list[int], ground: float):
        super().__init__(keys)
        self.ground = ground

    def table(self, name: str, *shape: int) -> Tensor:
        fixed = 1.0 if name == "blade there" else 0.5 if name.startswith("shift") else None
        if fixed is None and name.startswith(_OWN_GROUND):
            fixed = self.ground
        return super().table(name, *shape) if fixed is None else torch.full((len(self.keys), *shape), fixed)


def _cut_out(labels: list[int], keys: list[int]) -> tuple[Tensor, Tensor]:
    """Flowers without their ground: colours (n, 3, h, w), and how much of any ground shines through, (n, h, w).

    Each is painted twice, on a dark and on a bright ground. What differs is what shines through, shadow
    included (Smith and Blinn 1996).
    """
    genes = SimpleNamespace(**{name: gene[labels] for name, gene in _genes("flowers", "species").items()})
    x, y = (2.0 * line for line in scene.grid(2 * _FLOWER))
    grounds, painted = [], []
    for light in (0.0, 0.999):
        dice = _OnPlainGround(keys, light)
        grounds.append(scene.undergrowth(dice, 2 * _FLOWER))
        painted.append(plants.paint_flower(genes, dice, x, y))
    gap = grounds[1] - grounds[0]
    through = ((painted[1] - painted[0]) * gap).sum(1) / (gap * gap).sum(1)
    return painted[0] - through[:, None] * grounds[0], through
