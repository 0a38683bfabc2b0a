"""The offline world: which datasets there are, which classes they have, and how to draw them.

``atlas`` plays the part of ImageNet: 100 classes in seven families. The four target datasets have
17 classes each and stand at growing distance from it. Every picture is a pure function of
(dataset, part, class, index, seed, size): see ``tlkit.world.chance``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace

import torch
from torch import Tensor

from tlkit.world import objects, plants, scene, specimens
from tlkit.world.chance import Dice, derive_key

__all__ = ["OFFLINE_DATASETS", "World", "draw_pictures"]

_AT_ONCE = 64  # pictures drawn together: few enough for the processor's cache


@dataclass(frozen=True)
class Family:
    """A kind of thing: how many species, how many siblings a genus has, and who paints it."""

    name: str
    species: int
    siblings: int
    genes: Callable
    paint: Callable
    camera: dict = field(default_factory=dict)
    genera: tuple[str, ...] = ()

    @property
    def class_names(self) -> list[str]:
        """``Velora alba`` where the genera have names, else ``leaf-01``, ``leaf-02`` ..."""
        if not self.genera:
            return [f"{self.name}-{k + 1:02d}" for k in range(self.species)]
        return [f"{self.genera[k // self.siblings]} {_EPITHETS[k]}" for k in range(self.species)]


@dataclass(frozen=True)
class World:
    """One offline dataset: its families, its stop on the way from similar to very different."""

    name: str
    families: tuple[Family, ...]
    similarity: int  # 0 the source itself, 1 most similar ... 4 most different
    largest: int  # most training images a class
    salt: int = 0  # another number, other species

    @property
    def class_names(self) -> list[str]:
        """The names of all classes in label order."""
        return [name for family in self.families for name in family.class_names]


_FILM = dict(colour_cast=0.02, exposure=0.22, grain=0.045)
_SCANNER = dict(colour_cast=0.06, exposure=0.14, softness=0.5, grain=0.03)
_SLIDE = dict(colour_cast=0.07, exposure=0.16, softness=0.9, grain=0.12)  # a dim lamp and a cheap sensor

_EPITHETS = (
    "alba",
    "minor",
    "regia",
    "tenuis",
    "montana",
    "vulgaris",
    "elegans",
    "nana",
    "aurea",
    "palustris",
    "robusta",
    "gracilis",
    "rotunda",
    "silvestris",
    "ornata",
    "hirta",
    "borealis",
)
_FLOWERS = ("Velora", "Brimea", "Solanthe", "Ardentia", "Calyra", "Azurina")
_SPRIGS = ("Filixa", "Ramuela", "Pinnaria", "Frondea", "Virgula", "Sarmenta", "Ternella", "Comosa", "Alterna")
_PLATES = ("Nautara", "Spirella", "Conchula", "Gyrina", "Helicea", "Umbona", "Septaria", "Cochlea", "Volutia")
_TISSUES = ("Cytela", "Fibrosa", "Lacuna", "Stromia", "Glandea", "Nucleola")

OFFLINE_DATASETS = {
    world.name: world
    for world in (
        World(
            "atlas",
            (
                Family("flower", 40, 3, plants.flower_genes, plants.paint_flower),
                Family("leaf", 14, 3, plants.leaf_genes, plants.paint_leaf),
                Family("shell", 10, 3, objects.shell_genes, objects.paint_shell),
                Family("starfish", 10, 3, objects.star_genes, objects.paint_star),
                Family("fruit", 10, 3, objects.fruit_genes, objects.paint_fruit),
                Family("cloth", 8, 3, objects.cloth_genes, objects.paint_cloth),
                Family("agate", 8, 3, objects.agate_genes, objects.paint_agate),
            ),
            similarity=0,
            largest=400,
            salt=3,
        ),
        World(
            "flowers",
            (Family("species", 17, 3, plants.flower_genes, plants.paint_flower, {}, _FLOWERS),),
            similarity=1,
            largest=400,
            salt=4,
        ),
        World(
            "herbarium",
            (Family("sprig", 17, 2, specimens.sprig_genes, specimens.paint_sprig, _SCANNER, _SPRIGS),),
            similarity=2,
            largest=400,
        ),
        World(
            "plates",
            (Family("plate", 17, 2, specimens.plate_genes, specimens.paint_plate, _FILM, _PLATES),),
            similarity=3,
            largest=400,
        ),
        World(
            "tissue",
            (Family("tissue", 17, 3, specimens.tissue_genes, specimens.paint_tissue, _SLIDE, _TISSUES),),
            similarity=4,
            largest=400,
        ),
    )
}


@cache
def _genes(name: str, family: str) -> dict[str, Tensor]:
    """The genes of every species of a family, each ``(species, 1, 1)``."""
    world = OFFLINE_DATASETS[name]
    kind = next(f for f in world.families if f.name == family)
    genera = [derive_key("genus", name, world.salt, family, k // kind.siblings) for k in range(kind.species)]
    species = [derive_key("species", name, world.salt, family, k) for k in range(kind.species)]
    return kind.genes(Dice(genera), Dice(species))


@torch.no_grad()
def draw_pictures(
    name: str,
    part: str,
    labels: Tensor,
    indices: Tensor,
    seed: int,
    size: int,
    dials: Mapping[str, tuple[float, float]] | None = None,
    strength: float = 1.0,
) -> Tensor:
    """Draw picture ``indices[i]`` of class ``labels[i]``; uint8 ``(n, 3, size, size)``.

    ``dials`` and ``strength`` are those of ``Dice``: the same pictures under other conditions.
    """
    pictures = torch.empty(len(labels), 3, size, size, dtype=torch.uint8)
    x, y = scene.grid(size)
    first = 0
    for family in OFFLINE_DATASETS[name].families:
        genes = _genes(name, family.name)
        mine = ((labels >= first) & (labels < first + family.species)).nonzero().flatten()
        mine = mine[labels[mine].argsort(stable=True)]  # siblings together share what they lack
        for rows in mine.split(_AT_ONCE):
            keys = [derive_key(name, part, int(labels[i]), int(indices[i]), seed) for i in rows]
            dice = Dice(keys, dials, strength)
            g = SimpleNamespace(**{gene: value[labels[rows] - first] for gene, value in genes.items()})
            pictures[rows] = scene.camera(family.paint(g, dice, x, y), dice, **family.camera)
        first += family.species
    return pictures
