"""Running servers of other packages as subprocesses: checking ports first, and reporting their errors."""

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
REPEATED = 6  # last lines of a server's output that are repeated in an error
PATIENCE = 15.0  # seconds a server is given to shut down its kernels


def require_installed(module: str, name: str) -> None:
    """Check that a package of the extra `lab` is installed.

    Raises:
        RecxError: it is not installed; the message says how to install it.
    """
    if importlib.util.find_spec(module) is None:
        raise RecxError(f"{name} is not installed. Install it with: pip install -e '.[lab]' -c constraints.txt")


def free_port(port: int, address: str = LOCALHOST) -> int:
    """Return the port if it can be listened on at this address, or any free port for 0.

    Raises:
        SettingsError: the port or address is invalid, in use, or not permitted for this user.
    """
    if not 0 <= port <= 65535:
        raise SettingsError(f"--port {port}: a port is a number from 1 to 65535, or 0 for any free port.")
    try:
        sockets = bind_sockets(port, address)
    except (socket.gaierror, UnicodeError) as error:
        raise SettingsError(
            f"--address {address}: not an address of this machine, such as {LOCALHOST} or 0.0.0.0."
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"another program is using this port. Stop it, or choose another port, e.g. --port {port % 65535 + 1}"
        elif error.errno in (errno.EACCES, errno.EPERM):
            why = "permission denied. Ports below 1024 need administrator rights; choose one from 1024 to 65535"
        elif error.errno == errno.EADDRNOTAVAIL:
            raise SettingsError(
                f"--address {address}: this machine does not have this address; use {LOCALHOST} or 0.0.0.0."
            ) from error
        else:
            why = f"{error.strerror or error}. Choose another port"
        raise SettingsError(f"--port {port} at {address}: {why}, or --port 0 for any free port.") from error
    found = sockets[0].getsockname()[1]
    for one in sockets:
        one.close()
    return found


def checked_prefix(base_url: str) -> str:
    """Validate and normalise the path under which a proxy serves a page, with a slash at both ends.

    Raises:
        SettingsError: it is not a valid path.
    """
    parts = base_url.strip("/").split("/")
    if parts == [""]:
        return "/"
    if not all(re.fullmatch(r"[\w.~%@+,=-]+", part, re.ASCII) and part.strip(".") for part in parts):
        raise SettingsError(
            f"--base-url {base_url}: expected a path such as /user/ann/proxy/8866/, with only letters, digits and "
            "-._~%@+,= between the slashes."
        )
    return f"/{'/'.join(parts)}/"


def run_server(
    name: str, line: list[str], environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run a server until it ends, or until Ctrl-C or SIGTERM, forwarding its stderr.

    Args:
        name: name of the server, for error messages.
        line: command and arguments.
        environment: environment variables; by default those of this process.
        cwd: working directory, from which the server may read configuration files.

    Raises:
        RecxError: the server ended with an error; the message includes the last lines of its output.
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
        raise RecxError(f"{name} ended with exit status {status}. Its last output was:\n{''.join(said).rstrip()}")


@contextmanager
def _ended_on_sigterm(child: "subprocess.Popen[str]") -> Iterator[list[int]]:
    """Forward SIGTERM to a child process; the list is not empty once that has happened."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
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
    """Terminate a server gracefully, so that JupyterLab and Voila can shut down their kernels."""
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
