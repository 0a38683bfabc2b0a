"""Random numbers that are the same on every machine, in every version of torch and NumPy.

Their own generators may change from one release to the next, and a stream depends on how many
numbers were drawn before. The pictures of the course must not. So every draw here is a *hash*:
of the picture's key, of the name of the quantity, and of a counter. Adding a new quantity
changes no other one, and picture 4,711 can be drawn without its predecessors.
"""

import hashlib
import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

__all__: list[str] = []

# SplitMix64 (Steele, Lea, Flood 2014): an odd step, then two rounds of shift and multiply.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


@lru_cache(maxsize=1024)
def _name_key(name: str) -> np.uint64:
    return np.uint64(derive_key(name))


def derive_key(*parts: str | int) -> int:
    """Turn any mix of words and numbers into one unsigned 64-bit key."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _scramble(words: np.ndarray) -> np.ndarray:
    """Mix the bits of every word, in place."""
    for bits, factor in _ROUNDS:
        words ^= words >> np.uint64(bits)
        words *= np.uint64(factor)
    words ^= words >> np.uint64(31)
    return words


class Dice:
    """Named uniform draws for a batch of n pictures, one key each.

    Parameters
    ----------
    keys : list of int
        Unsigned 64-bit keys; two pictures with the same key get the same draws.
    dials : dict from the name of a draw to (low, high), optional
        Draws of a range that take another one, as meadows do in another season; all others stay as they are.
    strength : float
        How far the dials are turned: 0 (not at all) to 1 (all the way).
    """

    def __init__(self, keys: list[int], dials: Mapping[str, tuple[float, float]] | None = None, strength: float = 1.0):
        self.keys = np.array(keys, dtype=np.uint64)
        self.dials = dials or {}
        self.strength = strength

    def table(self, name: str, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), float32 ``(n, *shape)``."""
        start = _scramble(self.keys ^ _name_key(name))
        counter = np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * _STEP
        words = _scramble(start[:, None] + counter)
        words >>= np.uint64(40)
        # 24 bits fit a float32 exactly, so the scaling rounds nowhere.
        values = words.astype(np.float32) * np.float32(2.0**-24)
        return torch.from_numpy(values).view(-1, *shape)

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        """One number a picture between ``low`` and ``high``, float32 ``(n, 1, 1)``."""
        if name in self.dials:
            to_low, to_high = self.dials[name]
            low, high = low + self.strength * (to_low - low), high + self.strength * (to_high - high)
        return self.table(name, 1, 1) * (high - low) + low

    def bell(self, name: str, spread: float = 1.0) -> Tensor:
        """One number a picture from a bell around 0 with standard deviation ``spread``."""
        # Three uniforms are close enough to a Gaussian, and their tails end: no freak pictures.
        return (self.table(name, 3, 1, 1).sum(1) - 1.5) * (2.0 * spread)

    def chance(self, name: str, probability: float) -> Tensor:
        """1.0 with the given probability, else 0.0, float32 ``(n, 1, 1)``."""
        return (self.uniform(name) < probability).to(torch.float32)


def near(genus: Dice, species: Dice, name: str, low: float, high: float, spread: float) -> Tensor:
    """A gene that siblings share up to ``spread`` (a share of the range low..high)."""
    middle = genus.uniform(name, low, high)
    own = species.uniform(name, -1.0, 1.0) * spread * (high - low)
    return (middle + own).clamp(low, high)
