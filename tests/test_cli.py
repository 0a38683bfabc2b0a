"""``python -m tlkit`` and ``python -m tools`` as a person would use them."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import safetensors.torch

from tlkit import course
from tlkit.data import splits
from tlkit.disk.cards import read_card
from tlkit.transfer.feeding import Feed
from tools import cli as tools_cli
from tools import publish


@pytest.mark.parametrize(
    ("package", "commands"),
    [
        ("tlkit", ("fetch", "map", "progress", "shifts", "surgical", "transferability")),
        ("tools", ("badges", "costs", "exercises", "html", "pictures", "pretrain", "rehearse", "sources")),
    ],
)
def test_help_lists_the_commands(package, commands):
    asked = [sys.executable, "-m", package, "--help"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=course.COURSE)
    assert all(command in told.stdout for command in commands)


def test_a_problem_is_told_in_a_line(capsys):
    assert tools_cli.main(["pretrain", "--epochs", "0"]) == 1
    assert capsys.readouterr().err == "epochs must be at least 1, but it is 0.\n"
    assert tools_cli.main(["pretrain", "--per-class", "0"]) == 1
    assert capsys.readouterr().err.startswith("per_class must be")


def test_pretraining_goes_on_after_an_interrupt_and_ships_weights_with_their_card(
    tmp_path, empty_cache, monkeypatch, capsys
):
    for name in ("_BLOCK", "VAL_PER_CLASS", "TEST_PER_CLASS"):
        monkeypatch.setattr(splits, name, 2)  # pictures a class: what they show does not matter here
    arguments = ["pretrain", "--epochs", "2", "--per-class", "2", "--device", "cpu", "--out", str(tmp_path)]
    original, calls = Feed.answers, []

    def interrupt_the_second(feed):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return original(feed)

    monkeypatch.setattr(Feed, "answers", interrupt_the_second)
    assert tools_cli.main(arguments) == 130
    assert "Run the same command again to go on" in capsys.readouterr().err
    assert not (tmp_path / "minivgg.safetensors").exists()
    monkeypatch.setattr(Feed, "answers", original)
    assert tools_cli.main(arguments) == 0
    assert "Going on after epoch 1" in capsys.readouterr().out
    card = read_card(tmp_path / "minivgg.toml")
    assert card["held_out_images"] == 200 and 0 <= card["source_accuracy"] <= 1
    assert card["command"].startswith("python -m tools pretrain --epochs 2")
    monkeypatch.setattr("tlkit.nets.backbones.WEIGHTS", tmp_path)
    from tlkit import load_backbone

    state = load_backbone("minivgg", device="cpu").state_dict()
    for name, tensor in safetensors.torch.load_file(tmp_path / "minivgg.safetensors").items():
        assert state[name].equal(tensor)


@pytest.mark.parametrize("port", ["70000", "0", "-1", "lab", "²"])
def test_what_is_no_port_is_refused_at_once(port, capsys):
    with pytest.raises(SystemExit) as left:
        tools_cli.main(["rehearse", f"--port={port}"])
    assert left.value.code == 2 and "a port is a number from 1 to 65535" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
def test_make_lists_first_what_most_people_need_and_in_one_column():
    command = ["make", "--no-print-directory", "help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=course.COURSE).stdout
    names, words = zip(*re.findall(r"^  make (\S+) +(\S.*)$", told, flags=re.M))
    assert names[:6] == ("help", "lab", "demo", "rehearse", "html", "test") and len(names) > 12
    assert len({line.index(said) for line, said in zip(told.splitlines(), words)}) == 1


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
@pytest.mark.parametrize("user", [0, 1000])
def test_jupyterlab_is_told_to_run_as_root_where_one_is_root_and_only_there(tmp_path, user):
    fake = tmp_path / "id"
    fake.write_text(f"#!/bin/sh\necho {user}\n")
    fake.chmod(0o755)
    changed = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--no-print-directory", "-n", "lab"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=course.COURSE, env=changed).stdout
    (started,) = re.findall(r"jupyter lab .*", told)
    assert ("--allow-root" in started) == (user == 0) == ("You are root" in told)


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
def test_lab_and_demo_open_in_another_language_when_asked():
    def told(what, *more):
        command = ["make", "--no-print-directory", "-n", what, *more]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=course.COURSE).stdout

    assert "/lab/tree/00_first_minute.ipynb" in told("lab")
    assert "/lab/tree/vi/02_cnn_codes.ipynb" in told("lab", "LANGUAGE=vi", "LESSON=02_cnn_codes.ipynb")
    assert "voila decision_map.ipynb" in told("demo")
    assert "voila ../vi/demo/decision_map.ipynb" in told("demo", "LANGUAGE=vi")
    assert (course.COURSE / "lessons" / "vi" / "demo" / "decision_map.ipynb").exists()


def test_nobody_is_asked_about_news_however_the_course_is_installed():
    plugin = "@jupyterlab/apputils-extension:announcements"
    for way in ("Makefile", "README.md", ".binder/postBuild"):
        text = (course.COURSE / way).read_text(encoding="utf-8").replace("$(NEWS)", plugin)
        assert re.search(rf'jupyter labextension disable "?{plugin}\b', text), way


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(12, "under half a minute"), (45, "under 1 min"), (70, "about 1 min"), (86, "about 1½ min"), (None, "–")],
)
def test_costs_are_told_in_minutes(seconds, words):
    assert publish.minutes(seconds) == words
