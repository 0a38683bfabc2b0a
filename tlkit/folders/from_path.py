"""What a file's path says, by a regular expression with one bracket or a function: its class, or its group."""

import re
from collections.abc import Callable

__all__: list[str] = []

_EXAMPLES = {
    "labels": r"labels=r'([^/]+)_\d+' reads Abyssinian from Abyssinian_7.jpg",
    "groups": r"groups=r'(patient\d+)' reads patient07 from patient07/left_2.png",
}


def reader(name: str, value: str | re.Pattern | Callable[[str], object]) -> Callable[[str], str]:
    """Make of an argument the function that reads a path.

    Parameters
    ----------
    name : str
        The argument's, for messages.
    value : str, compiled pattern, or function
        A regular expression with one bracket, searched for in the path; or a function of the path. The path
        is relative to the folder that was given, with forward slashes on every system.

    Returns
    -------
    function from a path to a text
        "" where the expression is not found, or the function gives None or "".

    Raises
    ------
    ValueError
        If it is no regular expression, or has not exactly one bracket. The function that is returned raises it
        where a function of the caller's fails.
    TypeError
        If it is none of these; where a function of the caller's gives no text or number.
    """
    if isinstance(value, (str, re.Pattern)):
        found = _compiled(name, value)
        return lambda path: (match[1] or "").strip() if (match := found.search(path)) else ""
    if not callable(value):
        raise TypeError(
            f"{name} must be a regular expression with one bracket, or a function of a file's path, "
            f"not {value!r:.80}.\nFor example {_EXAMPLES[name]}."
        )
    return lambda path: _called(name, value, path)


def _compiled(name: str, value: str | re.Pattern) -> re.Pattern:
    try:
        found = re.compile(value)
    except re.error as error:
        raise ValueError(
            f"{name}={value!r:.80} is no regular expression: {error}.\nFor example {_EXAMPLES[name]}."
        ) from error
    if not isinstance(found.pattern, str):
        raise TypeError(f"{name} must be a regular expression of text, not of bytes: {found.pattern!r:.80}.")
    if found.groups != 1:
        what = f"has {found.groups} brackets" if found.groups else "has no bracket"
        more = " Write (?:...) around what is not meant." if found.groups else ""
        raise ValueError(
            f"{name}={found.pattern!r:.80} {what}; it takes exactly one, around what is to be read.{more}\n"
            f"For example {_EXAMPLES[name]}."
        )
    return found


def _called(name: str, function: Callable[[str], object], path: str) -> str:
    try:
        found = function(path)
    except Exception as error:  # whatever a function of a student's raises
        raise ValueError(
            f"The function that you gave as {name} stopped at the path {path!r}: {type(error).__name__}: {error}.\n"
            "It is called with each file's path, as text; let it give None where there is nothing to read."
        ) from error
    if found is None:
        return ""
    try:
        return str(found if isinstance(found, str) else found.__index__()).strip()
    except AttributeError:
        raise TypeError(
            f"The function that you gave as {name} must give a text or a whole number, "
            f"but at the path {path!r} it gave {found!r:.80}."
        ) from None
