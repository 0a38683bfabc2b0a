"""The walk through the public table: every function, every argument, a dozen wrong values.

``python tests/argument_walk.py`` counts what came of them, and lists what was not refused as it should be.
"""

import collections
import dis
import inspect
import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from argument_calls import CALLS, KIND_OF, NONE_TOO, OWN_KIND, OWNERS, make_kit
from argument_kinds import KINDS

import tlkit

HERE = Path(tlkit.__file__).parent
PATIENCE = 10  # seconds: a wrong argument costs milliseconds, and what takes this long hangs


class Outcome(NamedTuple):
    """What came of a call with one wrong value: ``clear``, ``BARE``, ``accepted`` or ``HANG``."""

    argument: str
    value: str
    verdict: str
    said: str


class Hangs(BaseException):
    """A call that did not come back."""


@contextmanager
def _patience() -> Iterator[None]:
    def ring(*_):
        raise Hangs

    before = signal.signal(signal.SIGALRM, ring) if hasattr(signal, "SIGALRM") else None
    if before is not None:
        signal.alarm(PATIENCE)
    try:
        yield
    finally:
        if before is not None:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)


def target_of(name: str, kit: SimpleNamespace) -> Callable:
    """What is called: a public function or class, or a method of a made object."""
    if name == "LinearProbe":  # as in scikit-learn it keeps what it is given, and ``fit`` looks at it
        return lambda **given: tlkit.LinearProbe(**{"kind": "softmax"} | given).fit(kit.X, kit.y)
    return getattr(OWNERS[name](kit), name.partition(".")[2]) if name in OWNERS else getattr(tlkit, name)


def arguments_of(name: str, kit: SimpleNamespace) -> list[inspect.Parameter]:
    described = tlkit.LinearProbe if name == "LinearProbe" else target_of(name, kit)
    parameters = inspect.signature(described).parameters.values()
    return [each for each in parameters if each.kind is not each.VAR_KEYWORD]


def call(name: str, kit: SimpleNamespace, /, **given: object) -> object:
    """The right call, with other values for some arguments."""
    arguments = CALLS[name](kit) | given
    several = [each.name for each in arguments_of(name, kit) if each.kind is each.VAR_POSITIONAL]
    return target_of(name, kit)(*[arguments.pop(each) for each in several], **arguments)


def walk(name: str, kit: SimpleNamespace) -> Iterator[Outcome]:
    """Every argument of one function with every value that it cannot have."""
    for argument in arguments_of(name, kit):
        kind = KINDS[OWN_KIND.get((name, argument.name)) or KIND_OF[argument.name]]
        takes_none = argument.default is None or (name, argument.name) in NONE_TOO
        for label, value in kind.wrong(takes_none).items():
            words = f"{argument.name}|{argument.name.replace('_', ' ')}|{kind.words}"
            yield Outcome(argument.name, label, *_try(name, kit, {argument.name: value}, words))


def _try(name: str, kit: SimpleNamespace, given: dict, words: str) -> tuple[str, str]:
    try:
        with _patience(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return "accepted", f"{call(name, kit, **given)!r:.60}"
    except Hangs:
        return "HANG", ""
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        if not raised_here(error):
            return "BARE", said
        return ("clear" if re.search(words, str(error)) else "unclear"), said


def raised_here(error: BaseException) -> bool:
    """Whether a ``raise`` of tlkit raised it, and not something deeper, or a slip in one of its own lines."""
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    code = last.tb_frame.f_code
    statement = dis.opname[code.co_code[last.tb_lasti]]
    return HERE in Path(code.co_filename).parents and statement == "RAISE_VARARGS"


if __name__ == "__main__":
    kit, counts = make_kit(Path(tempfile.mkdtemp())), collections.Counter()
    for name in sys.argv[1:] or CALLS:
        for outcome in walk(name, kit):
            counts[outcome.verdict] += 1
            if outcome.verdict != "clear":
                print(f"{name}({outcome.argument}={outcome.value}) {outcome.verdict}: {outcome.said!r:.150}")
    print(sum(counts.values()), "calls:", dict(counts))
