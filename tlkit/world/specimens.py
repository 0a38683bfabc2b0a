"""Three target worlds away from ``atlas``: herbarium sheets, X-ray plates, stained tissue.

Same two functions a family as in ``tlkit.world.plants``: genes, then one individual of each class.
"""

import math
from types import SimpleNamespace as Genes

import torch
from torch import Tensor

from tlkit.world import scene
from tlkit.world.chance import Dice, near
from tlkit.world.objects import spiral
from tlkit.world.scene import hsv, mix, ramp, turn

__all__: list[str] = []

# ----------------------------------------------------------------------------- herbarium


def sprig_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    return dict(
        leaflets=torch.floor(near(genus, species, "leaflets", 3.0, 8.99, 0.16)),
        angle=near(genus, species, "angle", 0.55, 1.25, 0.12),
        long=near(genus, species, "long", 0.30, 0.62, 0.12),
        taper=near(genus, species, "taper", -0.3, 0.9, 0.15),
        widest=near(genus, species, "widest", 0.30, 0.72, 0.14),
        tip=near(genus, species, "tip", 0.25, 0.95, 0.12),
        width=near(genus, species, "width", 0.16, 0.40, 0.14),
        stagger=genus.chance("alternate", 0.5) * 0.5,
        end=near(genus, species, "end", 0.2, 0.6, 0.2) * genus.chance("end leaf", 0.7),
        hue=near(genus, species, "hue", 0.08, 0.24, 0.12),
        light=near(genus, species, "light", 0.30, 0.62, 0.12),
        veins=species.uniform("veins", 0.1, 0.6),
    )


def _leaflet(g: Genes, along: Tensor, across: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """One leaflet from its stalk: the distance inside its outline, and its veins."""
    t = along / length
    gap = (scene.blade(t, g.widest, g.tip) * g.width - across.abs() / length) * length
    gap = torch.minimum(gap, torch.minimum(along, length - along) * 0.5)
    side = torch.cos((t - across.abs() / length * 1.2) * 5.0 * 2.0 * math.pi)
    return gap, torch.maximum(ramp(0.02, 0.006, across.abs()), ramp(0.85, 1.0, side) * 0.5)


def paint_sprig(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    """A sprig pressed flat: leaflets repeated along a bent stem, on paper."""
    u, v = scene.pose(x, y, dice, dice.uniform("size", 0.62, 0.92), tilt=0.1, shift=0.18)
    v = v + dice.bell("bent stem", 0.16) * (u * u - 0.3) + dice.bell("bend", 0.06) * torch.sin(u * 4.0)
    gap, veins = ramp(0.03, 0.012, v.abs()) * ramp(-1.1, -1.05, u) * ramp(0.9, 0.7, u) * 0.03 - 0.012, v * 0.0
    angle = g.angle + dice.bell("own angle", 0.07)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    spacing = 1.6 / g.leaflets
    for side, step in ((1.0, 0.0), (-1.0, 1.0)):
        w = v * side
        foot = (u - w * cosine / sine + 0.8) / spacing - g.stagger * step
        base_number = torch.floor(foot)
        # The nearest leaflet and the next one: a wide leaflet reaches over its neighbour's seam.
        for number in (base_number, base_number + 1.0):
            known = number.clamp(torch.zeros_like(g.leaflets), g.leaflets - 1.0)
            at = (known + g.stagger * step) * spacing - 0.8
            length = g.long * (1.0 - g.taper * (at + 0.8) / 2.6) * dice.uniform("vigour", 0.85, 1.1)
            along = (u - at) * cosine + w * sine
            across = (u - at) * -sine + w * cosine
            one_gap, one_veins = _leaflet(g, along, across, length)
            veins = torch.where(one_gap > gap, one_veins, veins)
            gap = torch.maximum(gap, one_gap)
    end_gap, end_veins = _leaflet(g, u - 0.62, v, g.end + 0.05)
    end_gap = end_gap - ramp(0.05, 0.0, g.end)
    gap, veins = torch.maximum(gap, end_gap), torch.where(end_gap > gap, end_veins, veins)
    cover = ramp(-0.012, 0.02, gap)
    size = x.shape[-1]
    blotch = scene.clouds(dice, "blotch", size, 6)[:, 0]
    hue = g.hue + dice.bell("own hue", 0.015)
    colour = mix(hsv(hue, 0.55, g.light), hsv(hue - 0.04, 0.65, g.light * 0.65), blotch.clamp(0.0, 1.0))
    colour = mix(colour, hsv(hue, 0.30, 0.85), veins * g.veins)
    sheet = scene.paper(dice, x, y)
    strip_along, strip_across = turn(u - dice.uniform("strip at", -0.7, 0.4), v, dice.bell("strip turn", 0.25))
    picture = mix(scene.cast_shadow(sheet, cover, dice, 0.25), colour, cover * 0.95)
    strip = ramp(0.09, 0.07, strip_along.abs()) * ramp(0.34, 0.32, strip_across.abs())
    return mix(picture, hsv(hue * 0.0 + 0.12, 0.08, 0.95), strip * 0.8)


# -------------------------------------------------------------------------- X-ray plates


def plate_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    return dict(
        growth=near(genus, species, "growth", 0.10, 0.32, 0.12),
        septa=torch.floor(near(genus, species, "septa", 7.0, 24.0, 0.32)),
        bow=near(genus, species, "bow", -0.55, 0.55, 0.28),
        wall=near(genus, species, "wall", 0.05, 0.16, 0.40),
        plate=near(genus, species, "plate", 0.12, 0.34, 0.40),
        tube=near(genus, species, "tube", 0.25, 0.75, 0.40),
        tube_there=genus.chance("tube there", 0.6),
        frill=torch.floor(genus.uniform("frill", 1.0, 5.0)) * genus.chance("frilled", 0.5),
        flesh=near(genus, species, "flesh", 0.15, 0.7, 0.40),
        oval=near(genus, species, "oval", 0.62, 1.0, 0.2),
        hub=near(genus, species, "hub", 0.0, 0.42, 0.25),
        hub_weight=genus.uniform("hub weight", -0.8, 1.6),
        beads=torch.floor(near(genus, species, "beads", 9.0, 26.0, 0.2)),
        beaded=genus.uniform("beaded", 0.6, 1.8) * genus.chance("beads there", 0.5),
        flip=genus.chance("left-handed", 0.4) * 2.0 - 1.0,
    )


def paint_plate(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    """A chambered shell between the X-ray source and the film: thickness adds up, light does not."""
    size = x.shape[-1]
    u, v = scene.pose(x, y, dice, dice.uniform("size", 0.62, 0.98), tilt=0.35, shift=0.2)
    across, along, inside = spiral(g, u, v)
    cover = ramp(-0.01, 0.06, inside)
    wall = ramp(g.wall + 0.10, g.wall * 0.4, torch.minimum(across, 1.0 - across))
    bowed = g.bow * torch.sin(across * math.pi) * 4.0 + 0.5 * torch.sin(across * math.pi * 2.0 * g.frill)
    septum = ramp(1.0 - g.plate * 1.6, 1.0, torch.cos(along * g.septa + bowed))
    tube = ramp(0.11, 0.05, (across - g.tube).abs()) * g.tube_there
    fill = torch.sin(across.clamp(0.0, 1.0) * math.pi) * g.flesh
    bead = ramp(0.15, 0.9, torch.cos(along * g.beads)) * ramp(0.62, 0.9, across) * g.beaded
    hub = ramp(g.hub + 0.06, g.hub - 0.06, torch.hypot(u, v)) * g.hub_weight
    thickness = cover * (0.25 + 1.4 * wall + 1.25 * septum + 0.7 * tube + 0.55 * fill + bead + hub).clamp(min=0.0)
    haze = scene.clouds(dice, "haze", size, 3)[:, 0] * 0.35 + scene.clouds(dice, "mottle", size, 9)[:, 0] * 0.12
    scatter = scene.blur(thickness, 0.05) * 0.35
    dose = dice.uniform("dose", 0.40, 0.85)
    film = 1.0 - torch.exp(-dose * (thickness + scatter) - haze * dice.uniform("fog", 0.3, 1.0))
    _, scratch = turn(x, y, dice.uniform("scratch turn", 0.0, math.pi))
    scratch = ramp(0.02, 0.0, (scratch - dice.bell("scratch at", 0.5)).abs()) * dice.chance("scratch", 0.35) * 0.12
    edge = ramp(1.05, 0.75, torch.maximum(x.abs(), y.abs()) + dice.uniform("frame", -0.25, 0.1))
    tint = torch.cat([0.93 + film * 0.07, 0.97 + film * 0.03, 1.05 - film * 0.05], 0)
    tint = tint.view(3, *film.shape).transpose(0, 1)
    return ((film + scratch) * (0.45 + 0.55 * edge))[:, None] * tint


# -------------------------------------------------------------------------------- tissue

_CELLS = 18  # the lattice of nuclei, cells across the table of luck; the picture sees a part


def tissue_genes(genus: Dice, species: Dice) -> dict[str, Tensor]:
    return dict(
        density=near(genus, species, "density", 4.2, 8.5, 0.12),
        nucleus=near(genus, species, "nucleus", 0.20, 0.40, 0.14),
        elongation=near(genus, species, "elongation", 1.0, 2.8, 0.14),
        order=near(genus, species, "order", 0.0, 1.0, 0.2),
        sparse=near(genus, species, "sparse", 0.0, 0.55, 0.18),
        uneven=near(genus, species, "uneven", 0.05, 0.5, 0.2),
        chromatin=species.uniform("chromatin", -0.5, 0.8),
        fibres=near(genus, species, "fibres", 4.0, 15.0, 0.12),
        fibrous=near(genus, species, "fibrous", 0.05, 0.75, 0.16),
        waves=near(genus, species, "waves", 0.0, 1.4, 0.16),
        holes=near(genus, species, "holes", 0.0, 1.0, 0.14) * genus.chance("holed", 0.45),
        hole_size=near(genus, species, "hole size", 2.0, 5.0, 0.1),
        membrane=species.uniform("membrane", 0.0, 0.6) * genus.chance("membranes", 0.5),
    )


def _nuclei(g: Genes, dice: Dice, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Jittered nuclei on a lattice: their coverage, their inside (0 rim .. 1 middle), cell borders.

    Each pixel asks only the 3 x 3 lattice cells around it (Worley 1996), so the price does not
    depend on the number of nuclei.
    """
    p, q = u * g.density * 0.5 + _CELLS / 2, v * g.density * 0.5 + _CELLS / 2
    luck = dice.table("nuclei", 5, _CELLS * _CELLS)
    # Each nucleus is a unit circle under its own 2 x 2 matrix: turned, stretched, sized.
    angle = (luck[:, 2:3] - 0.5) * math.pi * (1.0 - g.order)
    size = g.nucleus * (1.0 + (luck[:, 3:4] * 2.0 - 1.0) * g.uneven)
    size = size / (1.0 + 8.0 * ramp(0.02, 0.0, luck[:, 4:5] - g.sparse))  # some places stay empty
    cosine, sine, stretch = torch.cos(angle) / size, torch.sin(angle) / size, torch.sqrt(g.elongation)
    centre = 0.2 + 0.6 * luck[:, :2]
    cells = torch.cat([centre, cosine / stretch, sine / stretch, -sine * stretch, cosine * stretch], 1)
    i, j = torch.floor(p), torch.floor(q)
    best, first, second = (torch.full_like(p, 9.0) for _ in range(3))
    for di in (-1.0, 0.0, 1.0):
        for dj in (-1.0, 0.0, 1.0):
            ci, cj = i + di, j + dj
            index = ((ci * _CELLS + cj).clamp(0, _CELLS * _CELLS - 1)).long().flatten(1)
            cx, cy, a, b, c, d = (cells[:, k].gather(1, index).view_as(p) for k in range(6))
            dx, dy = p - ci - cx, q - cj - cy
            best = torch.minimum(best, (a * dx + b * dy).square_() + (c * dx + d * dy).square_())
            away = dx * dx + dy * dy
            second = torch.minimum(second, torch.maximum(first, away))
            first = torch.minimum(first, away)
    best = best.sqrt()
    return ramp(1.12, 0.88, best), ramp(0.9, 0.2, best), ramp(0.12, 0.0, second.sqrt() - first.sqrt())


def paint_tissue(g: Genes, dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    """A slice stained with haematoxylin (nuclei, blue-violet) and eosin (the rest, pink)."""
    size = x.shape[-1]
    scale = dice.uniform("size", 0.88, 1.14)
    u, v = turn(x / scale, y / scale, dice.uniform("turn", 0.0, 2.0 * math.pi))
    drift = scene.clouds(dice, "drift", size, 3, 3) - 0.5
    wave = 0.12 * g.waves * torch.sin(u * 4.0 + dice.uniform("wave", 0.0, 6.28))
    u, v = u + drift[:, 0] * 0.30, v + drift[:, 1] * 0.30 + wave
    nuclei, middle, border = _nuclei(g, dice, u, v)
    fibre = torch.cos(v * g.fibres * 2.0 + drift[:, 2] * 7.0) * 0.5 + 0.5
    lattice = 0.5 + 0.5 * torch.cos(u * g.hole_size) * torch.cos(v * g.hole_size)
    foam = scene.clouds(dice, "foam", size, 4)[:, 0] * 0.6 + lattice * 0.4
    foam = ramp(0.62, 0.78, foam + (g.holes - 0.62) * 0.4) * ramp(0.0, 0.1, g.holes)
    eosin = (0.40 + g.fibrous * (fibre - 0.35) + 0.5 * g.membrane * border) * dice.uniform("eosin", 0.6, 1.25)
    eosin = (eosin * (1.0 - 0.92 * foam)).clamp(min=0.02)
    bloom = 1.0 - g.chromatin * middle * 0.75
    haem = (0.10 + 1.35 * nuclei * bloom.clamp(0.2, 1.2) * (1.0 - 0.95 * foam)) * dice.uniform(
        "haematoxylin", 0.7, 1.25
    )
    # Beer-Lambert: each stain takes its own share of red, green and blue (Ruifrok 2001).
    blue = torch.tensor([0.86, 0.88, 0.36])[:, None, None] + (dice.table("blue hue", 3, 1, 1) - 0.5) * 0.25
    pink = torch.tensor([0.10, 0.95, 0.42])[:, None, None] + (dice.table("pink hue", 3, 1, 1) - 0.5) * 0.25
    return 0.97 * torch.exp(-(haem[:, None] * blue + eosin[:, None] * pink))
