"""Plants of the source world ``atlas``, and of its nearest target: flowers and leaves.

A family is two functions. ``*_genes(genus, species)`` draws what makes a class: siblings of one
genus share the first kind of draws and differ in the second, which is what makes the task
fine-grained. ``paint_*(g, dice, x, y)`` draws one individual of each class: ``g`` holds the genes
``(n, 1, 1)``, ``dice`` the luck of the individual, ``x`` and ``y`` the pixel coordinates; it
returns a picture ``(n, 3, h, w)``.
"""

import math
from types import SimpleNamespace as Genes

import torch
from torch import Tensor

from tlkit.world import scene
from tlkit.world.chance import Dice, near
from tlkit.world.scene import dots, hsv, mix, ramp

__all__: list[str] = []

# ------------------------------------------------------------------------------- flowers


def flower_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    hue = near(genus, species, "hue", 0.58, 1.17, 0.07)
    return dict(
        petals=torch.floor(near(genus, species, "petals", 4.0, 13.0, 0.16)),
        double=genus.chance("double", 0.4),
        widest=near(genus, species, "widest", 0.45, 0.78, 0.14),
        tip=near(genus, species, "tip", 0.16, 0.75, 0.10),
        width=near(genus, species, "width", 0.75, 1.35, 0.16),
        notch=genus.uniform("notch", -0.12, 0.10) * genus.chance("notched", 0.5),
        twist=near(genus, species, "twist", -0.5, 0.5, 0.12),
        hue=hue,
        saturation=near(genus, species, "saturation", 0.10, 0.90, 0.12),
        heart_hue=hue + near(genus, species, "heart hue", -0.16, 0.16, 0.25),
        heart_light=near(genus, species, "heart light", 0.35, 1.0, 0.20),
        heart_size=near(genus, species, "heart size", 0.15, 0.70, 0.20),
        veins=species.uniform("veins") * species.chance("veined", 0.5) * 0.5,
        spots=species.uniform("spots", 0.4, 0.9) * species.chance("spotted", 0.3),
        rim=species.uniform("rim", -0.6, 0.6) * species.chance("rimmed", 0.45),
        disc=near(genus, species, "disc", 0.13, 0.36, 0.16),
        disc_hue=near(genus, species, "disc hue", 0.03, 0.22, 0.25),
        disc_light=near(genus, species, "disc light", 0.30, 0.95, 0.25),
        corona=genus.uniform("corona", 0.1, 0.22) * genus.chance("crowned", 0.3),
    )


def _petals(g: Genes, dice: Dice, r: Tensor, theta: Tensor, inner: int) -> tuple[Tensor, Tensor]:
    """One whorl of petals: its colours and its coverage."""
    name = "inner" if inner else "outer"
    length = (1.0 - 0.36 * inner) * dice.uniform(name + " length", 0.92, 1.0)
    place = (theta + g.twist * r) * g.petals / (2.0 * math.pi) + 0.5 * inner
    number = torch.floor(place + 0.5)
    s = (place - number) * 2.0  # -1..1 across one petal's sector
    # Each petal has its own luck. It fades out towards the seams: a jump there would turn a
    # rounding error into another pixel on another machine.
    index = (number - g.petals * torch.floor(number / g.petals)).long().clamp(0, 15).flatten(1)
    luck = (dice.table(name + " petals", 2, 16) - 0.5) * 1.2
    seam = ramp(1.0, 0.6, s.abs())
    own, tone = (0.5 + luck[:, plane].gather(1, index).view_as(s) * seam for plane in (0, 1))
    t = r / (length * (1.0 - 0.13 * own)) + g.notch * (1.0 - s * s)
    half = scene.blade(t, g.widest, g.tip) * g.width * math.pi / g.petals * g.widest * length
    gap = half - s.abs() * r * math.pi / g.petals
    cover = ramp(-0.03, 0.03, gap) * ramp(1.03, 0.97, t)
    heart = ramp(g.heart_size + 0.22, g.heart_size - 0.12, t)
    colour = mix(hsv(g.hue, g.saturation, 0.97), hsv(g.heart_hue, 0.75, g.heart_light), heart)
    stripes = ramp(0.1, 0.9, torch.cos(s * 11.0)) * ramp(1.0, 0.35, t)
    deep = hsv(g.heart_hue + 0.04, 0.85, 0.35)
    spots = dots(s * 0.5, t, 17.0) * ramp(0.95, 0.6, t)
    colour = mix(colour, deep, torch.maximum(g.veins * stripes, g.spots * spots))
    border = torch.where(g.rim[:, None] > 0, hsv(g.hue, 0.08, 1.0), deep)
    colour = mix(colour, border, ramp(0.14, 0.02, gap) * g.rim.abs())
    # A petal is a shallow trough: dark where it dives under its neighbour and at its base.
    light = (0.62 + 0.38 * torch.cos(s * 1.35)) * (0.70 + 0.30 * ramp(0.0, 0.65, t)) * (0.86 + 0.22 * tone)
    sun = 1.0 + 0.12 * torch.cos(theta - dice.uniform("sun from", 0.0, 2.0 * math.pi))
    return colour * (light * sun * (0.92 if not inner else 1.06))[:, None], cover


def _disc(g: Genes, dice: Dice, r: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """The centre: a dome of florets, with a crown of stamens in some genera."""
    bump = torch.cos(r * 60.0) * torch.cos(theta * 13.0 + r * 24.0)
    dome = 0.60 + 0.40 * (1.0 - (r / g.disc) ** 2).clamp(0.0, 1.0)
    colour = hsv(g.disc_hue, 0.85, g.disc_light) * (dome * (0.92 + 0.22 * bump))[:, None]
    reach = g.disc + g.corona * (1.0 + 0.12 * torch.cos(theta * 11.0))
    crown = hsv(g.disc_hue - 0.02, 0.80, 0.95) * (0.55 + 0.45 * ramp(g.disc, reach, r))[:, None]
    colour = mix(crown, colour, ramp(g.disc + 0.03, g.disc - 0.03, r))
    return colour, ramp(reach + 0.03, reach - 0.03, r)


def paint_flower(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    g = Genes(**vars(g))
    g.hue = g.hue + dice.bell("own hue", 0.022)
    g.saturation = (g.saturation + dice.bell("own saturation", 0.07)).clamp(0.0, 1.0)
    g.disc = g.disc * (1.0 + dice.bell("own disc", 0.10))
    u, v = scene.pose(x, y, dice, dice.uniform("size", 0.42, 0.88), tilt=0.55, shift=0.26)
    # Wind: the whole blossom is a little bent, differently along each direction.
    u, v = u + dice.bell("bend u", 0.10) * v * v, v + dice.bell("bend v", 0.10) * u * u
    r, theta = torch.hypot(u, v) + 1e-6, torch.atan2(v, u)
    outer, outer_cover = _petals(g, dice, r, theta, 0)
    disc, disc_cover = _disc(g, dice, r, theta)
    picture = scene.cast_shadow(scene.undergrowth(dice, x.shape[-1]), outer_cover, dice, 0.6)
    picture = mix(picture, outer, outer_cover)
    if g.double.any():
        inner, inner_cover = _petals(g, dice, r, theta, 1)
        under = ramp(0.9, 0.45, r) * g.double * 0.30
        picture = mix(picture * (1.0 - under * outer_cover)[:, None], inner, inner_cover * g.double)
    picture = mix(picture * (1.0 - 0.35 * ramp(0.22, 0.0, r - g.disc))[:, None], disc, disc_cover)
    return scene.occlude(picture, dice, x, y, 0.25)


# -------------------------------------------------------------------------------- leaves


def leaf_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    return dict(
        widest=near(genus, species, "widest", 0.25, 0.65, 0.10),
        tip=near(genus, species, "tip", 0.35, 1.1, 0.12),
        width=near(genus, species, "width", 0.22, 0.62, 0.12),
        lobes=torch.floor(genus.uniform("lobes", 2.0, 6.0)),
        lobed=genus.chance("lobed", 0.45) * near(genus, species, "lobed", 0.15, 0.6, 0.2),
        teeth=torch.floor(near(genus, species, "teeth", 8.0, 22.0, 0.2)),
        toothed=genus.chance("toothed", 0.5) * genus.uniform("depth", 0.04, 0.14),
        veins=torch.floor(near(genus, species, "veins", 4.0, 11.0, 0.2)),
        vein_light=species.uniform("vein light", -0.45, 0.55),
        hue=near(genus, species, "hue", 0.15, 0.43, 0.16),
        light=near(genus, species, "light", 0.35, 0.80, 0.15),
        patch=species.uniform("patch", 0.3, 0.9) * species.chance("patched", 0.4),
        patch_hue=genus.uniform("patch hue", -0.08, 0.32),
        patch_at=species.uniform("patch at"),
    )


def leaf_blade(g: Genes, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The distance inside a leaf's outline, the place along it, and its veins as a field."""
    t = (u + 1.0) * 0.5
    half = scene.blade(t, g.widest, g.tip) * g.width
    half = half * (1.0 - g.lobed * (0.5 + 0.5 * torch.cos(t * g.lobes * 2.0 * math.pi + 0.6)))
    saw = (((t * g.teeth) % 1.0) * 2.0 - 1.0).abs()
    half = half * (1.0 - g.toothed * saw)
    gap = (half - v.abs()) * ramp(-0.02, 0.03, t) * ramp(1.02, 0.97, t)
    side = torch.cos((t - v.abs() * 0.75) * g.veins * 2.0 * math.pi)
    veins = torch.maximum(ramp(0.80, 0.98, side) * 0.7, ramp(0.045, 0.012, v.abs()))
    return gap, t, veins


def paint_leaf(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    u, v = scene.pose(x, y, dice, dice.uniform("size", 0.62, 1.0), tilt=0.45, shift=0.2)
    v = v + dice.bell("curl", 0.16) * (u * u - 0.4)
    gap, t, veins = leaf_blade(g, u, v)
    cover = ramp(-0.015, 0.03, gap)
    stem = ramp(0.035, 0.015, v.abs()) * ramp(-1.35, -1.30, u) * ramp(-0.9, -0.95, u)
    light = g.light * (1.0 + dice.bell("own light", 0.12))
    hue = g.hue + dice.bell("own hue", 0.02)
    colour = hsv(hue, 0.70, light)
    where = torch.where(g.patch_at > 0.5, ramp(0.10, 0.03, gap), ramp(0.16, 0.04, v.abs()) * ramp(1.0, 0.6, t))
    colour = mix(colour, hsv(g.patch_hue, 0.55, 0.85), where * g.patch)
    colour = mix(colour, hsv(hue - 0.05, 0.35, 0.95), veins * g.vein_light.clamp(min=0.0))
    colour = mix(colour, hsv(hue + 0.04, 0.80, 0.12), veins * (-g.vein_light).clamp(min=0.0))
    fold = 1.0 + torch.tanh(v * 12.0) * dice.uniform("fold", -0.16, 0.16)
    ground = scene.cast_shadow(scene.undergrowth(dice, x.shape[-1]) * 0.85, cover, dice)
    picture = mix(ground, hsv(hue - 0.03, 0.6, 0.45), stem)
    picture = mix(picture, colour * (fold * (0.85 + 0.25 * ramp(0.0, 0.25, gap)))[:, None], cover)
    return scene.occlude(picture, dice, x, y, 0.2)
