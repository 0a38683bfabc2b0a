"""Every public function says what is wrong with an argument, before any work starts: a walk through the public table.

What the values are stands in ``argument_kinds``, what is called in ``argument_calls``.
"""

import pytest
import torch
from argument_calls import CALLS, MAPPINGS, RECORDS, SLOW, make_kit
from argument_walk import call, raised_here, walk

import tlkit
from tlkit import checks


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return make_kit(tmp_path_factory.mktemp("walk"))


def test_the_walk_knows_every_public_name():
    new = set(tlkit.__all__) - set(CALLS) - RECORDS - MAPPINGS
    assert not new, "argument_calls.py needs a call for what is new"


@pytest.mark.parametrize("name", CALLS)
def test_wrong_arguments_are_refused(name, kit):
    wrong = [outcome for outcome in walk(name, kit) if outcome.verdict != "clear"]
    assert not wrong, "\n".join(f"{name}({each.argument}={each.value}): {each.verdict} {each.said}" for each in wrong)


@pytest.mark.parametrize("name", sorted(set(CALLS) - SLOW))
def test_the_call_without_them_is_right(name, kit):
    """Or the walk would find everything refused for one and the same reason."""
    call(name, kit)


def test_the_walk_tells_a_clear_error_from_a_slip():
    def slip():
        return checks.path.nosuch

    def deep():
        return torch.zeros(2).view(3)

    for make, expected in ((slip, False), (deep, False), (lambda: checks.seed(None), True)):
        with pytest.raises(Exception) as caught:
            make()
        assert raised_here(caught.value) is expected
