"""Downloads: cut, busy, lying and missing servers, a full disk, archives that are damaged or mean harm."""

import errno
import hashlib
import io
import random
import socket
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from PIL import Image

import tlkit
from tlkit.data import photos
from tlkit.disk import archives, download

CONTENT = random.Random(0).randbytes(600_000)  # more than two of the blocks that a download is read in
HALF = len(CONTENT) // 2
CHECKSUM = f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        self.server.answers.get(self.path, fails(404))(self)

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in ({"Content_Length": len(body)} | headers).items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)


def fails(code):
    return lambda handler: handler.reply(code)


def sends(content, kind="application/octet-stream"):
    """A server that knows Range."""

    def answer(handler):
        asked = handler.headers.get("Range")
        if asked is None:
            return handler.reply(200, content, Content_Type=kind)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return handler.reply(416)
        whole = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return handler.reply(206, content[start:], Content_Type=kind, Content_Range=whole)

    return answer


def ignores_range(content):
    return lambda handler: handler.reply(200, content)


def cuts(content, after):
    """A server that promises everything and closes the connection in the middle."""
    return lambda handler: handler.reply(200, content[:after], Content_Length=len(content))


def in_turn(*answers):
    """One answer a request, the last for ever."""
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


@pytest.fixture
def server(monkeypatch):
    """A server on this machine: a test sets ``answers`` by path, and reads ``requests``."""
    monkeypatch.setattr(download, "_PAUSE", 0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("TLKIT_OFFLINE", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.answers, running.requests = {}, []
        running.at = lambda path: f"http://127.0.0.1:{running.server_port}{path}"
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def get(server, tmp_path):
    """Download ``photos.tgz`` from the mirrors ``/a`` and ``/b``, which answer as told."""

    def run(*answers, checksum=CHECKSUM, size=0):
        server.requests.clear()
        server.answers = dict(zip(("/a", "/b"), answers))
        return download.download([server.at(path) for path in server.answers], _path(tmp_path), checksum, size)

    return run


def _path(tmp_path):
    return tmp_path / "downloads" / "photos.tgz"


def _part(tmp_path):
    return tmp_path / "downloads" / "photos.tgz.part"


def _left(tmp_path):
    """What lies in the folder of the download, apart from the lock."""
    return sorted(path.name for path in _path(tmp_path).parent.glob("*") if path.suffix != ".lock")


def _leave_part(tmp_path, content):
    _part(tmp_path).parent.mkdir()
    _part(tmp_path).write_bytes(content)


def _is_short(error, name, cause=True):
    """An error that a student reads to its end: three lines, which file, and what lay below for a teacher."""
    return str(error).count("\n") <= 2 and name in str(error) and (error.__cause__ is not None) == cause


def test_a_file_is_fetched_once_and_no_request_is_made_for_it_again(server, get, tmp_path):
    assert get(sends(CONTENT)).read_bytes() == CONTENT
    assert server.requests == [("/a", None)] and _left(tmp_path) == ["photos.tgz"]
    get(sends(CONTENT))
    assert server.requests == []


@pytest.mark.parametrize("checksum", [CHECKSUM, f"sha256:{hashlib.sha256(CONTENT).hexdigest()[:8]}", ""])
@pytest.mark.parametrize("size", [len(CONTENT), 0])
def test_a_download_goes_on_where_it_was_cut(server, get, checksum, size):
    path = get(in_turn(cuts(CONTENT, HALF), sends(CONTENT)), checksum=checksum, size=size)
    assert server.requests == [("/a", None), ("/a", f"bytes={HALF}-")]
    assert path.read_bytes() == CONTENT


def test_a_server_that_cannot_go_on_sends_everything_again(server, get):
    path = get(in_turn(cuts(CONTENT, HALF), ignores_range(CONTENT)))
    assert len(server.requests) == 2 and path.read_bytes() == CONTENT


def test_a_connection_that_is_always_cut_leaves_its_part_for_a_later_call(server, get, tmp_path):
    with pytest.raises(ConnectionError, match="cut after 300,000 of 600,000 bytes") as caught:
        get(cuts(CONTENT, HALF))
    assert _is_short(caught.value, "photos.tgz") and len(server.requests) == 4
    assert _left(tmp_path) == ["photos.tgz.part"]
    assert get(sends(CONTENT)).read_bytes() == CONTENT
    assert server.requests == [("/a", f"bytes={HALF}-")] and _left(tmp_path) == ["photos.tgz"]


def test_another_mirror_goes_on_where_the_first_was_cut(server, get):
    path = get(in_turn(cuts(CONTENT, HALF), fails(404)), sends(CONTENT))
    assert server.requests[-1] == ("/b", f"bytes={HALF}-") and path.read_bytes() == CONTENT


@pytest.mark.parametrize("length", [HALF, len(CONTENT), len(CONTENT) + 7])
@pytest.mark.parametrize("size", [len(CONTENT), 0])
def test_a_damaged_part_is_thrown_away_and_fetched_again(server, get, tmp_path, length, size):
    _leave_part(tmp_path, bytes(length))
    assert get(sends(CONTENT), size=size).read_bytes() == CONTENT
    assert server.requests[-1] == ("/a", None) and _left(tmp_path) == ["photos.tgz"]


@pytest.mark.parametrize("size", [len(CONTENT), 0])
def test_a_part_that_was_complete_is_not_fetched_again(server, get, tmp_path, size):
    # A kernel that ended between the last byte and the check. The server has nothing to add: 416.
    _leave_part(tmp_path, CONTENT)
    assert get(sends(CONTENT), size=size).read_bytes() == CONTENT
    assert ("/a", None) not in server.requests


def test_a_part_that_nothing_can_vouch_for_is_fetched_again(get, tmp_path):
    _leave_part(tmp_path, bytes(len(CONTENT) + 7))
    assert get(sends(CONTENT), checksum="").read_bytes() == CONTENT


@pytest.mark.parametrize("kept", [b"", CONTENT[:HALF]])
def test_a_wrong_checksum_leaves_nothing(server, get, tmp_path, kept):
    if kept:
        _leave_part(tmp_path, kept)
    with pytest.raises(ConnectionError, match="does not match the published checksum") as caught:
        get(sends(CONTENT[::-1]))
    assert _is_short(caught.value, "photos.tgz") and _left(tmp_path) == []
    assert len(server.requests) == (2 if kept else 1)


def test_a_wrong_length_is_noticed_where_no_checksum_is_published(get, tmp_path):
    with pytest.raises(ConnectionError) as caught:
        get(sends(CONTENT[:-1]), checksum="", size=len(CONTENT))
    assert _is_short(caught.value, "photos.tgz") and _left(tmp_path) == []


def test_a_mirror_without_the_file_is_not_asked_twice(server, get):
    assert get(fails(404), sends(CONTENT)).read_bytes() == CONTENT
    assert server.requests == [("/a", None), ("/b", None)]


def test_a_file_that_no_mirror_has_is_an_error_that_says_so(get, tmp_path):
    with pytest.raises(ConnectionError, match="404 Not Found") as caught:
        get(fails(404), fails(410))
    assert _is_short(caught.value, "photos.tgz") and _left(tmp_path) == []
    said = str(caught.value)
    assert said.count("127.0.0.1") == 1 and "410" not in said, "one server, one reason"


def test_a_busy_server_is_asked_again(server, get):
    assert get(in_turn(fails(503), fails(503), sends(CONTENT))).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_given_up(server, get):
    with pytest.raises(ConnectionError, match="503 Service Unavailable") as caught:
        get(fails(503))
    assert _is_short(caught.value, "photos.tgz") and len(server.requests) == 4


def test_the_pauses_between_tries_grow(get, monkeypatch):
    pauses = []
    monkeypatch.setattr(download, "_PAUSE", 1.0)
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    with pytest.raises(ConnectionError):
        get(fails(503))
    assert pauses == [1, 2, 4]


def test_a_web_page_is_not_taken_for_the_file(server, get, tmp_path):
    # The log-in page of a hotel or a school, which answers 200 to everything.
    page = sends(b"<html>Please log in", "text/html; charset=utf-8")
    with pytest.raises(ConnectionError, match="a web page instead of the file") as caught:
        get(page, checksum="")
    assert _is_short(caught.value, "photos.tgz") and _left(tmp_path) == [] and len(server.requests) == 1
    assert get(page, sends(CONTENT)).read_bytes() == CONTENT
    assert server.requests == [("/a", None), ("/b", None)]


def test_no_server_at_all_is_an_error_in_words(server, tmp_path):
    with socket.socket() as deaf:  # it has a port, and listens to nobody there
        deaf.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError, match="127.0.0.1: no connection") as caught:
            download.download([f"http://127.0.0.1:{deaf.getsockname()[1]}/a"], _path(tmp_path))
    assert _is_short(caught.value, "photos.tgz")


class FullDisk(io.FileIO):
    """A file on a disk with room for one block."""

    def write(self, block):
        if self.tell() + len(block) > 2**18:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(block)


def test_a_disk_that_fills_up_keeps_what_came_and_says_what_to_do(server, get, tmp_path, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(download, "open", FullDisk, raising=False)
        with pytest.raises(OSError, match="Make room, or set TLKIT_CACHE") as caught:
            get(sends(CONTENT), sends(CONTENT))
    assert _is_short(caught.value, "photos.tgz") and caught.value.errno == errno.ENOSPC
    assert server.requests == [("/a", None)]  # another try or mirror would not help
    assert _part(tmp_path).read_bytes() == CONTENT[: 2**18]
    assert get(sends(CONTENT)).read_bytes() == CONTENT
    assert server.requests == [("/a", f"bytes={2**18}-")]


def _free(monkeypatch, free):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(10**9, 10**9 - free, free))


def test_too_little_room_is_known_before_any_request(server, get, monkeypatch):
    _free(monkeypatch, len(CONTENT) - 1)
    with pytest.raises(OSError, match="set TLKIT_CACHE") as caught:
        get(sends(CONTENT), size=len(CONTENT))
    assert _is_short(caught.value, "photos.tgz", cause=False) and caught.value.errno == errno.ENOSPC
    assert server.requests == []


def test_only_what_is_missing_needs_room(get, tmp_path, monkeypatch):
    _leave_part(tmp_path, CONTENT[:HALF])
    _free(monkeypatch, len(CONTENT) - HALF)
    assert get(sends(CONTENT), size=len(CONTENT)).read_bytes() == CONTENT


def test_offline_makes_no_request(server, get, monkeypatch):
    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="TLKIT_OFFLINE") as caught:
        get(sends(CONTENT))
    assert _is_short(caught.value, "photos.tgz", cause=False) and server.requests == []
    monkeypatch.setenv("TLKIT_OFFLINE", "0")
    get(sends(CONTENT))
    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    assert get(sends(CONTENT)).read_bytes() == CONTENT  # what is here needs no network


def test_two_at_once_make_one_download(server, tmp_path):
    def slow(handler):
        time.sleep(0.2)
        sends(CONTENT)(handler)

    server.answers["/a"] = slow
    start = threading.Barrier(2)

    def run(_):
        start.wait()
        return download.download([server.at("/a")], _path(tmp_path), CHECKSUM).read_bytes()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(2))) == [CONTENT, CONTENT]
    assert server.requests == [("/a", None)]


# Archives

FILES = {f"set/{number}.jpg": CONTENT[number * 5000 : number * 5000 + 5000] for number in range(4)}


def _zip(files, compression=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return made.getvalue()


def _tar(files, mode="w:gz", links=()):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as file:
        for name, target in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            file.addfile(link)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return made.getvalue()


ARCHIVES = {
    "set.zip": _zip(FILES),
    "lzma.zip": _zip(FILES, zipfile.ZIP_LZMA),
    "bzip2.zip": _zip(FILES, zipfile.ZIP_BZIP2),
    "set.tar": _tar(FILES, "w"),
    "set.tar.gz": _tar(FILES, "w:gz"),
    "set.tar.bz2": _tar(FILES, "w:bz2"),
    "set.tar.xz": _tar(FILES, "w:xz"),
}


def _unpack(tmp_path, name, content):
    archive = tmp_path / name
    archive.write_bytes(content)
    return archives.unpack(archive, tmp_path / "in" / "folder")


def _nothing_unpacked(tmp_path, name):
    """Nothing beside the archive but the empty folder in which the target was to appear."""
    return sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == sorted([name, "in"])


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_unpacked(tmp_path, name):
    folder = _unpack(tmp_path, name, ARCHIVES[name])
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
    assert folder == tmp_path / "in" / "folder" and found == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_an_old_folder_is_replaced_and_not_mixed(tmp_path):
    (tmp_path / "in" / "folder").mkdir(parents=True)
    (tmp_path / "in" / "folder" / "old.jpg").touch()
    assert [path.name for path in _unpack(tmp_path, "set.zip", ARCHIVES["set.zip"]).iterdir()] == ["set"]


def _flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


DAMAGE = {
    "cut": lambda content: content[: len(content) // 2],
    "random": lambda content: CONTENT[:3000],
    "empty": lambda content: b"",
    "flipped": _flipped,
}


# A tar file that is not compressed has no checksum of its content: nothing in it tells of a flipped bit.
@pytest.mark.parametrize("name, how", sorted({(a, b) for a in ARCHIVES for b in DAMAGE} - {("set.tar", "flipped")}))
def test_a_damaged_archive_is_refused(tmp_path, name, how):
    with pytest.raises(ValueError, match="is damaged") as caught:
        _unpack(tmp_path, name, DAMAGE[how](ARCHIVES[name]))
    assert _is_short(caught.value, name) and _nothing_unpacked(tmp_path, name)


@pytest.mark.parametrize("evil", ["../evil", "set/../../evil", "/tmp/tlkit-evil", "..\\evil", "C:\\evil", "\\evil"])
def test_a_zip_that_would_write_outside_is_refused(tmp_path, evil):
    with pytest.raises(ValueError, match="outside of its folder") as caught:
        _unpack(tmp_path, "evil.zip", _zip(FILES | {evil: b"evil"}))
    # No cause: nothing failed, the archive was looked through before.
    assert _is_short(caught.value, "evil.zip", cause=False) and _nothing_unpacked(tmp_path, "evil.zip")


@pytest.mark.parametrize(
    "files, links",
    [
        ({"../evil": b"evil"}, ()),
        ({"set/../../evil": b"evil"}, ()),
        ({"/tmp/tlkit-evil": b"evil"}, ()),
        ({"way/evil": b"evil"}, [("way", "..")]),
        ({}, [("way", "../../..")]),
        ({}, [("way", "/etc/passwd")]),
    ],
)
def test_a_tar_that_would_write_outside_is_refused(tmp_path, files, links):
    with pytest.raises(ValueError, match="outside of its folder") as caught:
        _unpack(tmp_path, "evil.tar.gz", _tar(FILES | files, links=links))
    assert _is_short(caught.value, "evil.tar.gz") and _nothing_unpacked(tmp_path, "evil.tar.gz")


def test_a_disk_too_full_to_unpack_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    _free(monkeypatch, 1000)
    with pytest.raises(OSError, match="set TLKIT_CACHE") as caught:
        _unpack(tmp_path, "set.zip", ARCHIVES["set.zip"])
    assert str(caught.value).count("\n") == 1 and "set.zip, unpacked, needs" in str(caught.value)
    assert _nothing_unpacked(tmp_path, "set.zip")


# Photo sets


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
    server.answers["/a"] = sends(_tar(PICTURES))
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
        (_tar(dict(list(PICTURES.items())[:4])), "holds 4 pictures, but 6 were expected"),
        (_tar(PICTURES)[:200], "is damaged"),
        (_flipped(_tar(PICTURES, "w:xz")), "is damaged"),
        (_tar(PICTURES | {"../evil": b"evil"}), "outside of its folder"),
    ],
)
def test_another_archive_than_expected_is_refused_and_the_next_fetch_starts_anew(server, photo_set, wrong, says):
    server.answers["/a"] = in_turn(sends(wrong), sends(_tar(PICTURES)))
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
    assert _is_short(caught.value, "six.tgz") and not photos.is_here("flowers17") and capsys.readouterr().out == ""
    assert str(caught.value).endswith("\nMissing: flowers17. Until all are here, lessons run without photos.")


def test_two_notebooks_at_once_fetch_a_photo_set_once(server, photo_set):
    server.answers["/a"] = sends(_tar(PICTURES))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(photos.fetch, ["flowers17"] * 2))
    assert photos.is_here("flowers17") and len(server.requests) == 1


def test_an_unknown_name_is_refused_before_anything_is_fetched(server, photo_set):
    server.answers["/a"] = sends(_tar(PICTURES))
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
    server.answers["/a"] = sends(_tar(PICTURES))
    with pytest.raises(ConnectionError) as caught:
        tlkit.fetch("squeezenet1_1", "flowers17", "alexnet")
    assert "flowers17: 6 pictures are here" in capsys.readouterr().out, "tried after the first had failed"
    why, what_to_do, stand = str(caught.value).splitlines()
    assert why.startswith("squeezenet1_1-") and "download.pytorch.org: no connection" in why
    assert what_to_do.startswith("Run the same command again")
    assert stand.startswith("Missing: squeezenet1_1, alexnet. Here: flowers17. Until all are here, lessons run without")
    assert isinstance(caught.value.__cause__, ConnectionError) and caught.value.__cause__.__cause__
