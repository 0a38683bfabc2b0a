"""Refusing bad input before any work starts, in words that say what to do next."""

from __future__ import annotations  # the hints name tensors, and PyTorch is loaded by those who have one

import difflib
import errno
import os
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__: list[str] = []


def choose(kind: str, name: str, options: Iterable[str]) -> str:
    """Return ``name`` if it is one of ``options``; else raise ValueError with the nearest ones."""
    options = list(options)
    if name in options:
        return name
    close = difflib.get_close_matches(str(name), options, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    shown = ", ".join(options[:20]) + (f" and {len(options) - 20} more" if len(options) > 20 else "")
    raise ValueError(f"There is no {kind} called {name!r}. {hint}There are: {shown}.")


def count(name: str, value: int, low: int, high: int | None = None) -> int:
    """Return ``value`` as an int between ``low`` and ``high``; else raise ValueError or TypeError."""
    try:
        number = value.__index__()
    except AttributeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}.") from None
    if isinstance(value, bool) or number < low or (high is not None and number > high):
        limits = f"from {low} to {high}" if high is not None else f"at least {low}"
        raise ValueError(f"{name} must be {limits}, but it is {value}.")
    return number


def rate(name: str, value: float) -> float:
    """Return ``value`` if it is a finite number above 0; else raise ValueError."""
    if not 0.0 < value < float("inf"):  # false for NaN too
        raise ValueError(f"{name} must be a number above 0, but it is {value}.")
    return value


def path(name: str, value: str | os.PathLike) -> Path:
    """Return ``value`` as a path, with ``~`` written out; else raise ValueError or TypeError.

    It need not be there, but it must be one that could be.
    """
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"{name} must be a path, as text or pathlib.Path, not {value!r:.80}.")
    text = os.fspath(value)
    if not text.strip() or "\0" in text:
        what = "holds a character that no path may have" if text.strip() else "is empty"
        raise ValueError(f"{name} {what}: {text!r:.80}. Give the path of a file or a folder.")
    try:
        found = Path(text).expanduser()
        os.stat(found)
    except RuntimeError as error:
        raise ValueError(f"{name} is {text!r:.80}, but this machine has no such user, or no home for them.") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError(f"{name} has a part that is too long for a file's name: {text[:40]!r}...") from error
    return found


def images(value: Tensor, smallest: int = 1) -> Tensor:
    """Return ``value`` if it is a batch of pictures, uint8 ``(n, 3, h, w)``; else say what is wrong."""
    import torch

    expected = "Expected pictures as a uint8 tensor of shape (n, 3, height, width), values 0 to 255"
    if not isinstance(value, torch.Tensor):
        hint = "torch.as_tensor(...) makes one."
        if isinstance(value, (str, PurePath, list)):
            hint = "For photo files there is result.predict_photos(path), which reads them as in training."
        raise TypeError(f"{expected}, but got {type(value).__name__}. {hint}")
    if value.dim() != 4 or value.shape[1] != 3:
        shape = tuple(value.shape)
        hint = (
            " One picture alone? Write picture[None]. A photo file? result.predict_photos(path)."
            if value.dim() == 3
            else ""
        )
        if value.dim() == 4 and value.shape[3] == 3:
            hint = " Channels last? Write pictures.permute(0, 3, 1, 2)."
        raise ValueError(f"{expected}, but the shape is {shape}.{hint}")
    if value.dtype != torch.uint8:
        raise TypeError(f"{expected}, but the dtype is {value.dtype}. Do not scale or normalise: the backbone does.")
    if len(value) == 0:
        raise ValueError(f"{expected}, but there is no picture in it (n = 0).")
    if min(value.shape[2:]) < smallest:
        height, width = value.shape[2:]
        raise ValueError(
            f"The pictures are {height} x {width} pixels; this backbone needs at least "
            f"{smallest} x {smallest}, or its pooling leaves nothing."
        )
    return value


def labels(value: Tensor, pictures: int) -> Tensor:
    """Return ``value`` if it holds one label a picture, int64 ``(n,)`` from 0 on; else say what is wrong."""
    import torch

    if not isinstance(value, torch.Tensor) or value.dtype != torch.int64 or value.dim() != 1:
        found = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise TypeError(f"Expected labels as an int64 tensor of shape (n,), but got {found}.")
    same_length("pictures", pictures, "labels", len(value))
    if value.min() < 0:
        raise ValueError(f"Labels count from 0, but there is a label {int(value.min())}.")
    return value


def same_length(first: str, n_first: int, second: str, n_second: int) -> None:
    """Raise ValueError unless there is one label for each row."""
    if n_first != n_second:
        raise ValueError(f"There are {n_first} {first} but {n_second} {second}; each row needs exactly one label.")
