"""The parts of a drawn face, from the wall behind it to the glasses on its nose.

The conventions are those of ``tlkit.world.scene``; ``g`` holds the genes of a person and ``c`` how the head
stands in this picture. ``u`` and ``v`` are coordinates of the head as the camera sees it (v = -1 the
crown, 1 the chin); ``p`` and ``q`` are coordinates on the face itself, which turn away with it. What
the face does (a smile, a glance) is luck, from ``dice``.
"""

from types import SimpleNamespace as Genes
from types import SimpleNamespace as Stand

import torch
from torch import Tensor

from tlkit.world import scene
from tlkit.world.chance import Dice
from tlkit.world.scene import hsv, mix, ramp, turn

__all__: list[str] = []


def stand(dice: Dice, x: Tensor, y: Tensor, g: Genes) -> Stand:
    """Where the head is, how it turns, and the coordinates that go with it."""
    c = Stand(yaw=dice.bell("yaw", 0.36), pitch=dice.bell("pitch", 0.17))
    scale = dice.uniform("size", 0.60, 0.82)
    c.u, c.v = turn(x - dice.bell("shift x", 0.10), y + 0.02 - dice.bell("shift y", 0.08), dice.bell("roll", 0.14))
    c.u, c.v = c.u / scale, c.v / scale
    nu, nv = c.u / g.wide, c.v
    depth = torch.sqrt((1.0 - nu * nu - nv * nv).clamp(min=0.0) + 4e-3)
    sine, cosine = torch.sin(c.yaw), torch.cos(c.yaw)
    across, front = nu * cosine - depth * sine, nu * sine + depth * cosine
    # Behind the ears the sphere turns back; unrolled, one p is one place.
    unrolled = torch.sign(across) * (2.0 * torch.hypot(across, front) - across.abs())
    c.p = torch.where(front < 0, unrolled, across) * g.wide
    c.q = nv * torch.cos(c.pitch) - front * torch.sin(c.pitch)
    c.depth, c.lean = depth, 0.10 * sine
    sun, height = dice.uniform("sun from", -1.2, 1.2), dice.uniform("sun height", -0.2, 0.9)
    lit = (nu * torch.sin(sun) - nv * height * 0.7 + depth * torch.cos(sun)) / torch.sqrt(1.0 + 0.5 * height * height)
    c.light = 0.62 + 0.44 * lit.clamp(min=-0.35)
    c.sun = torch.sin(sun)
    return c


def outline(u: Tensor, v: Tensor, g: Genes, grow: Tensor | float = 0.0) -> Tensor:
    """The head's outline as a field: below 1 inside. An ellipse above; jaw and chin below."""
    u2, v = (u / (g.wide + grow)).square(), v / (1.0 + grow)
    v2 = v * v
    pointed = g.chin * ramp(-0.4, 0.3, v)
    across = u2 + (torch.sqrt(u2 + 0.01) - 0.05 - u2) * pointed
    return across + v2 + (v2 * v2 - v2) * g.jaw * (v > 0)


def paint_backdrop(dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    """A room or a garden, out of focus."""
    size, hue = x.shape[-1], dice.uniform("wall hue")
    low = hsv(hue, dice.uniform("wall colour", 0.1, 0.6), dice.uniform("wall dark", 0.15, 0.6))
    high = hsv(
        hue + dice.bell("wall turn", 0.10),
        dice.uniform("wall colour 2", 0.05, 0.5),
        dice.uniform("wall light", 0.4, 0.95),
    )
    cloud = scene.clouds(dice, "wall", size, 3)[:, 0] * 0.7 + y * dice.bell("wall slope", 0.3) + 0.15
    picture = mix(low, high, cloud.clamp(0.0, 1.0))
    along, _ = turn(x, y, dice.bell("door turn", 0.05))
    door = ramp(-0.04, 0.04, along - dice.uniform("door at", -1.0, 1.0)) * dice.chance("door", 0.4)
    picture = mix(picture, hsv(dice.uniform("door hue"), 0.3, dice.uniform("door light", 0.2, 0.9)), door * 0.7)
    for name in ("lamp a", "lamp b", "lamp c"):
        away = torch.hypot(x - dice.uniform(name + " x", -1.0, 1.0), y - dice.uniform(name + " y", -1.0, 0.6))
        glow = ramp(dice.uniform(name + " size", 0.12, 0.40), 0.08, away) * dice.uniform(name, 0.0, 0.6)
        picture = mix(picture, hsv(dice.uniform(name + " hue"), 0.3, 0.95), glow)
    return picture


def paint_hair(g: Genes, dice: Dice, c: Stand, colour: Tensor) -> Tensor:
    """Hair: strands that fall from the parting, a gloss where the light meets them, curls in some."""
    angle = torch.atan2(c.p - g.parting * 0.6, c.q + 1.25)
    wobble = torch.sin(c.q * 9.0 + c.p * 4.0) * 0.22 * g.curls
    strand = torch.cos((angle + wobble * 0.5) * 34.0) * 0.5 + torch.cos((angle + wobble) * 13.0 + 1.0) * 0.5
    knots = torch.cos(c.p * 17.0 + torch.sin(c.q * 11.0)) * torch.cos(c.q * 17.0 + torch.sin(c.p * 13.0))
    strand = strand * (1.0 - 0.8 * g.curls) + knots * g.curls * 1.3
    gloss = ramp(0.30, 0.0, (c.v + 0.72 + 0.3 * c.p * c.sun).abs()) * (0.30 - 0.15 * g.curls)
    return colour * ((0.72 + 0.16 * strand) * (0.70 + 0.5 * c.light))[:, None] + gloss[:, None] * (0.10 + 0.35 * colour)


def _locks(g: Genes, c: Stand) -> Tensor:
    """How far hair stands out from its outline: a little, in bumps where it is curly."""
    angle = torch.atan2(c.u, -c.v)
    return g.volume * (1.0 + 0.10 * torch.cos(angle * 19.0) * g.curls) + 0.05 * g.curls


def paint_behind(picture: Tensor, g: Genes, dice: Dice, c: Stand, hair: Tensor) -> Tensor:
    """What the head hides in part: a bun, long hair, neck, shoulders and ears."""
    bun = torch.hypot(c.u + 0.25 * torch.sin(c.yaw), c.v + 1.0 + g.volume + g.bun * 0.45)
    picture = mix(picture, hair * 0.95, ramp(0.03, -0.03, bun - g.bun) * ramp(0.0, 0.1, g.bun))
    reach = _locks(g, c)
    flow = g.wide + reach * 0.9 + 0.10 * g.curls * torch.sin(c.v * 7.0) + 0.10 * ramp(0.0, 1.2, c.v)
    fall = (
        ramp(0.04, -0.04, c.u.abs() - flow)
        * ramp(-0.3, -0.1, c.v)
        * ramp(0.05, -0.05, c.v + 0.30 * (c.u / flow).square().square() - g.long)
    )
    picture = mix(picture, hair * 0.72, fall * ramp(0.0, 0.1, g.long))
    cloth = hsv(
        dice.uniform("cloth hue"), dice.uniform("cloth colour", 0.1, 0.7), dice.uniform("cloth light", 0.2, 0.85)
    )
    cloth = cloth * (0.75 + 0.3 * c.light + 0.06 * torch.cos(c.u * dice.uniform("cloth stripes", 0.0, 30.0)))[:, None]
    shade = g.skin * (0.40 + 0.35 * c.light)[:, None]
    neck = ramp(0.04, -0.04, (c.u - c.lean * 0.4).abs() - 0.34 - 0.25 * ramp(1.1, 1.5, c.v)) * ramp(0.4, 0.6, c.v)
    picture = mix(picture, shade, neck)
    body = (c.u / 1.25).square() + ((c.v - 2.05) / 0.78).square()
    collar = torch.hypot(c.u / dice.uniform("collar", 0.40, 0.62), (c.v - 1.22) / 0.30)
    picture = mix(picture, cloth, ramp(1.05, 0.95, body) * ramp(0.95, 1.05, collar))
    for side in (-1.0, 1.0):
        near = 1.0 - (side * torch.sin(c.yaw)).clamp(min=0.0) * 0.9
        ear = torch.hypot((c.u - side * g.wide * 0.99) / (0.62 * near + 0.05), c.v - 0.12 - 0.4 * torch.sin(c.pitch))
        inner = ramp(0.5, 1.0, ear / g.ears) * 0.25 + 0.75
        picture = mix(picture, g.skin * (inner * (0.45 + 0.5 * c.light))[:, None], ramp(1.12, 0.88, ear / g.ears))
    return picture


def paint_skin(g: Genes, dice: Dice, c: Stand) -> Tensor:
    """The bare face: light and shade, cheeks, the hollows of the eyes, freckles, a mole."""
    skin = g.skin * (c.light * (0.80 + 0.20 * c.depth))[:, None]
    cheeks = sum(ramp(0.30, 0.0, torch.hypot(c.p - side * 0.40, (c.q - 0.32) * 1.2)) for side in (-1.0, 1.0))
    skin = mix(skin, skin * torch.tensor([1.05, 0.78, 0.76])[:, None, None], cheeks * (g.rosy + 0.12))
    hollow = ramp(0.30, 0.05, torch.hypot(c.p.abs() - g.apart, (c.q - g.eye_at + 0.05) * 1.5))
    skin = skin * (1.0 - 0.14 * hollow)[:, None]
    spots = torch.cos(c.p * 37.0 + torch.sin(c.q * 23.0) * 0.8) * torch.cos(c.q * 37.0 + torch.sin(c.p * 19.0) * 0.8)
    where = ramp(0.34, 0.10, (c.q - 0.22).abs()) * ramp(0.62, 0.40, c.p.abs())
    skin = mix(
        skin, skin * torch.tensor([0.72, 0.58, 0.50])[:, None, None], ramp(0.45, 0.8, spots) * where * g.freckles
    )
    mole = torch.hypot(c.p - (g.mole[:, 0] - 0.5) * 0.9, c.q - 0.25 - g.mole[:, 1] * 0.5)
    return mix(skin, skin * 0.35, ramp(0.050, 0.022, mole) * g.moled * 0.8)


def paint_eyes(skin: Tensor, g: Genes, dice: Dice, c: Stand) -> Tensor:
    """Both eyes: lids, white, iris, pupil, a catchlight; they look somewhere and sometimes blink."""
    awake = dice.uniform("awake", 0.62, 1.08) * (1.0 - 0.92 * dice.chance("blink", 0.05))
    side = torch.sign(c.p)
    a = (c.p.abs() - g.apart) / g.eye_wide
    b = c.q - g.eye_at + g.slant * a * g.eye_wide + 0.01
    arch = (1.0 - a * a).clamp(min=-0.6)
    upper, lower = b + g.eye_tall * awake * arch, g.eye_tall * 0.72 * awake.clamp(min=0.35) * arch - b
    x = a * g.eye_wide - dice.bell("gaze x", 0.035) * side
    y = b - dice.bell("gaze y", 0.012)
    ball = torch.hypot(x, y)
    white = torch.tensor([0.95, 0.94, 0.92])[:, None, None] * (0.55 + 0.42 * c.light)[:, None]
    eye = mix(white, g.iris * (0.65 + 0.5 * c.light)[:, None], ramp(0.098, 0.074, ball))
    eye = mix(eye, g.iris * 0.10, ramp(0.050, 0.030, ball) + 0.5 * ramp(0.020, 0.0, (ball - 0.084).abs()))
    glint = ramp(0.034, 0.014, torch.hypot(x - 0.03 * torch.sign(c.sun) * side, y + 0.035))
    eye = (eye + glint[:, None] * 0.8) * (0.72 + 0.28 * ramp(0.0, 0.06, upper))[:, None]
    skin = mix(skin, eye, ramp(-0.014, 0.022, torch.minimum(upper, lower)))
    near = ramp(1.18, 1.0, a.abs())
    folds = 0.45 * ramp(0.018, 0.0, (upper + 0.055).abs()) + 0.30 * ramp(0.018, 0.0, (lower + 0.006).abs())
    skin = mix(skin, g.skin * 0.42, folds * near)
    return mix(skin, g.skin * 0.16, ramp(0.016, 0.0, (upper + 0.010).abs() - g.lashes) * near * 0.92)


def paint_brows(skin: Tensor, g: Genes, dice: Dice, c: Stand) -> Tensor:
    a = (c.p.abs() - g.apart - 0.01) / (g.eye_wide * 1.25)
    bend = g.brow_bend * (1.0 - a * a) * 0.8 + (g.brow_slant + dice.bell("brows knit", 0.06)) * a * 0.2
    line = g.eye_at - g.brow_at - dice.bell("brows raised", 0.024) - bend
    gap = (c.q - line).abs() - g.brow_thick * (1.0 - 0.45 * a.clamp(-1.0, 1.0)) * ramp(1.15, 0.75, a.abs())
    return mix(skin, g.hair * 0.55, ramp(0.020, -0.010, gap) * ramp(1.12, 0.95, a.abs()) * 0.88)


def paint_nose(skin: Tensor, g: Genes, c: Stand) -> Tensor:
    """The nose stands out of the face, so it moves further than the face when the head turns."""
    out = ramp(-0.1, 1.0, (c.q - g.eye_at) / (g.nose_at - g.eye_at)) * 0.13
    p = c.p - torch.sin(c.yaw) * out
    along = ramp(g.eye_at - 0.05, g.eye_at + 0.12, c.q) * ramp(g.nose_at + 0.02, g.nose_at - 0.06, c.q)
    flank = torch.where(c.sun > 0, -p, p) - g.nose_wide * (0.28 + 0.35 * ramp(g.eye_at, g.nose_at, c.q))
    skin = mix(skin, skin * 0.66, ramp(0.07, 0.0, flank.abs()) * along * (0.30 + 0.45 * g.bridge))
    skin = mix(skin, skin * 1.16, ramp(0.06, 0.0, p.abs()) * along * (0.25 + 0.35 * g.bridge))
    tip = torch.hypot(p / g.nose_wide, (c.q - g.nose_at + 0.035) / 0.085)
    skin = mix(skin, skin * 1.12, ramp(0.9, 0.1, torch.hypot(p / g.nose_wide * 1.5, (c.q - g.nose_at + 0.055) / 0.07)))
    base = ramp(0.30, 0.0, (tip - 1.0).abs()) * ramp(g.nose_at - 0.06, g.nose_at + 0.01, c.q)
    skin = mix(skin, skin * 0.58, base * 0.8)
    wings = torch.hypot((p.abs() - g.nose_wide * 0.52) / 0.042, (c.q - g.nose_at - 0.015) / 0.024)
    return mix(skin, g.skin * 0.25, ramp(1.3, 0.5, wings) * 0.8)


def paint_mouth(skin: Tensor, g: Genes, dice: Dice, c: Stand) -> Tensor:
    smile = (g.cheer + dice.bell("smile", 0.55)).clamp(-0.6, 1.3)
    opened = (dice.uniform("open", -0.09, 0.11) + 0.03 * smile).clamp(min=0.0)
    wide = g.mouth_wide * (1.0 + 0.18 * smile)
    p = c.p - torch.sin(c.yaw) * 0.03
    arch = (1.0 - (p / wide).square()).clamp(min=-0.5)
    line = g.nose_at + g.mouth_at - smile * 0.075 * (p / wide).square().clamp(max=1.2) + smile * 0.03
    gap = c.q - line
    bow = 1.0 - 0.30 * ramp(0.05, 0.0, p.abs())
    lips = torch.minimum(gap + g.upper_lip * arch * bow + opened * 0.3 * arch, (g.lower_lip + opened) * arch - gap)
    rose = (
        mix(g.skin, torch.tensor([0.70, 0.22, 0.24])[:, None, None], g.lip_red[:, None])
        * (0.5 + 0.42 * c.light)[:, None]
    )
    rose = rose * (0.88 + 0.24 * ramp(0.0, 0.05, gap))[:, None]
    skin = mix(
        skin,
        skin * 0.72,
        ramp(0.05, 0.0, (gap - opened - g.lower_lip - 0.05).abs()) * ramp(0.7, 0.2, (p / wide).abs()) * 0.5,
    )
    skin = mix(skin, rose, ramp(-0.014, 0.018, lips))
    inner = torch.minimum(gap + opened * 0.3 * arch, opened * arch * 0.9 - gap)
    dark = mix(
        torch.tensor([0.28, 0.07, 0.08])[:, None, None] * torch.ones_like(rose),
        torch.full_like(rose, 0.90),
        ramp(0.055, 0.025, gap),
    )
    skin = mix(skin, dark, ramp(-0.004, 0.016, inner) * ramp(0.0, 0.03, opened))
    return mix(
        skin,
        g.skin * 0.30,
        ramp(0.022, 0.004, gap.abs()) * ramp(1.10, 0.9, (p / wide).abs()) * ramp(0.03, 0.0, opened) * 0.75,
    )


def paint_beard(skin: Tensor, g: Genes, dice: Dice, c: Stand, hair: Tensor) -> Tensor:
    lips_at = g.nose_at + g.mouth_at
    line = lips_at + 0.10 - g.beard_at * (c.p.abs() - 0.18).clamp(min=0.0) * 1.6
    grain = 0.90 + 0.10 * torch.cos(c.p * 43.0 + torch.sin(c.q * 31.0) * 2.0)
    colour = hair * (grain * (0.55 + 0.35 * c.light))[:, None]
    skin = mix(skin, colour, ramp(-0.05, 0.06, c.q - line) * g.beard * 0.95)
    p = c.p - torch.sin(c.yaw) * 0.06
    lip = (g.nose_at + lips_at) * 0.5 + 0.010 + 0.6 * p * p
    strip = ramp(0.02, -0.02, (c.q - lip).abs() - 0.045) * ramp(0.05, -0.04, p.abs() - g.mouth_wide * 1.2 - 0.02)
    return mix(skin, colour, strip * torch.maximum(g.moustache, g.beard * 0.9))


def _crown(g: Genes, c: Stand, reach: Tensor) -> Tensor:
    """The outline of the head with all that grows on it."""
    return outline(c.u, (c.v + reach * 0.15) / (1.0 + reach * 0.5), g, reach * 0.75)


def cover_of_hair(g: Genes, c: Stand) -> Tensor:
    """Hair over the head: inside its own outline, outside the opening that leaves the face free."""
    reach = _locks(g, c)
    outer = ramp(1.06, 0.94, _crown(g, c, reach))
    top = -g.fringe + g.sweep * (c.p - g.parting) + 0.05 * ramp(0.30, 0.0, (c.p - g.parting).abs())
    top = top + 0.022 * torch.cos(c.p * 21.0) * (0.3 + g.curls)
    half = g.wide * torch.where(g.long > 0.2, g.side, 0.55 + 0.45 * g.side) * (0.80 + 0.20 * ramp(-0.5, 0.2, c.q))
    below, within = (c.q - top) * 1.4, half - c.p.abs()
    opening = 0.5 * (below + within - torch.sqrt((below - within).square() + 0.015))  # the smaller one, rounded
    low = torch.where(g.long > 0.2, g.long, 0.04 + 0.25 * g.curls)
    return outer * ramp(0.03, -0.03, opening) * ramp(0.06, -0.06, c.v - low) * (1.0 - g.bald)


def paint_hat(picture: Tensor, g: Genes, dice: Dice, c: Stand) -> Tensor:
    """In some pictures a woollen hat: hair is no proof of who somebody is."""
    brim = c.q + g.fringe * 0.75 + 0.06 - 0.08 * c.p * c.p
    cover = (
        ramp(1.05, 0.95, _crown(g, c, 0.07 + _locks(g, c) * (1.0 - g.bald)))
        * ramp(0.02, -0.02, brim)
        * dice.chance("hat", 0.12)
    )
    band = 0.85 + 0.25 * ramp(-0.16, -0.13, brim)
    ribs = 1.0 + 0.10 * torch.cos(torch.atan2(c.p, c.q + 1.6) * 55.0)
    wool = hsv(dice.uniform("wool hue"), dice.uniform("wool colour", 0.1, 0.7), dice.uniform("wool light", 0.25, 0.85))
    return mix(picture, wool * (band * ribs * (0.55 + 0.5 * c.light))[:, None], cover)


def paint_glasses(picture: Tensor, g: Genes, dice: Dice, c: Stand) -> Tensor:
    worn = g.glasses * dice.chance("glasses on", 0.85)
    x, y = c.p.abs() - g.apart - 0.01, (c.q - g.eye_at - 0.02) * 1.12
    ring = torch.lerp(torch.hypot(x, y), torch.maximum(x.abs(), y.abs()), 0.75 * g.lens_square)
    rim = ramp(0.016, -0.010, (ring - g.lens).abs() - g.frame_thick)
    bridge = ramp(0.014, -0.010, (c.q - g.eye_at + 0.03 - 0.6 * c.p.square()).abs() - g.frame_thick * 0.8)
    bridge = bridge * ramp(0.02, -0.02, c.p.abs() - (g.apart - g.lens))
    arm = ramp(0.014, -0.010, (c.q - g.eye_at + 0.04).abs() - g.frame_thick * 0.8) * ramp(
        -0.02, 0.02, c.p.abs() - g.apart - g.lens
    )
    sheen = ramp(0.02, -0.02, ring - g.lens) * (
        0.05 + 0.30 * ramp(0.06, 0.0, (c.p + c.q * 0.6 - dice.bell("sheen", 0.3)).abs())
    )
    picture = mix(picture, torch.ones(3, 1, 1), sheen * worn)
    cover = torch.maximum(torch.maximum(rim, bridge), arm) * ramp(1.06, 0.98, outline(c.u - c.lean * 0.3, c.v, g, 0.02))
    return mix(picture, g.frame * (0.7 + 0.4 * c.light)[:, None], cover * worn)
