"""What a network may be cut into, to make a backbone of it: refused in words that say how to mend it."""

from collections import Counter

from torch import nn

from tlkit import checks

__all__: list[str] = []


def check_parts(
    name: str, stages: dict[str, nn.Sequential], head: nn.Linear, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    """Raise TypeError or ValueError for parts that make no backbone, in words that say how to mend them."""
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"A backbone needs a name, a text without slashes, not {checks.shown(name)}.")
    _check_stages(stages)
    if not isinstance(head, nn.Linear):
        raise TypeError(
            f"The head must be an nn.Linear, not {type(head).__name__}. What is before it belongs to the last stage."
        )
    for what, values in (("mean", mean), ("std", std)):
        if len(checks.numbers(what, values)) != 3:
            raise ValueError(f"{what} needs three numbers, for red, green and blue, but it has {len(values)}.")
    if not all(0 < value < float("inf") for value in std):
        raise ValueError(f"std must be above 0 for each colour, but it is {tuple(std)}.")
    if not all(-1 <= value <= 1 for value in (*mean, *std)):
        raise ValueError(f"mean {tuple(mean)} and std {tuple(std)} are not for values from 0 to 1. Divide them by 255?")


def _check_stages(stages: dict[str, nn.Sequential]) -> None:
    if not isinstance(stages, dict) or not stages:
        raise TypeError("stages must be a dict from names to nn.Sequential, from early to late.")
    for stage, layers in stages.items():
        if not isinstance(stage, str) or not stage.replace("_", "").replace("-", "").isalnum():
            raise ValueError(f"A stage cannot be called {stage!r}. Take letters, digits, - and _, such as conv1.")
        if not isinstance(layers, nn.Sequential):
            kind = type(layers).__name__
            raise TypeError(f"Stage {stage} must be an nn.Sequential, not {kind}. Write nn.Sequential(...) around it.")
    times = Counter(id(weight) for layers in stages.values() for weight in layers.parameters())
    for stage, layers in stages.items():
        if any(times[id(weight)] > 1 for weight in layers.parameters()):
            raise ValueError(
                f"Stage {stage} has a layer with weights that stands in another stage too. Put it into one, "
                "or freezing a stage would freeze a part of the other."
            )
