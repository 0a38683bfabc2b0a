"""Features: what a stage of a backbone says about each picture, computed once and kept."""

import hashlib
import sys

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from tlkit import backbones, checks
from tlkit.backbones import Backbone, pick_device
from tlkit.cache import cached, digest, source_digest

__all__ = ["extract_features"]


def extract_features(
    backbone: Backbone,
    images: Tensor,
    stage: str | None = None,
    relu: bool = True,
    grid: int | None = 1,
    batch_size: int = 32,
    device: str = "auto",
) -> np.ndarray:
    """The activations of one stage, a row for each picture.

    The default stage gives the CNN codes: the ReLU'd activations of the last hidden stage
    (Razavian et al. 2014; Donahue et al. 2014). The network is frozen, so a row depends only on
    the weights, the stage and the picture: it is computed once and read from the cache after.

    Parameters
    ----------
    backbone : Backbone
        Moved to ``device``, where it stays.
    images : uint8 tensor (n, 3, h, w), values 0 to 255
    stage : str, optional
        One of ``backbone.stage_names``.
    relu : bool
        False leaves out the ReLU that ends the stage (lesson 02 shows the difference).
    grid : int or None
        A convolutional stage is averaged to at most ``grid x grid`` places before it is
        flattened. The default forgets where something was and keeps how much of it there was;
        None keeps every place.
    batch_size : int
    device : str
        ``"auto"`` (CUDA, then MPS, then CPU) or a torch device.

    Returns
    -------
    float32 array (n, d)

    Raises
    ------
    ValueError, TypeError
        For an unknown stage, or images of another shape or dtype.
    """
    stage = checks.choose("stage", stage or backbone.code_stage, backbone.stages)
    checks.images(images, backbone.smallest)
    checks.count("batch_size", batch_size, 1)
    if grid is not None:
        checks.count("grid", grid, 1)
    where = pick_device(device)
    backbone.to(where)
    state = hashlib.blake2b(digest_size=16)
    for name, tensor in backbone.state_dict().items():
        state.update(f"{name}{digest(tensor)}".encode())
    code = source_digest(backbones, sys.modules[__name__])
    recipe = f"{code}/{state.hexdigest()}/{stage}/{relu}/{grid}/{where.type}/{digest(images)}"
    key = f"{backbone.name}-{stage}-{hashlib.blake2b(recipe.encode(), digest_size=12).hexdigest()}"

    def compute() -> dict[str, Tensor]:
        return {"features": _run(backbone, images, stage, relu, grid, batch_size)}

    return cached("features", key, compute)["features"].numpy()


@torch.inference_mode()
def _run(backbone: Backbone, images: Tensor, stage: str, relu: bool, grid: int | None, batch_size: int) -> Tensor:
    was_training = backbone.training
    backbone.eval()  # BatchNorm with its stored statistics: a row must not depend on its batch
    rows = []
    try:
        for batch in tqdm(images.split(batch_size), desc=f"{stage} features", unit="batch", leave=False, delay=1):
            out = backbone.activations(batch, stage, relu)
            if out.dim() == 4 and grid is not None and out.shape[-1] > grid:
                out = nn.functional.adaptive_avg_pool2d(out, grid)
            rows.append(out.flatten(1).cpu())
    finally:
        backbone.train(was_training)
    return torch.cat(rows)
