"""Reading a class or a group from a path: what is read, and every way to ask for it wrongly."""

import re

import pytest

from tlkit.folders.from_path import reader


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        (r"^([a-z]+)\.", "cat.12.jpg", "cat"),
        (r"(.+)_\d+", "Abyssinian_7.jpg", "Abyssinian"),
        (r"/(subject\d+)/", "left/subject03/1.png", "subject03"),
        (re.compile(r"^(CAT)", re.I), "cat.12.jpg", "cat"),
        (r"^(dog)", "cat.12.jpg", ""),
        (r"^(dog)?", "cat.12.jpg", ""),
        (lambda path: path.split("_")[0], "7_jackson_32.wav", "7"),
        (lambda path: int(path[0]), "7_jackson_32.wav", "7"),
        (lambda path: None, "x.png", ""),
    ],
)
def test_a_path_is_read(value, path, expected):
    assert reader("labels", value)(path) == expected


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        ("cat", ValueError, "has no bracket; it takes exactly one"),
        (r"(\w+)_(\d+)", ValueError, r"has 2 brackets.*\(\?:\.\.\.\)"),
        ("(", ValueError, "is no regular expression"),
        (b"(x)", TypeError, "not b'"),
        (re.compile(b"(x)"), TypeError, "not of bytes"),
        (3, TypeError, "must be a regular expression with one bracket, or a function"),
        (["a", "b"], TypeError, "not \\['a', 'b'\\]"),
    ],
)
def test_what_reads_nothing_is_refused(value, kind, says):
    with pytest.raises(kind, match=f"(?s)groups.*{says}"):
        reader("groups", value)


def test_a_function_that_fails_is_named_with_the_path():
    with pytest.raises(ValueError, match=r"groups stopped at the path 'a\.png': IndexError"):
        reader("groups", lambda path: path.split("_")[1])("a.png")
    with pytest.raises(TypeError, match=r"at the path 'a\.png' it gave 0\.5"):
        reader("groups", lambda path: 0.5)("a.png")
