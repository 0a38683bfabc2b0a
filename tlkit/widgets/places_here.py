"""A place of the map on this machine: what a run of it lacks, its pictures, and the run.

PyTorch is loaded by who runs something, and not by who only looks at the map.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlkit.study.places import world_of
from tlkit.widgets.tiles import is_here

if TYPE_CHECKING:
    from tlkit.data.splits import Split
    from tlkit.transfer.results import Result

__all__: list[str] = []

_PORTION = 20  # images per class


@dataclass(frozen=True)
class PlaceHere:
    """One place of one network's map, to run again here and now."""

    network: str
    dataset: str
    per_class: int
    image_size: int | None = None

    def __str__(self) -> str:
        if world_of(self.dataset) == "photos":
            return f"{self.dataset}, {self.per_class} images per class, with {self.network}"
        return f"{self.dataset}, {self.per_class} images per class"

    def lacks(self) -> str:
        """What is not on this machine, and how to get it; empty if a run can begin.

        How a file of weights is called only PyTorch's own loader knows: until it is loaded, none is missed.
        """
        missing = [] if is_here(self.dataset) else [self.dataset]
        if "torch" in sys.modules and not _weights_are_here(self.network):
            missing.append(self.network)
        if not missing:
            return ""
        fetch = f"python -m tlkit fetch {' '.join(missing)}"
        if len(missing) == 1:
            return f"{missing[0]} is not here yet. Once, with network: {fetch}"
        return f"{missing[0]} and {missing[1]} are not here yet. Once, with network: {fetch}"

    def draws(self, seed: int) -> list[Callable[[], Split]]:
        """What gets the pictures of a draw; in portions where they are drawn, to stop in between."""
        from tlkit.study.survey import split_at

        drawn = world_of(self.dataset) == "drawn"
        portions = [*range(1, self.per_class, _PORTION), self.per_class] if drawn else [self.per_class]
        return [lambda count=count: split_at(self.dataset, count, seed, self.image_size) for count in portions]

    def run(self, way: str, seed: int = 0, **settings: object) -> Result:
        """Train a way on a draw.

        Raises
        ------
        ValueError
            If something is not on this machine, which may be known only now that PyTorch is loaded.
        """
        from tlkit.study.survey import recompute

        if lacks := self.lacks():
            raise ValueError(lacks)
        about = {"backbone": self.network, "image_size": self.image_size}
        return recompute(self.dataset, self.per_class, way, seed, **about, **settings)


def _weights_are_here(network: str) -> bool:
    from tlkit.nets.backbones import weights_are_here

    return weights_are_here(network)
