"""Downloads of official files: resumable, verified, and put in place only when complete."""

import contextlib
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
import requests
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from recx.errors import DataError
from recx.storage.atomic_files import replace_file

ATTEMPTS = 4
BLOCK = 1 << 16
TIMEOUT = (10.0, 30.0)
_BEGINNINGS = {".gz": b"\x1f\x8b", ".zip": b"PK"}


@dataclass(frozen=True)
class Download:
    """A file at its official address.

    Attributes:
        url: the address.
        checksum: "md5:..." or "sha256:..." if published; otherwise the checksum of the first download is recorded.
        members: paths of the wanted files in a zip archive; empty if the file itself is wanted.
    """

    url: str
    checksum: str = ""
    members: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that it puts in the folder."""
        return tuple(m.rsplit("/", 1)[-1] for m in self.members) or (self.name,)


def fetch(download: Download, folder: Path) -> list[Path]:
    """Paths of a download's files, downloading them if necessary.

    Raises:
        DataError: with the address and the cause; a partial download is kept for the next attempt.
    """
    places = [folder / name for name in download.files]
    if all(p.is_file() for p in places):
        return places
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            if not all(p.is_file() for p in places):
                archive = _retrieve(download, folder)
                if download.members:
                    extract(archive, dict(zip(download.members, places, strict=True)))
                # Only now, so that the checksum of an invalid archive is never recorded.
                _record_checksum(download, archive)
                if download.members:
                    archive.unlink()
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error}). Free some space, or set RECX_CACHE_DIR to another folder. Partial "
            "downloads are kept."
        ) from error
    return places


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder, which must exist, against downloads by other processes; waits for the lock."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=1)
    except Timeout:
        print(f"Another process is downloading into {folder}; waiting for it to finish.", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _checksums(folder: Path) -> dict[str, str]:
    record = folder / "checksums.json"
    try:
        known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise DataError(f"{record} is damaged: expected a JSON object of addresses and checksums. Repair or delete it.")
    return known


def _record_checksum(download: Download, path: Path) -> None:
    known = _checksums(path.parent)
    if download.checksum or download.url in known:
        return
    known[download.url] = f"sha256:{pooch.file_hash(str(path))}"
    replace_file(path.parent / "checksums.json", json.dumps(known, indent=1))


def _retrieve(download: Download, folder: Path) -> Path:
    expected = download.checksum or _checksums(folder).get(download.url)
    try:
        return Path(
            pooch.retrieve(
                download.url,
                known_hash=expected,
                fname=download.name,
                path=folder,
                downloader=_resuming(folder / f"{download.name}.part"),
            )
        )
    except ValueError as error:
        raise DataError(
            f"{download.url}: the downloaded file does not have the expected checksum ({expected}) and was deleted. If "
            f"the publisher has updated the file, remove its line from {folder / 'checksums.json'} and try again."
        ) from error
    except requests.RequestException as error:
        raise DataError(
            f"{download.url}: cannot be downloaded ({_reason(error)}). Run the same command again to resume; or obtain "
            "the file by other means and name its folder with --data-dir."
        ) from error


def _resuming(part: Path) -> Callable[[str, str, Any], None]:
    """A downloader for pooch that resumes `part`, in several attempts."""

    def download(url: str, output_file: str, _pooch: Any) -> None:
        for attempt in range(ATTEMPTS):
            try:
                _continue(url, part)
                break
            except requests.HTTPError:
                raise  # the server has answered, so retrying would not help
            except requests.RequestException:
                if attempt == ATTEMPTS - 1:
                    raise
        _version_file(part).unlink(missing_ok=True)
        _refuse_page(part, url)
        os.replace(part, output_file)

    return download


def _refuse_page(part: Path, url: str) -> None:
    """Reject a web page sent in place of an archive, such as an error or login page."""
    wanted = _BEGINNINGS.get(Path(url).suffix)
    with part.open("rb") as file:
        if wanted and not file.read(len(wanted)).startswith(wanted):
            file.close()
            part.unlink()
            raise DataError(
                f"{url}: the server did not send a {Path(url).suffix} file but perhaps a web page; it was deleted."
            )


def _continue(url: str, part: Path) -> None:
    """Append the missing rest of a file; start over if the file on the server has changed."""
    have, version = (part.stat().st_size if part.is_file() else 0), _version(part)
    headers = {"Accept-Encoding": "identity"}
    if have and version:
        headers |= {"Range": f"bytes={have}-", "If-Range": version}
    else:
        have = 0
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as reply:
        if reply.status_code == 416:  # the part is at least as long as the file, so it is invalid
            part.unlink()
            raise requests.ConnectionError("the partial download did not match the file")
        reply.raise_for_status()
        goes_on = reply.status_code == 206 and reply.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        version = reply.headers.get("ETag") or reply.headers.get("Last-Modified") or ""
        _version_file(part).write_text("" if version.startswith("W/") else version, encoding="utf-8")
        rest = int(reply.headers.get("Content-Length") or 0)
        total = have + rest if rest else None
        if total and shutil.disk_usage(part.parent).free < rest:
            raise OSError(f"{rest / 1e9:.1f} GB needed, {shutil.disk_usage(part.parent).free / 1e9:.1f} GB free")
        bar = tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.name.removesuffix(".part"))
        with part.open("ab" if have else "wb") as file, bar:
            for block in reply.iter_content(BLOCK):
                file.write(block)
                bar.update(len(block))
    if total and part.stat().st_size != total:
        raise requests.ConnectionError(f"{part.stat().st_size:,} of {total:,} bytes received")


def _version_file(part: Path) -> Path:
    """File beside a part that records which version of the file on the server it belongs to."""
    return part.with_suffix(".version")


def _version(part: Path) -> str:
    mark = _version_file(part)
    return mark.read_text(encoding="utf-8") if mark.is_file() else ""


def extract(archive: Path, members: dict[str, Path]) -> None:
    """Unpack members of an archive; an invalid archive is deleted, but it is kept if the disk is full."""
    for member, place in members.items():
        beside = place.with_name(place.name + ".part")
        try:
            with zipfile.ZipFile(archive) as opened, opened.open(member) as source:
                size, free = opened.getinfo(member).file_size, shutil.disk_usage(archive.parent).free
                if size > free:
                    raise OSError(f"{member} needs {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")
                with beside.open("wb") as target:
                    shutil.copyfileobj(source, target)
        except (KeyError, zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
            beside.unlink(missing_ok=True)
            archive.unlink(missing_ok=True)
            raise DataError(f"{archive}: {member} cannot be unpacked ({error}).") from error
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        beside.replace(place)


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    return str(error).split("(Caused by")[0][:160]
