"""Downloads from a local server that misbehaves in many ways."""

import gzip
import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from filelock import FileLock

from recx.data import downloads
from recx.data.downloads import Download, fetch
from recx.errors import DataError

BODY = bytes(range(256)) * 4096


class Misbehaving(BaseHTTPRequestHandler):
    """Serves `server.body`; each request consumes the next entry of `server.plan`, which says how to misbehave."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        what = server.plan.pop(0) if server.plan else "whole"
        if what == "missing":
            return self.send_error(404)
        body = server.body
        first = 0
        asked = self.headers.get("Range")
        if asked and what != "ignores ranges" and self.headers.get("If-Range") == server.version:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - first))
        self.send_header("ETag", server.version)
        self.end_headers()
        rest = body[first:]
        if what in ("truncates", "stalls"):
            self.wfile.write(rest[: len(rest) // 2])
            self.wfile.flush()
            if what == "stalls":
                server.wake.wait(5)
            self.close_connection = True
            return None
        self.wfile.write(rest)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", (2.0, 0.3))
    made = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    made.plan, made.asked, made.body, made.version, made.wake = [], [], BODY, '"one"', threading.Event()
    made.url = f"http://127.0.0.1:{made.server_port}/data.bin"
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.wake.set()
    made.shutdown()
    made.server_close()


def md5(raw):
    return "md5:" + hashlib.md5(raw).hexdigest()


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != ".lock")


def test_a_whole_file_comes_once(server, tmp_path):
    wanted = Download(server.url, md5(BODY))
    for _ in range(2):
        (path,) = fetch(wanted, tmp_path)
        assert path.read_bytes() == BODY
    assert server.asked == [None]
    assert names(tmp_path) == ["data.bin"]


@pytest.mark.parametrize("trouble", ["truncates", "stalls"])
def test_a_broken_download_goes_on_where_it_broke(server, tmp_path, trouble):
    server.plan = [trouble, trouble]
    (path,) = fetch(Download(server.url, md5(BODY)), tmp_path)
    assert path.read_bytes() == BODY
    half, quarter = len(BODY) // 2, len(BODY) // 4
    assert server.asked == [None, f"bytes={half}-", f"bytes={half + quarter}-"]


def test_what_came_is_kept_for_the_next_command(server, tmp_path):
    server.plan = ["truncates"] * downloads.ATTEMPTS
    with pytest.raises(DataError, match="again to resume"):
        fetch(Download(server.url, md5(BODY)), tmp_path)
    assert names(tmp_path) == ["data.bin.part", "data.bin.version"]
    (path,) = fetch(Download(server.url, md5(BODY)), tmp_path)
    assert path.read_bytes() == BODY and server.asked[-1].startswith("bytes=")
    assert names(tmp_path) == ["data.bin"]


def test_a_file_changed_meanwhile_starts_again(server, tmp_path):
    server.plan = ["truncates"] * downloads.ATTEMPTS
    with pytest.raises(DataError):
        fetch(Download(server.url), tmp_path)
    server.body, server.version = BODY[::-1], '"two"'
    (path,) = fetch(Download(server.url), tmp_path)
    assert path.read_bytes() == BODY[::-1]


def test_a_server_that_knows_no_ranges(server, tmp_path):
    server.plan = ["truncates", "ignores ranges"]
    (path,) = fetch(Download(server.url, md5(BODY)), tmp_path)
    assert path.read_bytes() == BODY


def test_missing_file_says_so_and_is_asked_once(server, tmp_path):
    server.plan = ["missing"] * 3
    with pytest.raises(DataError, match="answered 404"):
        fetch(Download(server.url), tmp_path)
    assert len(server.asked) == 1 and names(tmp_path) == []


def test_wrong_bytes_are_refused_and_not_kept(server, tmp_path):
    server.body = b"<html>not the data</html>"
    with pytest.raises(DataError, match="does not have the expected checksum"):
        fetch(Download(server.url, md5(BODY)), tmp_path)
    assert names(tmp_path) == []


def test_the_first_checksum_is_recorded_and_held(server, tmp_path):
    (path,) = fetch(Download(server.url), tmp_path)
    assert names(tmp_path) == ["checksums.json", "data.bin"]
    path.unlink()
    server.body = BODY[:-1] + b"?"
    with pytest.raises(DataError, match="does not have the expected checksum"):
        fetch(Download(server.url), tmp_path)
    server.body = BODY
    assert fetch(Download(server.url), tmp_path)[0].read_bytes() == BODY


def test_no_server_at_all(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match="cannot be downloaded"):
        fetch(Download(server.url), tmp_path)


def archive(members):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return raw.getvalue()


def test_members_of_an_archive(server, tmp_path):
    server.body = archive({"ml/ratings.csv": "r", "ml/movies.csv": "m", "../outside.txt": "x"})
    found = fetch(Download(server.url, "", ("ml/ratings.csv", "ml/movies.csv")), tmp_path / "a")
    assert [p.read_text() for p in found] == ["r", "m"]
    assert names(tmp_path / "a") == ["checksums.json", "movies.csv", "ratings.csv"]
    assert not (tmp_path / "outside.txt").exists()


@pytest.mark.parametrize("body", [b"no archive", archive({"other.csv": "x"})])
def test_a_bad_archive_leaves_nothing(server, tmp_path, body):
    server.body = body
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch(Download(server.url, "", ("ml/ratings.csv",)), tmp_path)
    assert names(tmp_path) == []
    server.body = archive({"ml/ratings.csv": "r"})  # what was no archive is not what the right one is held against
    assert fetch(Download(server.url, "", ("ml/ratings.csv",)), tmp_path)[0].read_text() == "r"


@pytest.mark.parametrize("suffix", [".gz", ".zip"])
def test_a_page_instead_of_a_packed_file_is_not_kept(server, tmp_path, suffix):
    url = server.url.replace(".bin", suffix)
    server.body = b"<html>Please log in.</html>"
    with pytest.raises(DataError, match="perhaps a web page"):
        fetch(Download(url), tmp_path)
    assert names(tmp_path) == []
    server.body = gzip.compress(b"rows") if suffix == ".gz" else archive({"rows": "r"})
    assert fetch(Download(url), tmp_path)[0].read_bytes() == server.body


def test_a_disk_too_full_to_unpack_keeps_the_archive(server, tmp_path, monkeypatch):
    server.body = archive({"ml/ratings.csv": "r" * 5000})
    wanted = Download(server.url, "", ("ml/ratings.csv",))
    copy = downloads.shutil.copyfileobj

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads.shutil, "copyfileobj", full)
    with pytest.raises(DataError, match="No space left"):
        fetch(wanted, tmp_path)
    assert names(tmp_path) == ["data.bin"]
    monkeypatch.setattr(downloads.shutil, "copyfileobj", copy)
    assert fetch(wanted, tmp_path)[0].read_text() == "r" * 5000 and len(server.asked) == 1
    usage = downloads.shutil.disk_usage(tmp_path)
    (tmp_path / "ratings.csv").unlink()
    fetch_again = Download(server.url.replace("data", "more"), "", ("ml/ratings.csv",))
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage._replace(free=2000))
    with pytest.raises(DataError, match="are free"):
        fetch(fetch_again, tmp_path)
    assert "more.bin" in names(tmp_path)


def test_a_folder_that_is_a_file_is_told(server, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(DataError, match="RECX_CACHE_DIR"):
        fetch(Download(server.url), tmp_path / "cache" / "games")


def test_who_waits_for_another_download_is_told(server, tmp_path, capsys):
    holds, may_end = threading.Event(), threading.Event()

    def other():
        with FileLock(tmp_path / ".lock"):
            holds.set()
            may_end.wait(20)

    threading.Thread(target=other).start()
    holds.wait(20)
    threading.Timer(1.5, may_end.set).start()
    assert fetch(Download(server.url), tmp_path)[0].read_bytes() == BODY
    assert "Another process" in capsys.readouterr().err


def test_a_full_disk_is_told_before_it_is_full(server, tmp_path, monkeypatch):
    usage = downloads.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match="cannot be written"):
        fetch(Download(server.url), tmp_path)
    assert "data.bin" not in names(tmp_path)


@pytest.mark.parametrize("content", ["{,}", "[]"])
def test_damaged_checksums_are_named(tmp_path, content):
    (tmp_path / "checksums.json").write_text(content)
    with pytest.raises(DataError, match="checksums.json is damaged"):
        downloads._checksums(tmp_path)
