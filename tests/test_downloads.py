"""Downloads: cut, busy, lying and missing servers, a full disk, two at once."""

import errno
import hashlib
import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_server import CHECKSUM, CONTENT, HALF, cuts, fails, ignores_range, in_turn, is_short, leave_free, sends

from tlkit.disk import download


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
    assert is_short(caught.value, "photos.tgz") and len(server.requests) == 4
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
    assert is_short(caught.value, "photos.tgz") and _left(tmp_path) == []
    assert len(server.requests) == (2 if kept else 1)


def test_a_wrong_length_is_noticed_where_no_checksum_is_published(get, tmp_path):
    with pytest.raises(ConnectionError) as caught:
        get(sends(CONTENT[:-1]), checksum="", size=len(CONTENT))
    assert is_short(caught.value, "photos.tgz") and _left(tmp_path) == []


def test_a_mirror_without_the_file_is_not_asked_twice(server, get):
    assert get(fails(404), sends(CONTENT)).read_bytes() == CONTENT
    assert server.requests == [("/a", None), ("/b", None)]


def test_a_file_that_no_mirror_has_is_an_error_that_says_so(get, tmp_path):
    with pytest.raises(ConnectionError, match="404 Not Found") as caught:
        get(fails(404), fails(410))
    assert is_short(caught.value, "photos.tgz") and _left(tmp_path) == []
    said = str(caught.value)
    assert said.count("127.0.0.1") == 1 and "410" not in said, "one server, one reason"


def test_a_busy_server_is_asked_again(server, get):
    assert get(in_turn(fails(503), fails(503), sends(CONTENT))).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_given_up(server, get):
    with pytest.raises(ConnectionError, match="503 Service Unavailable") as caught:
        get(fails(503))
    assert is_short(caught.value, "photos.tgz") and len(server.requests) == 4


def test_the_pauses_between_tries_grow(get, monkeypatch):
    pauses = []
    monkeypatch.setattr(download, "PAUSE", 1.0)
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    with pytest.raises(ConnectionError):
        get(fails(503))
    assert pauses == [1, 2, 4]


def test_a_web_page_is_not_taken_for_the_file(server, get, tmp_path):
    # The log-in page of a hotel or a school, which answers 200 to everything.
    page = sends(b"<html>Please log in", "text/html; charset=utf-8")
    with pytest.raises(ConnectionError, match="a web page instead of the file") as caught:
        get(page, checksum="")
    assert is_short(caught.value, "photos.tgz") and _left(tmp_path) == [] and len(server.requests) == 1
    assert get(page, sends(CONTENT)).read_bytes() == CONTENT
    assert server.requests == [("/a", None), ("/b", None)]


def test_no_server_at_all_is_an_error_in_words(server, tmp_path):
    with socket.socket() as deaf:  # it has a port, and listens to nobody there
        deaf.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError, match="127.0.0.1: no connection") as caught:
            download.download([f"http://127.0.0.1:{deaf.getsockname()[1]}/a"], _path(tmp_path))
    assert is_short(caught.value, "photos.tgz")


class FullDisk(io.FileIO):
    """A file on a disk with room for one block."""

    def write(self, block):
        if self.tell() + len(block) > 2**18:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(block)


def test_a_disk_that_fills_up_keeps_what_came_and_says_what_to_do(server, get, tmp_path, monkeypatch):
    with monkeypatch.context() as full:
        full.setenv("TLKIT_CACHE", str(tmp_path))
        full.setattr(download, "open", FullDisk, raising=False)
        with pytest.raises(OSError, match="Make room, or set TLKIT_CACHE") as caught:
            get(sends(CONTENT), sends(CONTENT))
    assert is_short(caught.value, "photos.tgz") and caught.value.errno == errno.ENOSPC
    assert server.requests == [("/a", None)]  # another try or mirror would not help
    assert _part(tmp_path).read_bytes() == CONTENT[: 2**18]
    assert get(sends(CONTENT)).read_bytes() == CONTENT
    assert server.requests == [("/a", f"bytes={2**18}-")]


def test_too_little_room_is_known_before_any_request(server, get, tmp_path, monkeypatch):
    leave_free(monkeypatch, len(CONTENT) - 1)
    monkeypatch.setenv("TLKIT_CACHE", str(tmp_path))
    with pytest.raises(OSError, match="set TLKIT_CACHE") as caught:
        get(sends(CONTENT), size=len(CONTENT))
    assert is_short(caught.value, "photos.tgz", cause=False) and caught.value.errno == errno.ENOSPC
    assert server.requests == []


def test_only_what_is_missing_needs_room(get, tmp_path, monkeypatch):
    _leave_part(tmp_path, CONTENT[:HALF])
    leave_free(monkeypatch, len(CONTENT) - HALF)
    assert get(sends(CONTENT), size=len(CONTENT)).read_bytes() == CONTENT


def test_offline_makes_no_request(server, get, monkeypatch):
    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="TLKIT_OFFLINE") as caught:
        get(sends(CONTENT))
    assert is_short(caught.value, "photos.tgz", cause=False) and server.requests == []
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
