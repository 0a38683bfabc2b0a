"""Random weights at the scale of pretrained ones: what is left of a network when its features are taken away."""

import torch
from torch import nn

from tlkit.nets.backbone import Backbone

__all__ = ["rescaled"]

# BatchNorm and InstanceNorm, and those that need no statistics.
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


@torch.no_grad()
def rescaled(network: Backbone, seed: int, keep_norms: bool = False) -> Backbone:
    """Draw the weights of all stages anew, each tensor normal with its own mean and standard deviation.

    That is the *Mean Var init* of Raghu et al. (2019): the scale of each layer stays, the features go. A layer that
    normalises (BatchNorm, say) begins anew, with scale 1, bias 0, mean 0 and variance 1, as theirs did. The head is
    left alone.

    Parameters
    ----------
    network : Backbone
        Changed in place.
    seed : int
        The same seed draws the same weights on every device.
    keep_norms : bool
        True leaves the scale, bias and statistics of the layers that normalise as they are.

    Returns
    -------
    The network itself, which knows nothing of its source any more.
    """
    draw = torch.Generator().manual_seed(seed)
    for layer in network.stages.modules():
        if isinstance(layer, _NORMS):
            if not keep_norms:
                layer.reset_parameters()
            continue
        for weights in layer.parameters(recurse=False):
            mean, spread = weights.mean().item(), weights.std(correction=0).item()
            weights.copy_(torch.empty(weights.shape).normal_(mean, spread, generator=draw))
    network.source_accuracy = None
    return network
