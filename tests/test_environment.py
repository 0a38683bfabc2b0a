"""The environment check says what is wrong and what to do, even where PyTorch is missing."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

import tlkit
from tlkit import environment


def test_a_ready_machine_is_told_so(capsys):
    assert tlkit.check_environment()
    assert capsys.readouterr().out.startswith("Ready: Python ")


def test_a_missing_and_an_old_package_come_with_their_mend(monkeypatch, capsys):
    def found(name):
        if name == "torch":
            raise PackageNotFoundError(name)
        return {"numpy": "1.9.3", "tqdm": "4.66.0rc1"}.get(name, "99.0")

    monkeypatch.setattr(environment, "version", found)
    assert not tlkit.check_environment()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "torch is not installed." in lines[0] and '%pip install "torch>=2.6" and restart the kernel' in lines[0]
    assert "numpy is 1.9.3, but >=1.26 is needed." in lines[1]


def test_what_is_needed_is_read_from_the_folder_where_nothing_is_installed(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(environment, "requires", absent)
    names = {needed.name for needed in environment._needed()}
    assert {"torch", "scikit-learn", "ipywidgets"} <= names and ("tomli" in names) == (sys.version_info < (3, 11))


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path / "file"))
    assert not tlkit.check_environment()
    assert "To mend: The cache folder" in capsys.readouterr().out


def test_importing_tlkit_needs_no_pytorch():
    code = "import sys; sys.modules['torch'] = None; import tlkit; tlkit.check_environment; print(len(dir(tlkit)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == len(tlkit.__all__)


@pytest.mark.parametrize(
    ("mine", "expected"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_two_kernels_do_not_spin_in_each_others_way_unless_asked_to(mine, expected):
    plain = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    code = "import os, sys, tlkit; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], env=plain | mine, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [expected, "False"]


def test_every_public_name_is_there_and_others_are_not():
    for name in tlkit.__all__:
        assert getattr(tlkit, name) is not None
    with pytest.raises(AttributeError, match="tlkit has no 'load_datasets'"):
        _ = tlkit.load_datasets
