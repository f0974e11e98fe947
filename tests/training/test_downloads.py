import contextlib
import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.training import downloads
from helpers.training.downloads import RemoteArchive, RemoteFile, data_folder, read_files
from tests.conftest import ROOT

BODY = bytes(range(256)) * 400  # 102,400 bytes: more than one piece
CLOSED = "http://127.0.0.1:9/nobody"  # port 9 (discard): nothing listens there


def remote_file(*urls, name="set/file.bin", body=BODY):
    return RemoteFile(name, len(body), hashlib.sha256(body).hexdigest(), urls)


def read(remote, root, timeout=60.0):
    return list(read_files([remote], root, timeout))


def leftovers(root):
    """Return every file below ``root``, and every unfinished folder."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() or path.suffix)


# --- the folder


def test_the_environment_variable_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CNN_BOOK_DATA", str(tmp_path))
    assert data_folder() == tmp_path


def test_the_folder_may_begin_at_home(monkeypatch):
    monkeypatch.setenv("CNN_BOOK_DATA", "~/sets")
    assert data_folder() == Path.home() / "sets"


@pytest.mark.parametrize("unset", [True, False])
def test_without_a_name_the_folder_is_in_the_users_cache(monkeypatch, unset):
    monkeypatch.delenv("CNN_BOOK_DATA", raising=False)
    if not unset:
        monkeypatch.setenv("CNN_BOOK_DATA", "")
    assert data_folder() == Path(pooch.os_cache("how-cnns-learn"))


# --- what is there already


def test_a_file_on_disk_is_used_without_a_request(host, tmp_path):
    remote = remote_file(host.serve(BODY))
    (tmp_path / "set").mkdir()
    (tmp_path / remote.name).write_bytes(BODY)
    assert read(remote, tmp_path) == [BODY]
    assert host.requests == []


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (BODY[:-1], f"got {len(BODY) - 1} bytes with sha256 [0-9a-f]{{64}}; delete or replace .*file.bin$"),
        (b"", "got 0 bytes"),
        (BODY + b"x", "got more bytes; delete or replace"),
        (b"?" + BODY[1:], f"got {len(BODY)} bytes with sha256"),
    ],
)
def test_a_wrong_file_on_disk_is_named_and_left_alone(host, tmp_path, content, got):
    remote = remote_file(host.serve(BODY))
    path = tmp_path / remote.name
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"file\.bin must have {len(BODY)} bytes with sha256 .*, {got}"):
        read(remote, tmp_path)
    assert path.read_bytes() == content
    assert host.requests == []


# --- hosts


@pytest.mark.parametrize("how", ["whole", "without_length", "marked_as_gzip", "gzip_if_welcome"])
def test_a_download_arrives_whole(host, tmp_path, how):
    remote = remote_file(host.serve(BODY, how))
    assert read(remote, tmp_path) == [BODY]
    assert leftovers(tmp_path) == ["set/file.bin"]
    assert (tmp_path / remote.name).stat().st_mode & 0o777 == 0o644
    assert read(remote, tmp_path) == [BODY]
    assert len(host.requests) == 1


def test_a_file_takes_its_place_in_one_step(tmp_path):
    part = tmp_path / "part"
    part.write_bytes(BODY)
    inode = part.stat().st_ino
    remote_file().install(part, tmp_path)
    assert (tmp_path / "set" / "file.bin").stat().st_ino == inode  # renamed, not copied
    assert not part.exists()


def test_a_redirect_is_followed(host, tmp_path):
    remote = remote_file(host.serve(host.serve(BODY).encode(), "redirect"))
    assert read(remote, tmp_path) == [BODY]


FAULTS = {
    "missing": "404",
    "cut_off": "IncompleteRead",
    "cut_off_without_length": f"expected {remote_file().sha256} but got",
    "claim_less": f"expected {remote_file().sha256} but got",
    "claim_more": "IncompleteRead",
    "endless": f"the body must have at most {len(BODY)} bytes, got more",
    "silent": "timed out",
    "stall": "timed out",
    "trickle": r"the host must send 1024 bytes a second, got \d+ in",
    "die": "Connection (broken|aborted)",
}


def patience(how):
    """Return the seconds after which a host is given up: few where that is what the test waits for."""
    return 1.0 if how in ("silent", "stall", "trickle") else 60.0


@pytest.mark.parametrize("how", FAULTS)
def test_a_faulty_host_is_given_up_and_the_next_one_tried(host, tmp_path, how):
    remote = remote_file(host.serve(BODY, how), host.serve(BODY))
    assert read(remote, tmp_path, patience(how)) == [BODY]
    assert len(host.requests) == 2
    assert leftovers(tmp_path) == ["set/file.bin"]


@pytest.mark.parametrize(("how", "fault"), FAULTS.items())
def test_the_fault_of_a_host_is_told_and_nothing_is_left(host, tmp_path, how, fault):
    remote = remote_file(host.serve(BODY, how))
    with pytest.raises(ConnectionError, match=rf"(?s)set/file\.bin must come .*/0: .*{fault}"):
        read(remote, tmp_path, patience(how))
    assert leftovers(tmp_path) == []


def test_a_host_that_lies_is_given_up(host, tmp_path):
    lie = b"<html>Please sign in</html>"
    remote = remote_file(host.serve(lie), host.serve(BODY[::-1]), host.serve(BODY))
    assert read(remote, tmp_path) == [BODY]
    assert leftovers(tmp_path) == ["set/file.bin"]


def test_when_no_host_delivers_each_says_why_and_the_places_by_hand_are_told(host, tmp_path):
    absent = host.serve(how="missing")
    remotes = [remote_file(CLOSED, absent), remote_file(CLOSED, name="set/other.bin")]
    with pytest.raises(ConnectionError) as caught:
        list(read_files(remotes, tmp_path, timeout=2))
    message = str(caught.value)
    assert "set/file.bin must come from one of its hosts, got it from none" in message
    assert f"{CLOSED}: " in message and "refused" in message
    assert f"{absent}: 404" in message
    assert f"{tmp_path / 'set' / 'file.bin'}\n" in message
    assert f"{tmp_path / 'set' / 'other.bin'}\n" in message
    assert "CNN_BOOK_DATA" in message


def test_a_slow_but_steady_host_is_not_given_up(host, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "SLOWEST", 1)
    body = BODY[:80]
    assert read(remote_file(host.serve(body, "trickle"), body=body), tmp_path, timeout=0.5) == [body]


def test_no_progress_is_shown_where_output_is_captured(host, tmp_path, capfd):
    read(remote_file(host.serve(BODY)), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal_and_wiped(host, tmp_path, monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    read(remote_file(host.serve(BODY)), tmp_path)
    assert "set/file.bin" in screen.getvalue()
    assert screen.getvalue().split("\r")[-2].strip() == ""


# --- interruption, company, and folders that cannot be written


def script(remote, root, timeout=30):
    """Return the command line of a process that reads one file."""
    code = f"""
from pathlib import Path
from helpers.training.downloads import RemoteFile, read_files
remote = RemoteFile({remote.name!r}, {remote.size}, {remote.sha256!r}, {remote.urls!r})
print(sum(map(len, read_files([remote], Path({str(root)!r}), {timeout}))))
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
    remote = remote_file(host.serve(BODY, "stall"))
    with subprocess.Popen(script(remote, tmp_path), cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: any(path.is_file() and path.stat().st_size for path in tmp_path.rglob("*")))
        process.send_signal(how)
    assert process.returncode != 0
    assert not (tmp_path / remote.name).exists()
    left = list(tmp_path.iterdir())
    assert [path.suffix for path in left] == ([] if how == signal.SIGINT else [".part"])

    assert read(remote_file(host.serve(BODY)), tmp_path) == [BODY]
    assert [path for path in left if not path.exists()] == []  # it may belong to a download that goes on
    for path in left:
        os.utime(path, (0, time.time() - 2 * 86_400))
    (tmp_path / remote.name).unlink()
    read(remote_file(host.serve(BODY)), tmp_path)
    assert leftovers(tmp_path) == ["set/file.bin"]


def test_processes_that_download_at_once_do_not_disturb_each_other(host, tmp_path):
    remote = remote_file(host.serve(BODY, "together"))
    command = script(remote, tmp_path)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as other:
        assert read(remote, tmp_path, timeout=60) == [BODY]
        assert other.communicate() == (f"{len(BODY)}\n", "")  # pooch keeps quiet
    assert len(host.requests) == 2
    assert leftovers(tmp_path) == ["set/file.bin"]


@contextlib.contextmanager
def unprivileged_folder(mode):
    """Give a folder of root's that this process, no longer root, sees with the given mode."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "set").mkdir()
        (folder / "set" / "file.bin").write_bytes(BODY)
        folder.chmod(mode)
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
    with unprivileged_folder(0o555) as folder:
        assert read(remote_file(host.serve(BODY)), folder) == [BODY]
        other = remote_file(host.serve(BODY), name="set/other.bin")
        with pytest.raises(OSError, match=r"must be writable .*got /.*Permission denied.*set CNN_BOOK_DATA"):
            read(other, folder)
        assert leftovers(folder) == ["set/file.bin"]


def test_a_file_in_the_place_of_the_folder_is_named(host, tmp_path):
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(OSError, match=r"the data folder must be writable to complete it, got .*data: "):
        read(remote_file(host.serve(BODY)), tmp_path / "data")


def test_a_fault_of_the_folder_is_not_blamed_on_a_host(host, tmp_path):
    (tmp_path / "set").write_bytes(b"in the way")
    with pytest.raises(FileExistsError, match="set"):
        read(remote_file(host.serve(BODY), host.serve(BODY)), tmp_path)
    assert len(host.requests) == 1
    assert leftovers(tmp_path) == ["set"]


# --- archives

MEMBERS = {"set/one.bin": b"1" * 3000, "set/two.bin": b"2" * 5000}


def entry(name, content=b"", **fields):
    """Return a member of an archive and its content."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tar(*entries, compress=gzip.compress):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return compress(buffer.getvalue())


GOOD = [entry(name, content) for name, content in MEMBERS.items()]


def remote_archive(*urls, members=MEMBERS):
    files = tuple(remote_file(name=name, body=body) for name, body in members.items())
    return RemoteArchive("set.tar.gz", 100_000, files, urls)


@pytest.mark.parametrize("prefix", ["set/", "", "./set/", "./"])
def test_the_members_of_an_archive_are_found(host, tmp_path, prefix):
    entries = [entry(name.replace("set/", prefix), content) for name, content in MEMBERS.items()]
    body = tar(entry("set", type=tarfile.DIRTYPE), entry("set/readme.html", b"..."), *entries[::-1])
    assert read(remote_archive(host.serve(body)), tmp_path) == list(MEMBERS.values())
    assert leftovers(tmp_path) == ["set/one.bin", "set/two.bin"]


def test_an_archive_put_there_by_hand_is_used(host, tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(tar(*GOOD))
    assert read(remote_archive(host.serve(tar(*GOOD))), tmp_path) == list(MEMBERS.values())
    assert host.requests == []
    assert (tmp_path / "set.tar.gz").exists()


def test_a_wrong_archive_put_there_by_hand_is_named(host, tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(tar(*GOOD)[:40])
    with pytest.raises(ValueError, match=r"set\.tar\.gz must be a whole tar\.gz.*; delete or replace /"):
        read(remote_archive(host.serve(tar(*GOOD))), tmp_path)
    assert leftovers(tmp_path) == ["set.tar.gz"]


def test_only_the_missing_members_are_written(host, tmp_path):
    archive = remote_archive(host.serve(tar(*GOOD)))
    (tmp_path / "set").mkdir()
    (tmp_path / "set/one.bin").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"set/one\.bin must have 3000 bytes"):
        read(archive, tmp_path)
    assert (tmp_path / "set/one.bin").read_bytes() == b"mine"
    assert (tmp_path / "set/two.bin").read_bytes() == MEMBERS["set/two.bin"]


# Behind the ten bytes of gzip's header, 7 is a block of a type that does not exist.
DAMAGED = tar(*GOOD)[:10] + b"\x07" + tar(*GOOD)[11:]
BOMB = entry("bomb", bytes(3 << 20))
BAD_ARCHIVES = {
    "no gzip": (
        b"<html>Please sign in</html>",
        "must be a whole tar.gz, got an unreadable one: Not a gzipped",
    ),
    "no tar": (gzip.compress(b"?" * 2000), "must be a whole tar.gz"),
    "empty": (gzip.compress(b""), "must be a whole tar.gz"),
    "truncated": (tar(*GOOD)[:-30], "must be a whole tar.gz, got an unreadable one"),
    "cut inside a member": (gzip.compress(tar(*GOOD, compress=bytes)[:4000]), "must be a whole tar.gz"),
    "damaged": (DAMAGED, "must be a whole tar.gz, got an unreadable one: .*invalid block type"),
    "lacks a member": (tar(GOOD[0]), r"must hold set/two\.bin, got an archive without"),
    "wrong content": (tar(entry("set/one.bin", b"x" * 3000)), r"set/one\.bin in set\.tar\.gz must have 3000"),
    "too long": (tar(entry("set/one.bin", b"1" * 3001)), r"must have 3000 bytes .* got more bytes"),
    "bomb before the members": (tar(BOMB, *GOOD), "must unpack to at most 1056576 bytes, got more"),
    "bomb in the name of a member": (tar(entry("set/one.bin", bytes(1 << 20))), "got more bytes"),
    "symlink": (
        tar(entry("set/one.bin", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
        r"must hold set/one\.bin",
    ),
    "hard link": (
        tar(entry("set/one.bin", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
        r"must hold set/one",
    ),
    "device": (
        tar(entry("set/one.bin", type=tarfile.CHRTYPE, devmajor=1, devminor=5)),
        r"must hold set/one\.bin",
    ),
    "fifo": (tar(entry("set/one.bin", type=tarfile.FIFOTYPE)), r"must hold set/one\.bin"),
    "upwards": (tar(entry("../set/one.bin", MEMBERS["set/one.bin"])), r"must hold set/one\.bin"),
    "absolute": (tar(entry("/set/one.bin", MEMBERS["set/one.bin"])), r"must hold set/one\.bin"),
}


@pytest.mark.parametrize(("body", "fault"), BAD_ARCHIVES.values(), ids=BAD_ARCHIVES)
def test_a_bad_archive_is_refused_and_the_next_host_tried(host, tmp_path, body, fault):
    root = tmp_path / "data"
    with pytest.raises(ConnectionError, match=f"(?s)set.tar.gz must come from one of its hosts.*{fault}"):
        read(remote_archive(host.serve(body)), root)
    assert all(name in MEMBERS and (root / name).read_bytes() == MEMBERS[name] for name in leftovers(root))
    assert read(remote_archive(host.serve(body), host.serve(tar(*GOOD))), root) == list(MEMBERS.values())
    assert leftovers(tmp_path) == ["data/set/one.bin", "data/set/two.bin"]


def test_nothing_outside_the_folder_is_written(host, tmp_path):
    evil = b"evil"
    outside = tmp_path / "outside.bin"
    entries = [
        entry("../outside.bin", evil),
        entry(str(outside), evil),
        entry("set/../../outside.bin", evil),
        entry("set", type=tarfile.SYMTYPE, linkname=".."),
        entry("set/outside.bin", evil),
        entry("device", type=tarfile.BLKTYPE, devmajor=8),
    ]
    root = tmp_path / "data"
    assert read(remote_archive(host.serve(tar(*entries, *GOOD))), root) == list(MEMBERS.values())
    assert leftovers(tmp_path) == ["data/set/one.bin", "data/set/two.bin"]
    assert not (root / "set").is_symlink()


def test_a_forged_size_does_not_keep_the_reader_busy(host, tmp_path):
    raw = bytearray(tar(entry("huge"), compress=bytes))
    raw[124:136] = b"\x80" + (1 << 60).to_bytes(11, "big")
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    with pytest.raises(ConnectionError, match="got an unreadable one: it ends too soon"):
        read(remote_archive(host.serve(gzip.compress(bytes(raw)))), tmp_path)


@settings(max_examples=150)
@given(changes=st.lists(st.tuples(st.integers(0, 2047), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_archive_gives_a_clear_error_or_the_right_files(changes):
    raw = bytearray(tar(entry("n" * 120, b"long name"), *GOOD, compress=bytes))
    for place, byte in changes:
        raw[place] = byte
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "set.tar.gz").write_bytes(gzip.compress(bytes(raw), 1))
        try:
            assert read(remote_archive(), root) == list(MEMBERS.values())
        except ValueError as error:
            assert "set.tar.gz" in str(error)
