"""What an argument can be, and a dozen values that it can not: for the walk through every public function.

A kind names those of ``COMMON`` that it takes; every other one must be refused, and so must those of its own.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import tlkit

HUGE = 10**12
COMMON = {
    "None": None,
    "7": 7,
    "-1": -1,
    "2.5": 2.5,
    "nan": math.nan,
    "inf": math.inf,
    "''": "",
    "nosuch": "nosuch",
    "[]": [],
    "object": object(),
    "Linear": nn.Linear(2, 2),
    "True": True,
    "array": np.zeros((2, 2, 2)),
    "huge": HUGE,
    "NUL": "a\0b",
}
_NUMBERS = "7 -1 2.5 huge"


@dataclass
class Kind:
    """What an argument is: which of ``COMMON`` it takes, what else it does not, and words that a refusal may use."""

    fine: str = ""
    more: dict = field(default_factory=dict)
    words: str = "There is no"  # the beginning of every list of names to choose from

    def wrong(self, takes_none: bool) -> dict:
        """The values to try."""
        fine = {*self.fine.split(), *(["None"] if takes_none else [])}
        return {name: value for name, value in (COMMON | self.more).items() if name not in fine}


def _tensors(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.uint8)


_PAIRS = TensorDataset(_tensors(4, 3, 32, 32), torch.arange(4))
_SETS = {"pairs": _PAIRS, "loader": DataLoader(_PAIRS), "tensor": _tensors(4, 3, 32, 32), "tuple": (1, 2)}
_BAD_LABELS = {"floats": [0.5, 1.5], "short": [0], "negative": [-1] * 16, "strange": [999] * 16, "names": ["x"] * 16}
_ODD_MAPPINGS = {"{}": {}, "{None}": {"a": None}, "{[]}": {"a": []}, "{object}": {"a": object()}, "{'x'}": {"a": "x"}}
_BOOLS = {"1": 1, "'no'": "no", "[True]": [True]}
_NO_PATHS = {"bytes": b"x", "list": ["a"], "home": "~nobody-of-that-name/x", "long": "x" * 300}

KINDS = {
    # Names, texts, switches
    "name": Kind(more={"list": ["flowers"], "FLOWERS": "FLOWERS", "bytes": b"flowers"}),
    "text": Kind("'' nosuch NUL", {"bytes": b"x", "list": ["x"]}),
    "backbone name": Kind("nosuch NUL", {"slash": "a/b", "bytes": b"a"}),
    "scheduler": Kind(),
    "flag": Kind("True", _BOOLS),
    "function": Kind("Linear"),
    "anything": Kind(" ".join(COMMON)),
    "device": Kind(more={"cuda:99": "cuda:99", "list": ["cpu"]}, words="device"),
    # Numbers
    "count": Kind("7", {"0": 0, "'3'": "3", "[1]": [1]}),
    "large count": Kind("7 huge", {"0": 0, "'3'": "3", "[1]": [1]}),
    "index": Kind("7", {"'3'": "3", "[1]": [1]}, words="unfrozen"),
    "cores": Kind("7 -1", {"0": 0, "'3'": "3"}),
    "seed": Kind("7 huge", {"'3'": "3", "[1]": [1], "2**70": 2**70}),
    "rate": Kind("7 2.5 huge", {"0": 0, "'3'": "3", "[1]": [1]}),
    "not negative": Kind("7 2.5 huge", {"'3'": "3", "[1]": [1]}),
    "degrees": Kind("7 2.5", {"181": 181, "'3'": "3"}),
    "factor": Kind(more={"0.5": 0.5, "2.1": 2.1, "'3'": "3"}),
    "share": Kind(more={"1.5": 1.5, "'3'": "3", "[1]": [1]}),
    "any number": Kind(_NUMBERS, {"'3'": "3"}),
    "pixels": Kind(more={"0": 0, "8": 8, "'64'": "64", "(64, 64)": (64, 64)}),
    "numbers": Kind(more={"[nan]": [math.nan, 0.5], "[None]": [None, 1.0], "names": ["x"] * 2}),
    "draws": Kind(more={"two": [0.5, 0.6], "[nan]": [math.nan, 0.5, 0.6], "names": ["x"] * 3}, words="interval needs"),
    "counts": Kind(more={"[0]": [0], "[2.5]": [2.5], "[None]": [None], "text": "12"}),
    "seeds": Kind(more={"[0, 0]": [0, 0], "[-1]": [-1], "[None]": [None], "many": range(HUGE)}, words="seed"),
    # Pictures, labels, sets of them
    "pictures": Kind(
        more={
            "floats": torch.rand(4, 3, 32, 32),
            "grey": _tensors(4, 1, 32, 32),
            "none": _tensors(0, 3, 32, 32),
            "one": _tensors(3, 32, 32),
            "last": _tensors(4, 32, 32, 3),
        },
        words="pictures",
    ),  # fmt: skip
    "labels": Kind(more=_BAD_LABELS, words="label"),
    "answers": Kind(more={name: bad for name, bad in _BAD_LABELS.items() if name != "short"}, words="label|flowers"),
    "groups": Kind(more={name: bad for name, bad in _BAD_LABELS.items() if name != "names"}),
    "path reader": Kind(more={"two": r"(a)(b)", "half": "([", "no group": r"nothing(\d)", "bytes": b"(x)"}),
    "targets": Kind(more={"floats": [0.5] * 16, "short": [0], "flat": np.zeros((16, 2))}, words="labels"),
    "class names": Kind(more={"[7]": [7, 8], "text": "ab", "one": ["x"]}, words="class"),
    "row names": Kind(more={"[7]": [7, 8], "text": "ab"}),
    "features": Kind(more={"flat": np.zeros(4), "names": [["x"]], "empty": np.zeros((0, 3))}, words="features|rows"),
    "split": Kind(more=_SETS | {"name": "flowers"}, words="Split"),
    "split or function": Kind("Linear", _SETS | {"name": "flowers", "another function": int}, words="Split"),
    "part": Kind(more=_SETS, words="ImageSet"),
    # Networks and results
    "network": Kind(more={"name": "minivgg", "list": ["minivgg"]}, words="Backbone"),
    "backbone": Kind(more={"list": ["minivgg"], "type": tlkit.Backbone}, words="backbone|Backbone"),
    "stage names": Kind(more={"text": "conv1", "[7]": [7]}, words="stage"),
    "names": Kind(more={"text": "flowers", "[7]": [7], "nosuch": ["nosuch"]}, words="There is no target dataset"),
    "head": Kind("Linear", {"name": "fc8"}),
    "augment": Kind(more={"dict": {"flip_horizontal": True}, "class": tlkit.Augmentation}, words="Augmentation"),
    "parameter groups": Kind(more={"[{}]": [{}], "[7]": [7], "no rate": [{"params": []}]}, words="parameter_groups"),
    "result": Kind(more={"a number": 0.9}, words="result of a way"),
    "interval": Kind("7 -1 2.5 huge", {"text": "+2 points"}, words="difference"),
    "intervals": Kind(more={"[7]": [7], "two": [1, 2]}, words="interval"),
    "map": Kind(more={"[7]": [7], "dict": {"a": 1}}, words="map"),
    "axes": Kind(more={"dict": {}}, words="Axes|figure"),
    # Paths
    "path": Kind(more=_NO_PATHS, words="path|There is no"),
    "photos": Kind(more=_NO_PATHS, words="photo"),
    "new path": Kind("nosuch", _NO_PATHS),
    # Mappings
    "ways": Kind(more={"{}": {}, "{7}": {"a": 7}, "text": "probe", "[7]": [7]}, words="way"),
    "mapping": Kind(more=_ODD_MAPPINGS | {"{7: ...}": {7: [0.1, 0.2, 0.3]}, "{nan}": {"a": [math.nan] * 3}}),
    "claims": Kind(more={"{}": {}, "{7: ...}": {7: True}, "{'no'}": {"a": "no"}, "{array}": {"a": np.ones(2)}}),
    "histories": Kind(more={key: odd for key, odd in _ODD_MAPPINGS.items() if odd}),
    "texts": Kind(more={"{7: ...}": {7: "x"}, "list": ["author"]}),
    "stages": Kind(more={"[7]": [7], "{7}": {"a": 7}, "{Linear}": {"a": nn.Linear(2, 2)}}, words="[Ss]tage"),
    "colours": Kind(more={"two": (0.5, 0.5), "names": ("a", "b", "c"), "large": (124.0, 116.0, 104.0)}),
    "Cs": Kind(more={"[0]": [0.0], "[nan]": [math.nan], "names": ["x"], "[None]": [None]}),
    "classes": Kind("7", more={"1": 1, "text": "0", "[7]": [7, 8], "one": ["0"]}, words="class"),
}
