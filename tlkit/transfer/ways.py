"""The ways from a pretrained backbone to a classifier, behind one interface.

Every way takes ``(split, backbone, seed, ...)`` and returns a ``Result``. The backbone is a name that
``load_backbone`` takes, or a ``Backbone`` of yours, which is copied and stays as it is. Validation
chooses what there is to choose; the test set stays closed until ``result.open_test()``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlkit.transfer.results import Result

__all__ = ["CHOICES", "WAYS", "Way"]


@dataclass(frozen=True)
class Way:
    """One way to transfer: call it as its function, which is fetched with all that it needs at the first call.

    So what was measured can be shown without PyTorch.

    Attributes
    ----------
    name : str
    home : str
        The module of ``tlkit.transfer`` that has the function, and its name.
    trains : bool
        Whether a network is trained, epoch by epoch, so that there is something to watch.
    pretrained : bool
        Whether it starts from pretrained weights.
    control : bool
        Whether it is nobody's choice: measured beside the others, perhaps not everywhere, to tell why they win.
    """

    name: str
    home: str
    trains: bool
    pretrained: bool = True
    control: bool = False

    @property
    def run(self) -> Callable[..., Result]:
        """Its function, from a split, a backbone, a seed and settings to a Result."""
        module, name = self.home.split(".")
        return getattr(importlib.import_module(f"tlkit.transfer.{module}"), name)

    def __call__(self, *arguments: object, **settings: object) -> Result:
        return self.run(*arguments, **settings)


WAYS: Mapping[str, Way] = {
    way.name: way
    for way in (
        Way("probe", "probe_ways.linear_probe", trains=False),
        Way("earlier stage", "probe_ways.earlier_stage", trains=False),
        Way("all stages", "probe_ways.all_stages", trains=False),
        Way("fine-tuning", "network_ways.two_phase", trains=True),
        Way("pretrained start", "network_ways.pretrained_start", trains=True),
        Way("scaled start", "network_ways.scaled_start", trains=True, pretrained=False, control=True),
        Way("scratch", "network_ways.from_scratch", trains=True, pretrained=False),
    )
}
# What a map lets one choose from: of these it says which are missing, which wins, what is advised.
CHOICES: Mapping[str, Way] = {name: way for name, way in WAYS.items() if not way.control}
# Names in two lines, for where there is little room; another language may say less there.
TWO_LINES = {
    "earlier stage": "earlier\nstage",
    "all stages": "all\nstages",
    "pretrained start": "pretrained\nstart",
    "scaled start": "scaled\nstart",
}
