"""The five ways from a pretrained backbone to a classifier, behind one interface.

Every way takes ``(split, backbone, seed, ...)`` and returns a ``Result``. The backbone is a name that
``load_backbone`` takes, or a ``Backbone`` of yours, which is copied and stays as it is. Validation
chooses what there is to choose; the test set stays closed until ``result.open_test()``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tlkit.transfer.network_ways import from_scratch, pretrained_start, two_phase
from tlkit.transfer.probe_ways import earlier_stage, linear_probe
from tlkit.transfer.results import Result

__all__ = ["WAYS", "Way"]


@dataclass(frozen=True)
class Way:
    """One way to transfer: call it as its function.

    Attributes
    ----------
    name : str
    run : function from a split, a backbone, a seed and settings to a Result
    trains : bool
        Whether a network is trained, epoch by epoch, so that there is something to watch.
    pretrained : bool
        Whether it starts from pretrained weights.
    """

    name: str
    run: Callable[..., Result]
    trains: bool
    pretrained: bool = True

    def __call__(self, *arguments: object, **settings: object) -> Result:
        return self.run(*arguments, **settings)


WAYS: Mapping[str, Way] = {
    way.name: way
    for way in (
        Way("probe", linear_probe, trains=False),
        Way("earlier stage", earlier_stage, trains=False),
        Way("fine-tuning", two_phase, trains=True),
        Way("pretrained start", pretrained_start, trains=True),
        Way("scratch", from_scratch, trains=True, pretrained=False),
    )
}
