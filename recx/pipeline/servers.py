"""Servers of other packages as processes of ours: a port checked before, and what they said where they fail."""

import errno
import importlib.util
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tornado.netutil import bind_sockets

from recx.errors import RecxError, SettingsError

LOCALHOST = "127.0.0.1"
REPEATED = 6  # of the last lines a server said
PATIENCE = 15.0  # seconds that it has to end its kernels


def require_installed(module: str, name: str) -> None:
    """Check that a package of the extra `lab` is there.

    Raises:
        RecxError: it is not; how to install it.
    """
    if importlib.util.find_spec(module) is None:
        raise RecxError(f"{name} is not installed. Install it with: pip install -e '.[lab]' -c constraints.txt")


def free_port(port: int, address: str = LOCALHOST) -> int:
    """The port, if one can listen on it at this address; for 0, one that is free.

    Raises:
        SettingsError: no such port or address, or it is taken, or this user may not listen on it.
    """
    if not 0 <= port <= 65535:
        raise SettingsError(f"--port {port}: a port is a number from 1 to 65535, or 0 for any that is free.")
    try:
        sockets = bind_sockets(port, address)
    except (socket.gaierror, UnicodeError) as error:
        raise SettingsError(
            f"--address {address}: no address of this machine, such as {LOCALHOST} or 0.0.0.0."
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"another program listens there. Stop it, or name another port, e.g. --port {port % 65535 + 1}"
        elif error.errno in (errno.EACCES, errno.EPERM):
            why = "you may not listen there. Ports below 1024 are the administrator's; name one from 1024 to 65535"
        elif error.errno == errno.EADDRNOTAVAIL:
            raise SettingsError(
                f"--address {address}: this machine does not have it; {LOCALHOST} or 0.0.0.0?"
            ) from error
        else:
            why = f"{error.strerror or error}. Name another port"
        raise SettingsError(f"--port {port} at {address}: {why}, or --port 0 for any that is free.") from error
    found = sockets[0].getsockname()[1]
    for one in sockets:
        one.close()
    return found


def checked_prefix(base_url: str) -> str:
    """The path a proxy shows a page under, with a slash at both ends.

    Raises:
        SettingsError: it is no path.
    """
    parts = base_url.strip("/").split("/")
    if parts == [""]:
        return "/"
    if not all(re.fullmatch(r"[\w.~%@+,=-]+", part, re.ASCII) and part.strip(".") for part in parts):
        raise SettingsError(
            f"--base-url {base_url}: expected a path such as /user/ann/proxy/8866/, of letters, digits and -._~%@+,= "
            "between slashes."
        )
    return f"/{'/'.join(parts)}/"


def run_server(
    name: str, line: list[str], environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run a server until it ends, or until Ctrl-C or SIGTERM asks it to; what it writes on stderr is passed on.

    Args:
        name: of the server, for the error.
        line: command and arguments.
        environment: variables; those of this process by default.
        cwd: where it works; configuration files that lie there may be read by it.

    Raises:
        RecxError: it ended with an error; the last that it said is repeated.
    """
    said: deque[str] = deque(maxlen=REPEATED)
    child = subprocess.Popen(
        line, env=environment, cwd=cwd, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
    )

    def pass_on() -> None:
        for text in child.stderr or ():
            sys.stderr.write(text)
            sys.stderr.flush()
            said.append(text)

    reader = threading.Thread(target=pass_on, daemon=True)
    reader.start()
    with _ended_on_sigterm(child) as asked:
        try:
            status = child.wait()
        except KeyboardInterrupt:
            return
        finally:
            _end(child)
            reader.join(2)  # a kernel that outlives the server may hold its stderr open
    if status and not asked:
        raise RecxError(f"{name} ended with exit status {status}. The last it said:\n{''.join(said).rstrip()}")


@contextmanager
def _ended_on_sigterm(child: "subprocess.Popen[str]") -> Iterator[list[int]]:
    """Pass SIGTERM on to a child; the list is no longer empty once that has happened."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield asked
        return

    def end(number: int, _: object) -> None:
        asked.append(number)
        child.terminate()

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(child: "subprocess.Popen[str]") -> None:
    """JupyterLab and Voila end their kernels when they are asked to end."""
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
