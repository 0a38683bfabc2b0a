"""Objects and patterns of the source world ``atlas``: shells, starfish, fruit, cloth, agate.

Same two functions a family as in ``tlkit.world.plants``: genes, then one individual of each class. A few
numbers give each outline, as in Gielis (2003) and Raup (1966).
"""

import math
from types import SimpleNamespace as Genes

import torch
from torch import Tensor

from tlkit.world import scene
from tlkit.world.chance import Dice, near
from tlkit.world.scene import dots, hsv, mix, ramp, turn

__all__: list[str] = []

# -------------------------------------------------------------------------------- shells


def shell_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    return dict(
        growth=near(genus, species, "growth", 0.10, 0.30, 0.12),
        ribs=torch.floor(near(genus, species, "ribs", 6.0, 26.0, 0.12)),
        ribbed=genus.uniform("ribbed", 0.0, 0.55),
        bands=torch.floor(near(genus, species, "bands", 1.0, 5.0, 0.25)),
        banded=species.uniform("banded", 0.0, 0.8),
        hue=near(genus, species, "hue", -0.04, 0.14, 0.15),
        band_hue=near(genus, species, "band hue", -0.06, 0.12, 0.2),
        light=near(genus, species, "light", 0.55, 0.98, 0.15),
        oval=genus.uniform("oval", 0.75, 1.0),
        flip=genus.chance("left-handed", 0.4) * 2.0 - 1.0,
    )


def spiral(g: Genes, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A logarithmic spiral: the place across the whorl (0..1), the angle along it, the outline.

    The radius grows by ``exp(2 pi growth)`` a turn, as in Raup (1966).
    """
    v = v * g.flip / g.oval
    r, theta = torch.hypot(u, v) + 1e-3, torch.atan2(v, u) / (2.0 * math.pi)
    turns = torch.log(r) / (2.0 * math.pi * g.growth) - theta
    whorl = torch.ceil(turns)
    across = turns - whorl + 1.0
    # The last whorl ends at turn 0, so its rim is the curve turns = 0: a spiral with an opening.
    inside = -turns * 2.0 * math.pi * g.growth * r
    mouth = ramp(-0.7, -0.5, turns + theta) * ramp(0.03, 0.0, 0.5 - theta)
    inside = inside - mouth * (inside.clamp(min=0.0) + 0.05)
    return across, (theta + whorl) * 2.0 * math.pi, inside


def paint_shell(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    u, v = scene.pose(x, y, dice, dice.uniform("size", 0.52, 0.88), tilt=0.4, shift=0.2)
    across, along, inside = spiral(g, u, v)
    cover = ramp(-0.02, 0.03, inside)
    dome = torch.sin(across.clamp(0.0, 1.0) * math.pi).clamp(min=0.02) ** 0.7
    rib = 1.0 + g.ribbed * 0.55 * torch.cos(along * g.ribs)
    stripe = ramp(-0.2, 0.4, torch.cos(across * g.bands * 2.0 * math.pi)) * g.banded
    colour = mix(hsv(g.hue, 0.35, g.light), hsv(g.band_hue, 0.75, 0.45), stripe)
    gloss = ramp(0.75, 1.0, dome * torch.cos(along - dice.uniform("gloss from", 0.0, 2.0 * math.pi)))
    colour = colour * ((0.25 + 0.75 * dome) * rib)[:, None] + 0.3 * gloss[:, None]
    ground = scene.cast_shadow(scene.sand(dice, x, y), cover, dice)
    return mix(ground, colour, cover)


# ------------------------------------------------------------------------------ starfish


def star_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    hue = near(genus, species, "hue", 0.55, 1.14, 0.12)
    return dict(
        arms=torch.floor(near(genus, species, "arms", 5.0, 9.99, 0.10)),
        waist=near(genus, species, "waist", 0.22, 0.62, 0.14),
        power=near(genus, species, "power", 0.8, 3.0, 0.15),
        hue=hue,
        light=near(genus, species, "light", 0.5, 0.95, 0.15),
        bumps=near(genus, species, "bumps", 14.0, 30.0, 0.15),
        bump=species.uniform("bump", 0.1, 0.7),
        ridge=species.uniform("ridge", -0.5, 0.7),
        tips=hue + species.uniform("tips", -0.18, 0.18),
    )


def paint_star(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    u, v = scene.pose(x, y, dice, dice.uniform("size", 0.58, 0.95), tilt=0.45, shift=0.22)
    u, v = u + dice.bell("bend u", 0.16) * v * v, v + dice.bell("bend v", 0.16) * u * u
    r, theta = torch.hypot(u, v) + 1e-6, torch.atan2(v, u)
    swing = 0.5 + 0.5 * torch.cos(theta * g.arms + dice.bell("whirl", 0.25) * r * 4.0)
    reach = g.waist + (1.0 - g.waist) * torch.exp(g.power * torch.log(swing.clamp(min=1e-4)))
    gap = reach - r
    cover = ramp(-0.02, 0.05, gap)
    colour = mix(hsv(g.hue, 0.75, g.light), hsv(g.tips, 0.65, 0.85), ramp(0.35, 0.9, r))
    colour = mix(colour, hsv(g.hue + 0.05, 0.15, 1.0), dots(u, v, g.bumps) * g.bump)
    crest = ramp(0.55, 1.0, swing) * ramp(0.1, 0.3, r)
    light = 0.70 + 0.30 * ramp(0.0, 0.22, gap) + 0.25 * g.ridge * crest
    ground = scene.cast_shadow(scene.sand(dice, x, y), cover, dice)
    return mix(ground, colour * light[:, None], cover)


# --------------------------------------------------------------------------------- fruit


def fruit_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    hue = near(genus, species, "hue", -0.10, 0.33, 0.10)
    return dict(
        long=near(genus, species, "long", 0.75, 1.3, 0.10),
        neck=genus.uniform("neck", 0.0, 0.42) * genus.chance("pear", 0.4),
        hue=hue,
        cheek=hue + near(genus, species, "cheek", -0.14, 0.10, 0.2),
        light=near(genus, species, "light", 0.45, 0.95, 0.15),
        ribs=torch.floor(genus.uniform("ribs", 5.0, 12.0)),
        ribbed=genus.chance("ribbed", 0.35) * genus.uniform("rib", 0.1, 0.35),
        spots=species.uniform("spots", 0.0, 0.6) * species.chance("spotted", 0.5),
        grain=near(genus, species, "grain", 14.0, 34.0, 0.2),
        gloss=species.uniform("gloss", 0.0, 0.9),
    )


def paint_fruit(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    u, v = scene.pose(x, y, dice, dice.uniform("size", 0.45, 0.80), tilt=0.15, shift=0.24)
    width = 1.0 - g.neck * ramp(-0.1, 1.0, u)
    p, q = u / g.long, v / width
    r = torch.sqrt(p * p + q * q + 1e-9)
    cover = ramp(1.03, 0.97, r)
    z = torch.sqrt((1.0 - p * p - q * q).clamp(min=1e-4))
    lx, ly = dice.uniform("sun x", -0.6, 0.6), dice.uniform("sun y", -0.6, 0.6)
    glow = (p * lx + q * ly + z * 0.75).clamp(min=0.0)
    around = torch.atan2(q, z)
    colour = mix(hsv(g.hue, 0.80, g.light), hsv(g.cheek, 0.85, g.light), ramp(-0.5, 0.7, p + dice.bell("ripe", 0.3)))
    colour = mix(colour, hsv(g.hue + 0.05, 0.30, 0.97), dots(around, p, g.grain) * g.spots)
    light = (0.30 + 0.85 * glow) * (1.0 - g.ribbed * (0.5 + 0.5 * torch.cos(around * g.ribs)))
    colour = colour * light[:, None] + (ramp(0.86, 1.0, glow) * g.gloss * 0.7)[:, None]
    stem = ramp(0.07, 0.03, v.abs()) * ramp(0.85, 0.9, p) * ramp(1.30, 1.25, p)
    ground = scene.cast_shadow(scene.table_top(dice, x, y), cover, dice, 0.7)
    return mix(mix(ground, colour, cover), hsv(g.hue * 0 + 0.09, 0.6, 0.28), stem)


# ------------------------------------------------------------------------ cloth and agate


def cloth_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    hue = near(genus, species, "hue", 0.0, 1.0, 0.05)
    return dict(
        threads=near(genus, species, "threads", 6.0, 13.0, 0.10),
        twill=torch.floor(genus.uniform("twill", 0.0, 3.0)),
        check=torch.floor(near(genus, species, "check", 1.0, 4.0, 0.25)),
        hue=hue,
        other=hue + near(genus, species, "other", 0.1, 0.5, 0.2),
        saturation=near(genus, species, "saturation", 0.25, 0.85, 0.15),
        light=near(genus, species, "light", 0.3, 0.9, 0.15),
        relief=genus.uniform("relief", 0.25, 0.6),
    )


def paint_cloth(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    folds = scene.clouds(dice, "folds", x.shape[-1], 2, 2)
    x, y = x + (folds[:, 0] - 0.5) * 0.25, y + (folds[:, 1] - 0.5) * 0.25
    scale = dice.uniform("size", 0.8, 1.25)
    u, v = turn(x / scale, y / scale, dice.uniform("turn", 0.0, math.pi))
    warp, weft = u * g.threads, v * g.threads
    over = torch.cos(warp * math.pi) * torch.cos((weft + g.twill * warp) * math.pi)
    top = ramp(-0.25, 0.25, over)
    check = (
        ramp(-0.2, 0.2, torch.cos(u * g.check * math.pi)) * 0.5
        + ramp(-0.2, 0.2, torch.cos(v * g.check * math.pi)) * 0.5
    )
    first = hsv(g.hue + dice.bell("own hue", 0.02), g.saturation, g.light)
    second = hsv(g.other, g.saturation * 0.7, 0.95 - 0.6 * g.light)
    colour = mix(mix(first, second, top), second, check * 0.55)
    round_thread = 1.0 - g.relief * (1.0 - over.abs())
    shade = 0.75 + 0.5 * folds[:, 0]
    return colour * (round_thread * shade)[:, None]


def agate_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    hue = near(genus, species, "hue", 0.0, 1.0, 0.05)
    return dict(
        bands=near(genus, species, "bands", 5.0, 14.0, 0.12),
        wobble=near(genus, species, "wobble", 0.3, 1.6, 0.15),
        sharp=genus.uniform("sharp", 0.2, 1.0),
        straight=genus.chance("straight", 0.4),
        hue=hue,
        other=hue + near(genus, species, "other", 0.05, 0.35, 0.2),
        saturation=near(genus, species, "saturation", 0.25, 0.8, 0.15),
        core=species.uniform("core", 0.2, 1.0),
        core_size=species.uniform("core size", 0.0, 0.55),
    )


def paint_agate(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    drift = scene.clouds(dice, "drift", x.shape[-1], 3)[:, 0] - 0.5
    u, v = scene.pose(x, y, dice, dice.uniform("size", 0.8, 1.3), tilt=0.5, shift=0.7)
    away = torch.hypot(u, v)
    height = mix(away[:, None], u[:, None], g.straight)[:, 0] + drift * g.wobble * 0.55
    wave = torch.cos(height * g.bands) + 0.5 * torch.cos(height * g.bands * 2.7 + 1.0)
    band = ramp(-1.2 + g.sharp, 1.2 - g.sharp, wave)
    colour = mix(hsv(g.hue, g.saturation, 0.92), hsv(g.other, g.saturation, 0.35), band)
    fine = 0.92 + 0.16 * torch.cos(height * g.bands * 9.0)
    heart = ramp(g.core_size + 0.05, g.core_size - 0.05, height) * (1.0 - g.straight)
    colour = mix(colour * fine[:, None], hsv(g.other + 0.1, 0.25, g.core), heart)
    return colour
