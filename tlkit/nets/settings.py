"""How each way trains a backbone unless told otherwise: read from the card ``weights/settings.toml``."""

import math
from dataclasses import asdict, dataclass
from functools import cache

from tlkit.course import PACKAGE
from tlkit.disk.cards import read_card

__all__: list[str] = []

CARD = PACKAGE / "weights" / "settings.toml"
BATCH = 32  # pictures a step


@dataclass(frozen=True)
class Settings:
    """What was chosen on val for a family of backbones.

    Attributes
    ----------
    full_rate : learning rate of a pretrained start and of scratch
    head_rate, backbone_factor : of fine-tuning: see ``parameter_groups``
    zero_head : whether a new head on pretrained stages starts at zero; else at random
    fixed_statistics : whether BatchNorm keeps the source's statistics while pretrained stages train
    least_steps : steps that a training from pretrained weights has at least; scratch has twice as many
    similarity_border : the similarity (``tlkit.similarity``) from which on a target is called similar
    unsure_below, unsure_above : how near to that border it may be called either
    chosen_on : where the settings of training were chosen
    """

    full_rate: float
    head_rate: float
    backbone_factor: float
    zero_head: bool
    fixed_statistics: bool
    least_steps: int
    similarity_border: float
    unsure_below: float
    unsure_above: float
    chosen_on: str

    def __str__(self) -> str:
        """Those of training, on which measured results depend."""
        return ", ".join(f"{name} {value}" for name, value in list(asdict(self).items())[:6])

    def passes(self, pictures: int, epochs: int, pretrained: bool = True) -> int:
        """How often an epoch goes through so many pictures, so that ``epochs`` of them have enough steps.

        A set of 50 pictures has one step an epoch: a dozen epochs of it are a dozen steps, in which a new head has
        hardly begun. Kolesnikov et al. (2020) count steps for the same reason.
        """
        steps = max(1, pictures // BATCH)
        wanted = self.least_steps if pretrained else 2 * self.least_steps
        return max(1, math.ceil(wanted / (steps * epochs)))


def settings_of(backbone: str) -> Settings:
    """The settings of a backbone by its name; those of ``[default]`` for one that nobody has measured."""
    tables = _tables()
    families = [name for name in tables if backbone.startswith(name)]
    return tables[max(families, key=len, default="default")]


@cache
def _tables() -> dict[str, Settings]:
    return {name: Settings(**values) for name, values in read_card(CARD).items()}
