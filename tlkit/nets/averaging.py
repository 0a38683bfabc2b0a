"""Between two networks: every weight on the straight line from one to the other."""

import copy

import torch

from tlkit import checks
from tlkit.nets.backbone import Backbone

__all__ = ["average_weights"]


@torch.no_grad()
def average_weights(before: Backbone, after: Backbone, share: float = 0.5) -> Backbone:
    """A network between two of the same kind, weight by weight (WiSE-FT, Wortsman et al. 2022).

    Made for one network before and after fine-tuning. Two that began at different random weights have nothing in
    common, and halfway between them is noise. It costs nothing: no training, and one network to run.

    BatchNorm's statistics are averaged like the weights. They are those of neither network then, nor quite those of
    the average; but measured again on the few pictures of a target they serve worse under a shift (lesson 14).

    Parameters
    ----------
    before, after : Backbone
        Neither is changed.
    share : float
        Of the second: 0 gives the first network, 1 the second.

    Returns
    -------
    Backbone
        In evaluation mode, on the device of the second.

    Raises
    ------
    ValueError, TypeError
        For networks whose weights do not match, or a share out of range.
    """
    checks.instance("before", before, Backbone)
    checks.instance("after", after, Backbone)
    checks.number("share", share, 0.0, 1.0)
    first, second = before.state_dict(), after.state_dict()
    odd = [name for name in {**first, **second} if not _fit(first.get(name), second.get(name))]
    if odd:
        raise ValueError(
            f"{before.name} and {after.name} cannot be averaged: {odd[0]} does not match.\n"
            "Take a network before and after fine-tuning, with heads for the same classes."
        )
    network = copy.deepcopy(after)
    whole = {name: value for name, value in second.items() if not value.is_floating_point()}  # counts of batches
    between = {
        name: torch.lerp(first[name].to(value.device), value, float(share))
        for name, value in second.items()
        if name not in whole
    }
    network.load_state_dict(between | whole)
    return network.eval()


def _fit(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    return one is not None and other is not None and one.shape == other.shape and one.dtype == other.dtype
