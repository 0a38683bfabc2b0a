"""Refusing bad input before any work starts, in words that say what to do next."""

from __future__ import annotations  # the hints name tensors, and PyTorch is loaded by those who have one

import difflib
import errno
import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__: list[str] = []


T = TypeVar("T")
MANY = 100_000  # of epochs, of draws, of anything that is done one after the other: more is a slip


def shown(value: object) -> str:
    """A value as a message names it: itself if it is plain, else what kind of thing it is."""
    is_plain = value is None or isinstance(value, (str, bytes, int, float))
    return f"{value!r:.80}" if is_plain else _a(type(value).__name__)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOUaeiou' else 'a'} {noun}"


def instance(name: str, value: object, kind: type[T]) -> T:
    """Return ``value`` if it is a ``kind``; else raise TypeError, and say what makes one (``kind._made_by``)."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {_a(kind.__name__)}, not {shown(value)}. {kind._made_by}")
    return value


def choose(kind: str, name: str, options: Iterable[str]) -> str:
    """Return ``name`` if it is one of ``options``; else raise ValueError with the nearest ones."""
    options = list(options)
    if isinstance(name, str) and name in options:
        return name
    close = difflib.get_close_matches(name, options, n=3, cutoff=0.4) if isinstance(name, str) else []
    hint = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    listed = ", ".join(options[:20]) + (f" and {len(options) - 20} more" if len(options) > 20 else "")
    raise ValueError(f"There is no {kind} called {shown(name)}. {hint}There are: {listed}.")


def text(**given: str) -> None:
    """Raise TypeError unless every one of these arguments is a text."""
    for name, value in given.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a text, not {shown(value)}.")


def texts(name: str, values: Sequence[str], fewest: int = 1) -> list[str]:
    """Return a list of texts, at least so many; else raise TypeError or ValueError."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list of texts, not {shown(values)}.")
    found = list(values)
    for value in found:
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a list of texts, but it holds {shown(value)}.")
    if len(found) < fewest:
        raise ValueError(f"{name} must be a list of at least {fewest} texts, but it has {len(found)}.")
    return found


def several(name: str, values: Iterable[T], what: str, fewest: int = 1) -> list[T]:
    """Return what a list, or anything that can be gone through, holds; else raise TypeError or ValueError."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{name} must be a list of {what}, not {shown(values)}.")
    found = list(islice(values, MANY + 1))  # it may have no end
    if not fewest <= len(found) <= MANY:
        raise ValueError(f"{name} must be a list of {what}, of {fewest} or more{f', at most {MANY:,}' * bool(found)}.")
    return found


def mapping(name: str, value: Mapping[str, T], what: str, fewest: int = 1) -> Mapping[str, T]:
    """Return a dict from names to something, at least so many; else raise TypeError or ValueError."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dict from a name to {what}, not {shown(value)}.")
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{name} must be a dict from a name to {what}, but {shown(key)} is no name.")
    if len(value) < fewest:
        raise ValueError(f"{name} must be a dict from a name to {what}, with one or more, but it is empty.")
    return value


def function(name: str, value: Callable | None) -> Callable | None:
    """Return a function, or None; else raise TypeError."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be a function, not {shown(value)}.")
    return value


def _plain(value: object) -> object:
    """The number inside of what numpy and torch make of one; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def flag(**given: bool) -> None:
    """Raise TypeError unless every one of these arguments is True or False."""
    for name, value in given.items():
        if not isinstance(_plain(value), bool):
            raise TypeError(f"{name} must be True or False, not {shown(value)}.")


def count(name: str, value: int, low: int, high: int | None = None) -> int:
    """Return ``value`` as an int between ``low`` and ``high``; else raise ValueError or TypeError."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {shown(value)}.") from None
    if isinstance(value, bool) or number < low or (high is not None and number > high):
        is_wide = high is None or (high >= 1000 and number < low)  # so far up that nobody needs to know
        limits = f"at least {low}" if is_wide else f"from {low} to {high}"
        raise ValueError(f"{name} must be {limits}, but it is {value}.")
    return number


def seed(value: int) -> int:
    """Return ``value`` as a seed, a whole number from 0 on; else raise ValueError or TypeError."""
    return count("seed", value, 0, 2**44)  # each epoch and each view makes seeds of its own of it, below 2**63


def number(name: str, value: float, low: float = -math.inf, high: float = math.inf) -> float:
    """Return ``value`` if it is a finite number from ``low`` to ``high``; else raise ValueError or TypeError."""
    plain = _a_number(name, value)
    if not (low <= plain <= high and math.isfinite(plain)):
        limits = f"from {low:g} to {high:g}" if high < math.inf else "and finite" if low < 0 else f"of at least {low:g}"
        raise ValueError(f"{name} must be a number {limits}, but it is {value}.")
    return plain


def _a_number(name: str, value: float) -> float:
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, (int, float)):
        raise TypeError(f"{name} must be a number, not {shown(value)}.")
    return plain


def rate(name: str, value: float) -> float:
    """Return ``value`` if it is a finite number above 0; else raise ValueError or TypeError."""
    if not 0.0 < _a_number(name, value) < math.inf:  # false for NaN too
        raise ValueError(f"{name} must be a number above 0, but it is {value}.")
    return value


def numbers(name: str, values: Sequence[float], dimensions: int = 1) -> np.ndarray:
    """Return finite numbers as a float array of so many dimensions; else raise ValueError or TypeError."""
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError, RuntimeError):  # the last is torch's, of a tensor that needs its gradient
        raise TypeError(f"{name} must be numbers, not {shown(values)} that cannot be read as such.") from None
    if found.ndim != dimensions or not found.size:
        lines = "a list" if dimensions == 1 else f"an array of {dimensions} dimensions"
        raise ValueError(f"{name} must be {lines} of numbers, but the shape is {found.shape}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite numbers, but among them are NaN or infinity.")
    return found


def rows(name: str, values: Sequence[int], stop: int, why: str = "", dimensions: int = 1) -> np.ndarray:
    """Return whole numbers from 0 to below ``stop`` as an int array; else raise ValueError or TypeError."""
    found = numbers(name, values, dimensions)
    if (found != found.round()).any() or found.min() < 0 or found.max() >= stop:
        raise ValueError(
            f"{name} must be whole numbers from 0 to {stop - 1}{why}, but they go from {found.min():g} to "
            f"{found.max():g}."
        )
    return found.astype(int)


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


def labels(value: Tensor, pictures: int, name: str = "labels") -> Tensor:
    """Return ``value`` if it holds one label, or group, a picture, int64 ``(n,)`` from 0; else say what is wrong."""
    import torch

    if not isinstance(value, torch.Tensor) or value.dtype != torch.int64 or value.dim() != 1:
        found = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise TypeError(f"Expected {name} as an int64 tensor of shape (n,), but got {found}.")
    same_length("pictures", pictures, name, len(value))
    if value.min() < 0:
        raise ValueError(f"{name.capitalize()} count from 0, but among them is {int(value.min())}.")
    return value


def same_length(first: str, n_first: int, second: str, n_second: int) -> None:
    """Raise ValueError unless there is one label for each row."""
    if n_first != n_second:
        raise ValueError(f"There are {n_first} {first} but {n_second} {second}; each row needs exactly one.")
