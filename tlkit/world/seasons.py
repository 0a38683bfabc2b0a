"""Other conditions for the drawn world: which of its draws take another range, and which.

A class keeps its genes. What changes is luck: the meadow, the paper, the dose of the X-ray, the stain, the distance.
"""

__all__: list[str] = []

Dials = dict[str, tuple[float, float]]

_MEADOW: Dials = {  # reeds and fallen leaves, under a low sun
    "meadow hue": (0.03, 0.12),
    "shade": (0.20, 0.36),
    "grass light": (0.62, 0.92),
    "speck a": (0.3, 0.7),
    "speck b": (0.3, 0.7),
}
_PAPER: Dials = {"paper hue": (0.20, 0.30), "stain": (0.30, 0.50), "paper light": (0.74, 0.86)}  # another mill
_MACHINE: Dials = {"dose": (0.28, 0.45), "fog": (0.8, 1.6)}  # a weak source and an old film
_LABORATORY: Dials = {"eosin": (0.9, 1.5), "haematoxylin": (0.55, 0.95)}  # much of one stain, little of the other

SEASONS: dict[str, dict[str, Dials]] = {
    "season": {"flowers": _MEADOW, "herbarium": _PAPER, "plates": _MACHINE, "tissue": _LABORATORY},
    "far": {
        "flowers": {"size": (0.28, 0.45)},
        "herbarium": {"size": (0.46, 0.66)},
        "plates": {"size": (0.48, 0.72)},
        "tissue": {"size": (0.66, 0.82)},
    },
}
