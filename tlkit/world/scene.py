"""What every picture of the offline world shares: coordinates, noise, backgrounds, the camera.

Conventions: a *field* is a float32 tensor ``(n, h, w)``, one plane a picture; a *picture* is
float32 ``(n, 3, h, w)`` with values around 0..1; a *gene* or a draw is ``(n, 1, 1)`` and a colour
is ``(n, 3, 1, 1)``. x grows to the right and y grows downwards, both from -1 to 1 across the
image, so that nothing depends on the resolution. Edges are soft ramps: a rounding error in the
last bit then moves a pixel by far less than one grey level, on any machine.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from tlkit.world.chance import Dice

__all__: list[str] = []


def grid(size: int) -> tuple[Tensor, Tensor]:
    """The x and y of every pixel centre, each ``(1, size, size)``."""
    line = (torch.arange(size, dtype=torch.float32) + 0.5) * (2.0 / size) - 1.0
    return line.expand(size, size)[None], line[:, None].expand(size, size)[None]


def ramp(low: Tensor | float, high: Tensor | float, value: Tensor) -> Tensor:
    """0 up to ``low``, 1 from ``high`` on, smooth in between (falls when ``low > high``)."""
    t = ((value - low) * (1.0 / (high - low))).clamp_(0.0, 1.0)
    return torch.rsub(t, 3.0, alpha=2.0).mul_(t).mul_(t)


def mix(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """``share`` 0 gives ``first``, 1 gives ``second``; a field blends pictures and colours."""
    if share.dim() == 3:
        share = share[:, None]
    return torch.lerp(first, second, share)


def hsv(hue: Tensor, saturation: Tensor | float, value: Tensor | float) -> Tensor:
    """Colours from hue (turns), saturation and value: ``(n, 1, 1)`` in, ``(n, 3, 1, 1)`` out."""
    channel = torch.tensor([0.0, 2.0, 1.0])[:, None, None] / 3.0
    wheel = ((hue[:, None] + channel) % 1.0 * 6.0 - 3.0).abs().sub(1.0).clamp(0.0, 1.0)
    saturation = torch.as_tensor(saturation).expand_as(hue)[:, None]
    return torch.as_tensor(value).expand_as(hue)[:, None] * (1.0 + saturation * (wheel - 1.0))


@lru_cache(maxsize=64)
def _spline(size: int, cells: int) -> Tensor:
    """The cubic B-spline that carries ``cells`` lattice values to ``size`` pixels, (size, cells)."""
    at = (torch.arange(size, dtype=torch.float64) + 0.5) / size * (cells - 3) + 1.0
    distance = (at[:, None] - torch.arange(cells, dtype=torch.float64)[None, :]).abs()
    near = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    far = (2.0 - distance).clamp(min=0.0) ** 3 / 6.0
    return torch.where(distance < 1.0, near, far).to(torch.float32)


@lru_cache(maxsize=64)
def _gauss(size: int, sigma: float) -> Tensor:
    """A Gaussian blur along one axis as a matrix (size, size); sigma as a share of the width."""
    at = torch.arange(size, dtype=torch.float64)
    weight = torch.exp(-0.5 * ((at[:, None] - at[None, :]) / (sigma * size)) ** 2)
    weight = torch.where(weight > 1e-6, weight, 0.0)  # subnormal numbers are slow to multiply
    return (weight / weight.sum(1, keepdim=True)).to(torch.float32)


def clouds(dice: Dice, name: str, size: int, cells: int, planes: int = 1) -> Tensor:
    """Smooth noise around 0.5, mostly in 0..1, with about ``cells`` bumps across: ``(n, planes, size, size)``."""
    spline = _spline(size, cells + 3)
    field = spline @ dice.table(name, planes, cells + 3, cells + 3) @ spline.T
    # A spline averages its lattice; stretch the middle back to the full range.
    return (field - 0.5) * 1.6 + 0.5


def blur(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur; ``sigma`` is a share of the image width."""
    matrix = _gauss(picture.shape[-1], sigma)
    return matrix @ picture @ matrix.T


def pose(x: Tensor, y: Tensor, dice: Dice, scale: Tensor, tilt: float = 0.5, shift: float = 0.3):
    """Coordinates of the object: moved, turned, tilted away from the camera, and scaled."""
    x = x - dice.bell("shift x", shift * 0.6)
    y = y - dice.bell("shift y", shift * 0.6)
    lean = dice.uniform("lean to", 0.0, math.pi)
    short = 1.0 / (1.0 - dice.uniform("tilt", 0.0, 1.0) ** 2 * tilt)
    along, across = turn(x, y, lean)
    turned = turn(along, across * short, dice.uniform("turn", 0.0, 2.0 * math.pi))
    return turned[0] / scale, turned[1] / scale


def turn(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate coordinates by ``angle`` radians."""
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return x * cosine + y * sine, y * cosine - x * sine


def dots(across: Tensor, along: Tensor, count: Tensor | float) -> Tensor:
    """Round dots on a lattice, as a field 0..1."""
    return ramp(0.35, 0.75, torch.cos(across * count) * torch.cos(along * count))


def blade(t: Tensor, widest: Tensor, tip: Tensor) -> Tensor:
    """Half-width of a leaf or petal at ``t`` in 0 (base) .. 1 (tip), 1 at ``t = widest``.

    A small ``tip`` gives a round end, a large one a pointed end: a beta curve.
    """
    t = t.clamp(1e-4, 1.0 - 1e-4)
    rise = tip * widest / (1.0 - widest)
    peak = rise * torch.log(widest) + tip * torch.log(1.0 - widest)
    return torch.exp(rise * torch.log(t) + tip * torch.log(1.0 - t) - peak)


# ---------------------------------------------------------------------------- backgrounds


def _ground(dice: Dice, size: int, dark: Tensor, light: Tensor) -> Tensor:
    coarse = clouds(dice, "ground coarse", size, 4)[:, 0]
    fine = clouds(dice, "ground fine", size, 13)[:, 0]
    return mix(dark, light, ((coarse - 0.5) * 1.1 + (fine - 0.5) * 0.7 + 0.5).clamp(0.0, 1.0))


def undergrowth(dice: Dice, size: int) -> Tensor:
    """A meadow out of focus: shade, blades of grass, specks of light."""
    # Nothing in it is sharp, so half the resolution shows it all at a quarter of the price.
    x, y = grid(size // 2)
    hue = dice.uniform("meadow hue", 0.16, 0.40)
    picture = _ground(
        dice,
        size // 2,
        hsv(hue + 0.05, 0.75, dice.uniform("shade", 0.06, 0.20)),
        hsv(hue - 0.04, 0.60, dice.uniform("grass light", 0.40, 0.70)),
    )
    blades = torch.zeros(1)
    for name in ("blade a", "blade b", "blade c"):
        along, across = turn(x, y, dice.uniform(name, 0.0, math.pi))
        across = across - dice.bell(name + " at", 0.5) + along * along * dice.bell(name + " bend", 0.2)
        blades = torch.maximum(blades, ramp(0.12, 0.0, across.abs()) * dice.uniform(name + " light", 0.0, 0.6))
    picture = mix(picture, hsv(hue - 0.02, 0.55, 0.75), blades)
    for name in ("speck a", "speck b"):
        away = torch.hypot(x - dice.uniform(name + " x", -1.0, 1.0), y - dice.uniform(name + " y", -1.0, 1.0))
        glow = ramp(dice.uniform(name + " size", 0.12, 0.35), 0.05, away) * dice.uniform(name, 0.0, 0.5)
        picture = mix(picture, hsv(dice.uniform(name + " hue"), 0.35, 0.95), glow)
    return torch.nn.functional.interpolate(picture, size=(size, size), mode="bilinear")


def sand(dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    """A beach or the sea floor: grains and ripples."""
    hue = torch.where(
        dice.chance("water", 0.35) > 0, dice.uniform("sea hue", 0.48, 0.58), dice.uniform("sand hue", 0.06, 0.13)
    )
    picture = _ground(
        dice,
        x.shape[-1],
        hsv(hue, 0.45, dice.uniform("wet", 0.30, 0.50)),
        hsv(hue, 0.25, dice.uniform("dry", 0.65, 0.95)),
    )
    along, across = turn(x, y, dice.uniform("ripple turn", 0.0, math.pi))
    wave = torch.cos(across * dice.uniform("ripple count", 6.0, 16.0) + torch.sin(along * 3.0) * 0.8)
    return picture * (1.0 + wave[:, None] * dice.uniform("ripple", 0.0, 0.12)[:, None])


def table_top(dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    """A table: cloth or wood, with the grain running one way."""
    hue = dice.uniform("table hue")
    picture = _ground(
        dice,
        x.shape[-1],
        hsv(hue, 0.40, dice.uniform("table dark", 0.20, 0.45)),
        hsv(hue + 0.04, 0.30, dice.uniform("table light", 0.45, 0.90)),
    )
    along, across = turn(x, y, dice.uniform("grain turn", 0.0, math.pi))
    fibre = torch.cos(across * dice.uniform("grain count", 18.0, 45.0) + torch.sin(along * 2.5) * 1.5)
    return picture * (1.0 + fibre[:, None] * 0.08)


def paper(dice: Dice, x: Tensor, y: Tensor) -> Tensor:
    """A herbarium sheet: warm paper with stains, a paper strip and a label with some writing."""
    hue = dice.uniform("paper hue", 0.08, 0.14)
    picture = _ground(
        dice,
        x.shape[-1],
        hsv(hue, dice.uniform("stain", 0.20, 0.40), 0.74),
        hsv(hue, 0.14, dice.uniform("paper light", 0.86, 0.97)),
    )
    side = torch.where(dice.chance("label side", 0.5) > 0, 1.0, -1.0)
    lx, ly = (x * side - 0.62) / 0.30, (y - 0.72) / 0.17
    label = ramp(1.05, 0.95, torch.maximum(lx.abs(), ly.abs()))
    lines = ramp(0.3, 0.8, torch.cos(ly * 8.0)) * ramp(0.85, 0.7, lx.abs()) * 0.45
    picture = mix(picture, hsv(hue, 0.05, 0.97), label * 0.9)
    return mix(picture, hsv(hue - 0.05, 0.3, 0.30), label * lines)


# ---------------------------------------------------------------------------- the camera


def cast_shadow(picture: Tensor, alpha: Tensor, dice: Dice, depth: float = 0.5) -> Tensor:
    """Darken the ground to the lower right of an object."""
    size = alpha.shape[-1]
    step = max(1, round(size * 0.04))
    moved = torch.nn.functional.pad(alpha, (step, 0, step, 0))[..., :size, :size]
    shade = blur(moved, 0.035)
    return picture * (1.0 - depth * dice.uniform("sun", 0.3, 1.0) * shade)[:, None]


def occlude(picture: Tensor, dice: Dice, x: Tensor, y: Tensor, probability: float) -> Tensor:
    """Sometimes a blade of grass, close to the lens, lies across the picture."""
    along, across = turn(x, y, dice.uniform("blade turn", 0.0, math.pi))
    across = across - dice.bell("blade at", 0.45) + along * along * dice.bell("blade bend", 0.25)
    cover = ramp(dice.uniform("blade width", 0.06, 0.20), 0.02, across.abs())
    colour = hsv(dice.uniform("blade hue", 0.18, 0.36), 0.6, dice.uniform("blade light", 0.25, 0.7))
    shade = 0.85 + 0.3 * across[:, None]
    return mix(picture, colour * shade, cover * dice.chance("blade there", probability) * 0.95)


def camera(
    picture: Tensor,
    dice: Dice,
    colour_cast: float = 0.16,
    exposure: float = 0.3,
    softness: float = 0.9,
    grain: float = 0.035,
) -> Tensor:
    """Light, white balance, contrast, focus and grain; returns uint8 ``(n, 3, h, w)``."""
    cast = 1.0 + colour_cast * (dice.table("white balance", 3, 1, 1) * 2.0 - 1.0)
    gain = torch.exp2(dice.bell("exposure", exposure))
    slope = torch.exp2(dice.bell("contrast", 0.22))
    size = picture.shape[-1]
    x, y = grid(size)
    falling = 1.0 + dice.bell("light x", 0.12) * x + dice.bell("light y", 0.12) * y
    picture = (picture * cast * (gain * falling)[:, None] - 0.42) * slope[:, None] + 0.42
    picture = mix(picture, blur(picture, 0.022), dice.uniform("focus", 0.0, softness))
    noise = dice.table("grain", size, size) - 0.5
    picture = picture + (noise * (dice.uniform("grain size", 0.2, 1.0) * grain * 3.4))[:, None]
    # Roll the highlights off, as film and eyes do, in place of a hard clip.
    picture = picture.clamp(max=0.8) + 0.2 * torch.tanh((picture - 0.8).clamp_(min=0.0) * 5.0)
    return picture.clamp_(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
