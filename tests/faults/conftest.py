"""What is tried by the dozen: ``make test-faults`` (ARGS="--trials 200" for longer)."""

from collections import defaultdict

import pytest

OUTCOMES = "unharmed", "told", "silent", "bare"


def pytest_addoption(parser):
    parser.addoption("--trials", type=int, default=60, help="random damages for each file")


@pytest.fixture(scope="session")
def trials(request):
    return request.config.getoption("--trials", 5)  # where all of tests/ is run at once, pytest knows no such option


@pytest.fixture(scope="session")
def tally(request):
    """From a kind of file to how often each outcome was seen; shown at the end."""
    request.config.tally = defaultdict(lambda: dict.fromkeys(OUTCOMES, 0))
    return request.config.tally


def pytest_terminal_summary(terminalreporter, config):
    tally = getattr(config, "tally", None)
    if tally:
        terminalreporter.section("random damages")
        terminalreporter.write_line(f"{'file':34}" + "".join(f"{name:>10}" for name in OUTCOMES))
        for kind, seen in tally.items():
            terminalreporter.write_line(f"{kind:34}" + "".join(f"{seen[name]:>10}" for name in OUTCOMES))
