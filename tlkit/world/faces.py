"""Drawn faces: many people, a few pictures of each. None of them lives.

A person is a dictionary of genes that stay (the head's shape, skin, hair, eyes, nose, mouth ...); a
picture adds luck: where the head turns, what the face does, from where light falls, what lies behind.
Every gene is drawn on its own, so there are no groups of people here, and no gene goes with another.

They are no part of ``tlkit.world.catalogue``: the decision map and the shipped ``minivgg`` belong to that world,
and it stays as it is when a face is drawn differently.
"""

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import torch
from torch import Tensor

from tlkit.world import face_parts as parts
from tlkit.world import scene
from tlkit.world.chance import Dice, derive_key
from tlkit.world.scene import hsv, mix, ramp

__all__ = ["genes_of"]

FACES = 1  # raised when any picture changes: older ones are not used then
_AT_ONCE = 32  # pictures drawn together: few enough for the processor's cache


@dataclass(frozen=True)
class FaceSet:
    """One set of drawn people: how many, and how many pictures of each there are at most."""

    name: str
    people: int
    largest: int  # most training pictures of a person
    val: int
    test: int

    @property
    def class_names(self) -> list[str]:
        """``faces-001``, ``faces-002`` ... in label order: nobody has a name."""
        return [f"{self.name}-{k + 1:03d}" for k in range(self.people)]


FACE_SETS = {
    found.name: found
    for found in (
        FaceSet("portraits", people=300, largest=100, val=4, test=6),  # the source of a second backbone
        FaceSet("faces", people=200, largest=5, val=2, test=3),  # ten photos of each
    )
}

_SKIN = ((0.98, 0.83, 0.76), (0.93, 0.73, 0.62), (0.81, 0.59, 0.47), (0.62, 0.42, 0.32), (0.46, 0.31, 0.24))
_HAIR = (
    (0.08, 0.07, 0.07),
    (0.16, 0.11, 0.09),
    (0.29, 0.18, 0.11),
    (0.44, 0.27, 0.15),
    (0.62, 0.30, 0.13),
    (0.80, 0.63, 0.40),
    (0.70, 0.69, 0.68),
)
_IRIS = ((0.16, 0.09, 0.05), (0.34, 0.20, 0.09), (0.40, 0.37, 0.16), (0.24, 0.44, 0.32), (0.30, 0.50, 0.68))


def _shade_of(palette: tuple, place: Tensor) -> Tensor:
    """A colour ``(n, 3, 1, 1)`` at ``place`` 0..1 along a palette."""
    colours = torch.tensor(palette)
    steps = torch.arange(len(palette), dtype=torch.float32)
    weight = (1.0 - (place.view(-1, 1) * (len(palette) - 1) - steps).abs()).clamp(min=0.0)
    return (weight @ colours)[:, :, None, None]


def person_genes(dice: Dice) -> dict[str, Tensor]:
    """What stays of a person from picture to picture."""
    hair = _shade_of(_HAIR, dice.uniform("hair"))
    dyed = hsv(dice.uniform("dye", 0.5, 1.0), 0.45, 0.62)
    bald = dice.chance("bald", 0.07)
    return dict(
        wide=dice.uniform("wide", 0.69, 0.84),
        jaw=dice.uniform("jaw"),
        chin=dice.uniform("chin", 0.0, 0.55),
        skin=_shade_of(_SKIN, dice.uniform("skin")) * (1.0 + 0.04 * (dice.table("undertone", 3, 1, 1) - 0.5)),
        rosy=dice.uniform("rosy", 0.0, 0.30),
        freckles=dice.uniform("freckles", 0.25, 0.60) * dice.chance("freckled", 0.22),
        mole=dice.table("mole", 2, 1, 1),
        moled=dice.chance("moled", 0.3),
        ears=dice.uniform("ears", 0.16, 0.26),
        hair=mix(hair, dyed, dice.chance("dyed", 0.08)[:, None]),
        bald=bald,
        long=dice.uniform("long", 0.35, 1.5) * dice.chance("long haired", 0.5) * (1.0 - bald),
        volume=dice.uniform("volume", 0.06, 0.30),
        curls=dice.uniform("curls", 0.3, 1.0) * dice.chance("curly", 0.38),
        fringe=dice.uniform("fringe", 0.36, 0.80),
        side=dice.uniform("side", 0.78, 1.0),
        parting=dice.uniform("parting", -0.45, 0.45),
        sweep=dice.uniform("sweep", -0.30, 0.30),
        bun=dice.uniform("bun", 0.20, 0.36) * dice.chance("bunned", 0.16) * (1.0 - bald),
        apart=dice.uniform("apart", 0.27, 0.37),
        eye_at=dice.uniform("eye at", -0.05, 0.08),
        eye_wide=dice.uniform("eye wide", 0.135, 0.185),
        eye_tall=dice.uniform("eye tall", 0.065, 0.120),
        slant=dice.uniform("slant", -0.20, 0.20),
        iris=_shade_of(_IRIS, dice.uniform("iris")),
        lashes=dice.uniform("lashes", 0.012, 0.034),
        brow_at=dice.uniform("brow at", 0.17, 0.27),
        brow_thick=dice.uniform("brow thick", 0.022, 0.060),
        brow_bend=dice.uniform("brow bend", 0.0, 0.11),
        brow_slant=dice.uniform("brow slant", -0.20, 0.08),
        nose_at=dice.uniform("nose at", 0.28, 0.42),
        nose_wide=dice.uniform("nose wide", 0.085, 0.175),
        bridge=dice.uniform("bridge", 0.2, 1.0),
        mouth_at=dice.uniform("mouth at", 0.17, 0.26),
        mouth_wide=dice.uniform("mouth wide", 0.17, 0.29),
        upper_lip=dice.uniform("upper lip", 0.018, 0.060),
        lower_lip=dice.uniform("lower lip", 0.030, 0.080),
        lip_red=dice.uniform("lip red", 0.15, 0.75),
        cheer=dice.uniform("cheer", 0.0, 0.60),
        beard=dice.uniform("beard", 0.45, 1.0) * dice.chance("bearded", 0.22),
        beard_at=dice.uniform("beard at", 0.25, 0.60),
        moustache=dice.uniform("moustache", 0.5, 1.0) * dice.chance("moustached", 0.18),
        glasses=dice.chance("glasses", 0.24),
        lens=dice.uniform("lens", 0.19, 0.26),
        lens_square=dice.uniform("lens square"),
        frame=mix(
            hsv(dice.uniform("frame hue"), 0.6, 0.5),
            hsv(dice.uniform("frame dark") * 0.1, 0.3, 0.12),
            dice.chance("dark frame", 0.6)[:, None],
        ),
        frame_thick=dice.uniform("frame thick", 0.022, 0.045),
    )


def paint_face(g: SimpleNamespace, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    """One picture of each person."""
    c = parts.stand(dice, x, y, g)
    hair = parts.paint_hair(g, dice, c, g.hair)
    picture = parts.paint_behind(parts.paint_backdrop(dice, x, y), g, dice, c, hair)
    face = parts.paint_nose(parts.paint_skin(g, dice, c), g, c)
    face = parts.paint_beard(parts.paint_mouth(face, g, dice, c), g, dice, c, g.hair)
    face = parts.paint_brows(parts.paint_eyes(face, g, dice, c), g, dice, c)
    u = c.u - c.lean * ramp(0.0, 1.0, c.v)
    outline = parts.outline(u, c.v, g)
    face = face * (0.74 + 0.26 * ramp(1.0, 0.72, outline))[:, None]
    picture = mix(picture, face, ramp(1.06, 0.94, outline))
    fringe = parts.cover_of_hair(g, c)
    picture = picture * (1.0 - 0.25 * scene.blur(fringe, 0.02) * ramp(1.06, 0.94, outline))[:, None]
    picture = mix(picture, hair, fringe)
    picture = parts.paint_hat(picture, g, dice, c)
    return scene.occlude(parts.paint_glasses(picture, g, dice, c), dice, x, y, 0.12)


@cache
def genes_of(name: str) -> dict[str, Tensor]:
    """The genes of everybody in a set, each ``(people, 1, 1)`` or, a colour, ``(people, 3, 1, 1)``."""
    return person_genes(Dice([derive_key("person", name, k) for k in range(FACE_SETS[name].people)]))


@torch.no_grad()
def draw_faces(name: str, part: str, labels: Tensor, indices: Tensor, seed: int, size: int) -> Tensor:
    """Draw picture ``indices[i]`` of person ``labels[i]``; uint8 ``(n, 3, size, size)``."""
    pictures = torch.empty(len(labels), 3, size, size, dtype=torch.uint8)
    x, y = scene.grid(size)
    for rows in torch.arange(len(labels)).split(_AT_ONCE):
        dice = Dice([derive_key(name, part, int(labels[i]), int(indices[i]), seed) for i in rows])
        g = SimpleNamespace(**{gene: value[labels[rows]] for gene, value in genes_of(name).items()})
        pictures[rows] = scene.camera(
            paint_face(g, dice, x, y), dice, colour_cast=0.045, exposure=0.26, softness=0.6, grain=0.022
        )
    return pictures
