"""Photo sets are fetched once and whole; what cannot be fetched is named."""

import io
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from fake_server import flipped, in_turn, is_short, sends, tar_of
from PIL import Image

import tlkit
from tlkit.data import photos
from tlkit.disk import download


def _jpeg(shade):
    made = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(made, "JPEG")
    return made.getvalue()


PICTURES = {f"jpg/{kind}/{number}.jpg": _jpeg(40 * number) for kind in ("iris", "tulip") for number in range(3)}


@pytest.fixture
def photo_set(server, empty_cache, monkeypatch):
    """``flowers17``, with a card of six tiny pictures in an archive at ``/a``, and its folder."""
    source = {"name": "six.tgz", "urls": [server.at("/a")]}
    about = {"images": 6, "megabytes": 1, "pictures": "jpg/*/*.jpg", "labels": "folder", "file": [source]}
    monkeypatch.setattr(photos, "card", lambda name: about)
    return photos.folder_of("flowers17")


def _lies_beside(folder):
    return [path.name for path in folder.parent.iterdir() if path.suffix != ".lock" and path != folder]


def test_a_photo_set_is_fetched_once(server, photo_set, capsys, monkeypatch):
    server.answers["/a"] = sends(tar_of(PICTURES))
    assert not photos.is_here("flowers17")
    tlkit.fetch("flowers17")
    found = {path.relative_to(photo_set).as_posix(): path.read_bytes() for path in photo_set.rglob("*.jpg")}
    assert photos.is_here("flowers17") and found == PICTURES
    assert capsys.readouterr().out == "flowers17: 6 pictures are here (1 MB fetched).\n"
    assert len(server.requests) == 1 and _lies_beside(photo_set) == []

    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    tlkit.fetch("flowers17")
    assert capsys.readouterr().out == "flowers17: already here.\n" and len(server.requests) == 1


@pytest.mark.parametrize(
    "wrong, says",
    [
        (tar_of(dict(list(PICTURES.items())[:4])), "holds 4 pictures, but 6 were expected"),
        (tar_of(PICTURES)[:200], "is damaged"),
        (flipped(tar_of(PICTURES, "w:xz")), "is damaged"),
        (tar_of(PICTURES | {"../evil": b"evil"}), "outside of its folder"),
    ],
)
def test_another_archive_than_expected_is_refused_and_the_next_fetch_starts_anew(server, photo_set, wrong, says):
    server.answers["/a"] = in_turn(sends(wrong), sends(tar_of(PICTURES)))
    with pytest.raises(ValueError, match=says) as caught:
        photos.fetch("flowers17")
    assert str(caught.value).count("\n") <= 2 and "six.tgz" in str(caught.value)
    assert not photo_set.exists()
    assert [path for path in photo_set.parent.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    photos.fetch("flowers17")
    assert photos.is_here("flowers17") and server.requests == [("/a", None), ("/a", None)]


def test_a_photo_set_that_no_server_has_is_an_error_and_is_not_here(photo_set, capsys):
    with pytest.raises(ConnectionError, match="404") as caught:
        tlkit.fetch("flowers17")
    assert is_short(caught.value, "six.tgz") and not photos.is_here("flowers17") and capsys.readouterr().out == ""
    assert str(caught.value).endswith("\nMissing: flowers17. Until all are here, lessons run without photos.")


def test_two_notebooks_at_once_fetch_a_photo_set_once(server, photo_set):
    server.answers["/a"] = sends(tar_of(PICTURES))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(photos.fetch, ["flowers17"] * 2))
    assert photos.is_here("flowers17") and len(server.requests) == 1


def test_an_unknown_name_is_refused_before_anything_is_fetched(server, photo_set):
    server.answers["/a"] = sends(tar_of(PICTURES))
    with pytest.raises(ValueError, match="Did you mean 'flowers17'") as caught:
        tlkit.fetch("flowers17", "flower17")
    assert "\n" not in str(caught.value)
    assert server.requests == [] and not photos.is_here("flowers17")


def test_without_network_nobody_waits_for_another_try(tmp_path, monkeypatch):
    asked = []

    def no_host(*arguments, **options):
        asked.append(1)
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr("urllib.request.urlopen", no_host)
    again = "not found. Connect, and run the same command again to go on."
    for hosts, words in (["aa"], f"a.invalid was {again}"), (["ab"], f"a.invalid and b.invalid were {again}"):
        urls = [f"http://{host}.invalid/{number}" for number, host in enumerate("".join(hosts))]
        with pytest.raises(ConnectionError) as caught:
            download.download(urls, tmp_path / "x.zip")
        assert str(caught.value) == f"No network: {words}"
        assert isinstance(caught.value.__cause__, urllib.error.URLError)
    assert len(asked) == 4


def test_what_can_be_fetched_is_fetched_and_the_rest_is_named(server, photo_set, empty_cache, monkeypatch, capsys):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(empty_cache))
    refused = urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))
    real = urllib.request.urlopen

    def only_this_machine(request, **options):
        if "127.0.0.1" not in request.full_url:
            raise refused
        return real(request, **options)

    monkeypatch.setattr("urllib.request.urlopen", only_this_machine)
    server.answers["/a"] = sends(tar_of(PICTURES))
    with pytest.raises(ConnectionError) as caught:
        tlkit.fetch("squeezenet1_1", "flowers17", "alexnet")
    assert "flowers17: 6 pictures are here" in capsys.readouterr().out, "tried after the first had failed"
    why, what_to_do, stand = str(caught.value).splitlines()
    assert why.startswith("squeezenet1_1-") and "download.pytorch.org: no connection" in why
    assert what_to_do.startswith("Run the same command again")
    assert stand.startswith("Missing: squeezenet1_1, alexnet. Here: flowers17. Until all are here, lessons run without")
    assert isinstance(caught.value.__cause__, ConnectionError) and caught.value.__cause__.__cause__
