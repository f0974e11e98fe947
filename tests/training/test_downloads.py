import contextlib
import functools
import hashlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pooch
import pytest

from helpers.training import downloads
from helpers.training.downloads import Download, data_folder, read_files
from helpers.training.progress import progress_bar
from tests.conftest import ROOT
from tests.training.hosts import checksum, tar

BODY = bytes(range(256)) * 400  # 102,400 bytes: many pieces
CLOSED = "http://127.0.0.1:9/nobody"  # port 9 (discard): nothing listens there
FILE = "set/file.bin"


def download(*urls, name=FILE, body=BODY):
    return Download(name, len(body), {name: checksum(body)}, dict.fromkeys(urls, checksum(body)))


def read(remote, root):
    return list(read_files([remote], root))


def put(root, name, content):
    """Put a file there by hand."""
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def leftovers(root):
    """Return every file below ``root``, and every unfinished folder."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() or path.suffix)


# --- the folder


def test_the_environment_variable_names_the_folder(monkeypatch):
    cache = Path(pooch.os_cache("how-cnns-learn"))
    for value, folder in {"/sets": Path("/sets"), "~/sets": Path.home() / "sets", "": cache}.items():
        monkeypatch.setenv("CNN_BOOK_DATA", value)
        assert data_folder() == folder
    monkeypatch.delenv("CNN_BOOK_DATA")
    assert data_folder() == cache


# --- what is there already


def test_a_file_on_disk_is_used_without_a_request(host, tmp_path):
    put(tmp_path, FILE, BODY)
    assert read(download(host.serve(BODY)), tmp_path) == [BODY]
    assert host.requests == []


@pytest.mark.parametrize("content", [BODY[:-1], b"", BODY + b"x", b"?" + BODY[1:]])
def test_a_wrong_file_on_disk_is_named_and_left_alone(host, tmp_path, content):
    path = put(tmp_path, FILE, content)
    got = f"got {len(content)} bytes with sha256 {checksum(content)}; delete or replace it"
    with pytest.raises(ValueError, match=rf"set/file\.bin must have sha256 {checksum(BODY)}, {got}"):
        read(download(host.serve(BODY)), tmp_path)
    assert path.read_bytes() == content
    assert host.requests == []


# --- hosts


@pytest.mark.parametrize("how", ["whole", "without_length"])
def test_a_download_arrives_whole(host, tmp_path, capfd, how):
    remote = download(host.serve(BODY, how))
    assert read(remote, tmp_path) == [BODY]
    assert leftovers(tmp_path) == [FILE]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644
    assert read(remote, tmp_path) == [BODY] and len(host.requests) == 1
    assert capfd.readouterr() == ("", "")  # no progress where output is captured


MISMATCH = f"expected {checksum(BODY)} but got"
FAULTS = {
    "missing": (BODY, "404"),
    "cut_off": (BODY, "IncompleteRead"),
    "cut_off_without_length": (BODY, MISMATCH),
    "whole": (b"<html>Please sign in</html>", MISMATCH),
    "stall": (BODY, "timed out"),
    "die": (BODY, "Connection (broken|aborted)"),
}


@pytest.mark.parametrize(("how", "body", "fault"), [(how, *rest) for how, rest in FAULTS.items()], ids=FAULTS)
def test_a_faulty_host_is_named_or_the_next_one_tried(host, tmp_path, monkeypatch, how, body, fault):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.3 if fault == "timed out" else 60.0)
    faulty = host.serve(body, how)
    with pytest.raises(ConnectionError, match=rf"(?s)set/file\.bin must come .*/0: .*{fault}"):
        read(download(faulty), tmp_path)
    assert leftovers(tmp_path) == []
    assert read(download(faulty, host.serve(BODY)), tmp_path) == [BODY]
    assert len(host.requests) == 3
    assert leftovers(tmp_path) == [FILE]


def test_when_no_host_delivers_each_says_why_and_the_places_by_hand_are_told(host, tmp_path):
    absent = host.serve(how="missing")
    remotes = [download(CLOSED, absent), download(CLOSED, name="set/other.bin")]
    with pytest.raises(ConnectionError) as caught:
        list(read_files(remotes, tmp_path))
    message = str(caught.value)
    assert "set/file.bin must come from one of its hosts, got it from none" in message
    assert f"{CLOSED}: " in message and "refused" in message
    assert f"{absent}: 404" in message
    assert f"by hand, unpacked if it is an archive, as\n  {tmp_path / FILE}\n" in message
    assert f"\n  {tmp_path / 'set' / 'other.bin'}\nor set CNN_BOOK_DATA" in message


@pytest.mark.parametrize(("how", "text"), [("whole", "100%"), ("cut_off", "100%"), ("without_length", FILE)])
def test_progress_is_shown_on_a_terminal_and_wiped(host, tmp_path, monkeypatch, how, text):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(downloads, "progress_bar", functools.partial(progress_bar, mininterval=0))
    read(download(host.serve(BODY, how), host.serve(BODY)), tmp_path)
    assert FILE in screen.getvalue() and text in screen.getvalue()
    assert screen.getvalue().split("\r")[-2].strip() == ""


# --- interruption, company, and folders that cannot be written


def script(remote, root):
    """Return the command line of a process that reads one file."""
    code = f"""
from pathlib import Path
from helpers.training.downloads import Download, read_files
print(sum(map(len, read_files([{remote!r}], Path({str(root)!r})))))
"""
    return [sys.executable, "-c", code]


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to a process")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_download_leaves_no_half_file(host, tmp_path, how):
    remote = download(host.serve(BODY, "stall"))
    with subprocess.Popen(script(remote, tmp_path), cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: any(path.is_file() and path.stat().st_size for path in tmp_path.rglob("*")))
        process.send_signal(how)
    assert process.returncode != 0
    assert not (tmp_path / FILE).exists()
    assert [path.suffix for path in tmp_path.iterdir()] == ([] if how == signal.SIGINT else [".part"])
    assert read(download(host.serve(BODY)), tmp_path) == [BODY]


def test_processes_that_download_at_once_do_not_disturb_each_other(host, tmp_path):
    remote = download(host.serve(BODY, "together"))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(script(remote, tmp_path), cwd=ROOT, **pipes) as other:
        assert read(remote, tmp_path) == [BODY]
        assert other.communicate() == (f"{len(BODY)}\n", "")  # pooch keeps quiet
    assert len(host.requests) == 2
    assert leftovers(tmp_path) == [FILE]


def test_a_file_takes_its_place_in_one_step(host, tmp_path, monkeypatch):
    moves = []
    monkeypatch.setattr(downloads.os, "replace", lambda source, target: moves.append((source, target)))
    with pytest.raises(FileNotFoundError):
        read(download(host.serve(BODY)), tmp_path)
    [(source, target)] = moves  # nothing but this one rename brings the file to its place
    assert target == tmp_path / FILE
    assert source.is_relative_to(tmp_path) and source.parent.suffix == ".part"


@contextlib.contextmanager
def unprivileged_folder():
    """Give a folder of root's that this process, no longer root, cannot write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put(folder, FILE, BODY)
        folder.chmod(0o555)
        is_root = os.geteuid() == 0
        try:
            if is_root:
                os.seteuid(65534)
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_read_only_folder_serves_what_it_has_and_says_what_it_cannot(host):
    with unprivileged_folder() as folder:
        assert read(download(host.serve(BODY)), folder) == [BODY]
        other = download(host.serve(BODY), name="set/other.bin")
        with pytest.raises(OSError, match=r"must be writable .*got /.*Permission denied.*set CNN_BOOK_DATA"):
            read(other, folder)
        assert leftovers(folder) == [FILE]


def test_a_full_folder_is_not_blamed_on_a_host(host, tmp_path):
    resource = pytest.importorskip("resource")  # which Windows lacks
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(BODY) // 2, hard))  # as if the disk had no more room
    try:
        with pytest.raises(OSError, match=r"have room for set/file\.bin.*too large; set"):
            read(download(host.serve(BODY), host.serve(BODY)), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert len(host.requests) == 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("place", ["data", "data/set"])
def test_a_file_in_the_place_of_a_folder_is_named(host, tmp_path, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_bytes(b"in the way")
    with pytest.raises(OSError, match=r"the data folder must be writable .*, got .*data: .*exists"):
        read(download(host.serve(BODY), host.serve(BODY)), tmp_path / "data")
    assert leftovers(tmp_path) == [place]


# --- archives

MEMBERS = {"set/one.bin": b"1" * 3000, "set/two.bin": b"2" * 5000}
GOOD = tar({"set/readme.html": b"...", **MEMBERS})
FLAT = tar({Path(name).name: content for name, content in MEMBERS.items()} | {"._one.bin": b"of a Mac"})


def archive(mirrors):
    checksums = {name: checksum(content) for name, content in MEMBERS.items()}
    return Download("set.tar.gz", len(GOOD), checksums, mirrors)


@pytest.mark.parametrize("body", [GOOD, FLAT], ids=["in a folder", "flat"])
def test_the_members_of_an_archive_are_unpacked(host, tmp_path, body):
    remote = archive({host.serve(body): checksum(body)})
    assert read(remote, tmp_path) == read(remote, tmp_path) == list(MEMBERS.values())
    assert leftovers(tmp_path) == ["set/one.bin", "set/two.bin"]
    assert len(host.requests) == 1


def test_mirrors_that_pack_differently_have_each_their_own_hash(host, tmp_path):
    sha1 = f"sha1:{hashlib.sha1(FLAT).hexdigest()}"
    remote = archive({host.serve(FLAT): checksum(GOOD), host.serve(FLAT): sha1})
    assert read(remote, tmp_path) == list(MEMBERS.values())
    assert len(host.requests) == 2


def test_an_unknown_archive_is_refused_before_it_is_unpacked(host, tmp_path, monkeypatch):
    monkeypatch.setattr(pooch.Untar, "__call__", lambda *_: pytest.fail("unpacked"))
    evil = tar({**MEMBERS, "../../outside.bin": b"evil"})
    bodies = [evil, GOOD[:-30], b"<html>Please sign in</html>"]
    with pytest.raises(ConnectionError, match=r"set\.tar\.gz must come from one of its hosts") as caught:
        read(archive({host.serve(body): checksum(GOOD) for body in bodies}), tmp_path)
    assert str(caught.value).count(f"expected {checksum(GOOD)} but got") == 3
    assert all(f"\n  {tmp_path / name}\n" in str(caught.value) for name in MEMBERS)
    assert leftovers(tmp_path) == []


def test_only_the_missing_members_are_written(host, tmp_path):
    mine = put(tmp_path, "set/one.bin", b"mine")
    with pytest.raises(ValueError, match=r"set/one\.bin must have sha256 .*, got 4 bytes"):
        read(archive({host.serve(GOOD): checksum(GOOD)}), tmp_path)
    assert mine.read_bytes() == b"mine"
    assert (tmp_path / "set/two.bin").read_bytes() == MEMBERS["set/two.bin"]
