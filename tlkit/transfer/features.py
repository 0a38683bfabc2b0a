"""Features: what a stage of a backbone says about each picture, computed once and kept."""

import hashlib
import re
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.disk.cache import digest
from tlkit.disk.tables import digest_rows, let_go, table
from tlkit.nets.backbone import Backbone
from tlkit.nets.devices import autocast, batch_size_for, pick_precision

__all__ = ["extract_features", "receptive_field", "top_patches"]

FEATURES = 1  # raised when any feature changes by more than rounding: those computed before are not used then
BESIDE = "+"  # between the names of stages whose features stand side by side; no stage has it in its name
_LARGEST_PATCH = 1024  # pixels


def extract_features(
    backbone: Backbone,
    images: Tensor,
    stage: str | None = None,
    relu: bool = True,
    grid: int | None = 1,
    batch_size: int | None = None,
    precision: str = "auto",
) -> np.ndarray:
    """The activations of one stage, a row for each picture.

    The default stage gives the CNN codes, as the CS231n notes define them: the ReLU'd activations
    of the last hidden stage. The network is frozen, so a row depends only on the weights, the stage
    and the picture: it is computed once and read from the cache after. An interrupted call goes on
    where it stopped, and memory does not grow with the number of pictures.

    Parameters
    ----------
    backbone : Backbone
        It computes where it lies (``backbone.device``).
    images : uint8 tensor (n, 3, h, w), values 0 to 255
    stage : str, optional
        One of ``backbone.stage_names``.
    relu : bool
        False leaves out the ReLU that ends the stage (lesson 02 shows the difference).
    grid : int or None
        A convolutional stage is averaged to at most ``grid x grid`` places before it is
        flattened. The default forgets where something was and keeps how much of it there was;
        None keeps every place.
    batch_size : int, optional
        Pictures that go through the network together; by default what suits the device.
    precision : str
        In which numbers the network multiplies. ``"auto"`` takes 16 bits where the hardware is fast
        at it, which moves a feature by about a hundredth of its size; ``"float32"`` is exact.

    Returns
    -------
    float32 array (n, d)
        Mapped from the cache.

    Raises
    ------
    ValueError, TypeError
        For an unknown stage or precision, or images of another shape or dtype.
    """
    checks.instance("backbone", backbone, Backbone)
    checks.flag(relu=relu)
    stage = backbone.code_stage if stage is None else stage
    return sweep_features(backbone, images, [stage], relu, grid, batch_size, precision)[0][stage]


def sweep_features(
    backbone: Backbone,
    images: Tensor,
    stages: Sequence[str] | None = None,
    relu: bool = True,
    grid: int | None = 1,
    batch_size: int | None = None,
    precision: str = "auto",
    keep: bool = True,
) -> tuple[dict[str, np.ndarray], float]:
    """The features of several stages (default: all) from one run through the network.

    With ``keep=False`` the cache is neither read nor written: for pictures that are seen once.

    Returns
    -------
    features : dict from stage to float32 array (n, d)
    seconds : what the run took when it was made; reading it from the cache takes less
    """
    stages = [checks.choose("stage", stage, backbone.stages) for stage in stages or backbone.stage_names]
    checks.images(images, backbone.smallest)
    dtype = pick_precision(backbone.device, precision)
    if batch_size is None:
        batch_size = batch_size_for(backbone.device, *images.shape[2:])
    checks.count("batch_size", batch_size, 1)
    if grid is not None:
        checks.count("grid", grid, 1)

    def make(start: int, stop: int, done: Callable[[int], object]) -> dict[str, Tensor]:
        with autocast(backbone.device, dtype):
            rows = _run(backbone, images[start:stop], stages, relu, grid, batch_size, done)
        let_go(images)
        return rows

    if not keep:
        return _now(make, len(images), stages)
    state = _state(backbone, images[:1], stages, relu, grid)
    depends_on = f"{FEATURES}/{state}/{stages}/{relu}/{grid}/{backbone.device.type}/{dtype}/{digest_rows(images)}"
    first = stages[0] if len(stages) == 1 else f"{len(stages)}-stages"
    key = f"{backbone.name}-{first}-{hashlib.blake2b(depends_on.encode(), digest_size=12).hexdigest()}"
    what = f"{stages[0]} features" if len(stages) == 1 else f"features of {len(stages)} stages"
    try:
        columns, seconds = table("features", key, len(images), make, what)
    except OSError as error:
        why = str(error).partition("\n")[0]
        warnings.warn(f"Could not keep the {what} in the cache ({why}); going on without.", stacklevel=2)
        return _now(make, len(images), stages)
    return {stage: columns[stage].numpy() for stage in stages}, seconds


def read_stages(
    backbone: Backbone, images: Tensor, stages: Sequence[str], keep: bool = True
) -> tuple[dict[str, np.ndarray], float]:
    """As ``sweep_features``, where a name such as ``"conv1+conv2"`` is the features of both, side by side."""
    single = dict.fromkeys(name for stage in stages for name in stage.split(BESIDE))
    features, seconds = sweep_features(backbone, images, list(single), keep=keep)
    parts = {stage: [features[name] for name in stage.split(BESIDE)] for stage in stages}
    return {stage: rows[0] if len(rows) == 1 else np.hstack(rows) for stage, rows in parts.items()}, seconds


def _state(backbone: Backbone, image: Tensor, stages: list[str], relu: bool, grid: int | None) -> str:
    """A fingerprint of what the stages do: their weights, their layers and, if somebody else made them, an output."""
    total = hashlib.blake2b(digest_size=16)
    for name, tensor in backbone.state_dict().items():
        total.update(f"{name}{digest(tensor)}".encode())
    total.update(_definition(backbone.stages).encode())
    if backbone.own:  # its weights do not say what it does with them, but what it makes of a picture does
        total.update(digest(*_run(backbone, image, stages, relu, grid, 1, lambda _: None).values()).encode())
    return total.hexdigest()


def _definition(stages: nn.ModuleDict) -> str:
    """What stages do beside their weights: every layer with its settings, and the code of those that torch has not."""
    kinds = {type(layer) for layer in stages.modules()}
    own = [kind for kind in kinds if kind.__module__.partition(".")[0] not in ("torch", "torchvision")]
    codes = [code for kind in own if (code := getattr(kind.forward, "__code__", None))]
    said = sorted(f"{code.co_code.hex()}{code.co_names}{code.co_consts}" for code in codes)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", f"{stages}{said}")


def _now(make: Callable, count: int, stages: Sequence[str]) -> tuple[dict[str, np.ndarray], float]:
    start = time.perf_counter()
    columns = make(0, count, lambda _: None)
    return {stage: columns[stage].numpy() for stage in stages}, time.perf_counter() - start


@torch.inference_mode()
def _run(
    backbone: Backbone,
    images: Tensor,
    stages: list[str],
    relu: bool,
    grid: int | None,
    batch_size: int,
    done: Callable[[int], object],
) -> dict[str, Tensor]:
    was_training = backbone.training
    backbone.eval()  # BatchNorm with its stored statistics: a row must not depend on its batch
    rows: dict[str, list[Tensor]] = {stage: [] for stage in stages}
    try:
        for batch in images.split(batch_size):
            for stage, out in backbone.sweep(batch, stages, relu):
                if out.dim() == 4 and grid is not None and out.shape[-1] > grid:
                    out = nn.functional.adaptive_avg_pool2d(out.float(), grid)
                elif out.dim() == 3:  # the tokens of a transformer
                    out = out.float().mean(1)
                rows[stage].append(out.flatten(1).float())
            done(len(batch))
    finally:
        backbone.train(was_training)
    # Moved at the end of a chunk: a GPU need not wait after each batch.
    return {stage: torch.cat(parts).cpu() for stage, parts in rows.items()}


def receptive_field(backbone: Backbone, stage: str) -> tuple[int, int]:
    """How far a convolutional stage looks, and how far apart its places lie, both in pixels.

    Raises
    ------
    ValueError
        For a stage that is fully connected: it sees the whole picture.
    """
    checks.choose("stage", stage, checks.instance("backbone", backbone, Backbone).stages)
    sees, pace = 1, 1
    for name in backbone.stage_names[: backbone.stage_names.index(stage) + 1]:
        for layer in backbone.stages[name]:
            if isinstance(layer, nn.Linear):
                raise ValueError(f"{stage} is fully connected: it sees the whole picture. Take a convolutional stage.")
            if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
                size = layer.kernel_size[0] if isinstance(layer, nn.Conv2d) else layer.kernel_size
                sees += (size - 1) * pace
                pace *= layer.stride[0] if isinstance(layer, nn.Conv2d) else layer.stride
    return sees, pace


def top_patches(
    backbone: Backbone, images: Tensor, stage: str, channel: int, count: int = 9, size: int = 64
) -> tuple[Tensor, Tensor]:
    """The patches that make one channel of a convolutional stage fire most, at most one a picture.

    After Zeiler and Fergus (2014). Lesson 01 looks at them.

    Returns
    -------
    patches : uint8 tensor (count, 3, size, size)
        As large as what the channel sees, enlarged; the strongest first.
    rows : int64 tensor (count,)
        The pictures they were cut from.

    Raises
    ------
    ValueError
        For a fully connected stage, or a channel that it does not have.
    """
    sees, pace = receptive_field(backbone, stage)
    checks.images(images, backbone.smallest)
    count, size = checks.count("count", count, 1, len(images)), checks.count("size", size, 1, _LARGEST_PATCH)
    checks.count("channel", channel, 0)
    with torch.inference_mode():
        maps = torch.cat([_channel(backbone, batch, stage, channel) for batch in images.split(32)])
    strength, place = maps.flatten(1).max(1)
    rows = strength.argsort(descending=True)[:count]
    height, width = images.shape[-2:]
    side = min(sees, height, width)
    patches = []
    for row in rows.tolist():
        # The middle of what a place sees lies half a pace into its cell.
        middle = [int(k * pace + pace / 2) for k in divmod(int(place[row]), maps.shape[-1])]
        top, left = (max(0, min(m - side // 2, whole - side)) for m, whole in zip(middle, (height, width)))
        patch = images[row : row + 1, :, top : top + side, left : left + side].float()
        patches.append(nn.functional.interpolate(patch, size=size, mode="nearest").round().to(torch.uint8))
    return torch.cat(patches), rows


def _channel(backbone: Backbone, images: Tensor, stage: str, channel: int) -> Tensor:
    out = backbone.activations(images, stage)
    checks.count("channel", channel, 0, out.shape[1] - 1)
    return out[:, channel].float().cpu()
