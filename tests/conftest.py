"""A cache of its own for every run, so that no test leans on what an earlier run left."""

import os
import signal
import tempfile

import pytest
import torch
from fake_server import running_server

import tlkit
from tlkit.widgets import examples, tiles


def pytest_configure(config):
    if "TLKIT_CACHE" not in os.environ:
        config.empty_cache = tempfile.TemporaryDirectory(prefix="tlkit-tests-")
        os.environ["TLKIT_CACHE"] = config.empty_cache.name
    os.environ.pop("TLKIT_SHARED_CACHE", None)
    config.progress = tempfile.TemporaryDirectory(prefix="tlkit-progress-")
    os.environ["TLKIT_PROGRESS"] = os.path.join(config.progress.name, "done.json")  # never that of who runs the tests


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """Where tests run in the background, or two files at a time, the shell or pytest-xdist has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_unconfigure(config):
    if hasattr(config, "empty_cache"):
        del os.environ["TLKIT_CACHE"]
        config.empty_cache.cleanup()
    config.progress.cleanup()


@pytest.fixture
def server(monkeypatch):
    """See ``running_server``."""
    with running_server(monkeypatch) as running:
        yield running


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache folder for one test alone, of which nothing is remembered, nor of another one in it."""
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "cache"))
    remembered = examples.pictures_of, tiles._sources, tiles._strip
    for each in remembered:
        each.cache_clear()
    yield tmp_path / "cache"
    for each in remembered:
        each.cache_clear()


@pytest.fixture(scope="session")
def flowers():
    return tlkit.load_dataset("flowers", per_class=5, seed=0)


@pytest.fixture(scope="session")
def backbone():
    return tlkit.load_backbone("minivgg", device="cpu")


@pytest.fixture(scope="session")
def pictures():
    """Eight noise pictures, for what does not depend on what they show."""
    return torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="session")
def small():
    """Two classes that differ in colour, 32 pixels, small enough for seconds."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(48) % 2
    images = torch.randint(0, 120, (48, 3, 32, 32), generator=random, dtype=torch.uint8)
    images[labels == 1, 0] += 100
    return tlkit.ImageSet(images, labels)


@pytest.fixture(scope="session")
def tiny_split(small):
    """The same 48 pictures as a split: 8 a class to train, 8 for val, 8 for test."""
    parts = [tlkit.ImageSet(small.images[k::3], small.labels[k::3]) for k in range(3)]
    return tlkit.Split("reds", ["dull", "red"], *parts, per_class=8, seed=0)
