import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from recx import cli, paths
from recx.errors import RecxError, SettingsError
from recx.pipeline import servers
from recx.pipeline.servers import checked_prefix, free_port, require_installed, run_server


def test_a_free_port_is_given_back_and_zero_finds_one():
    port = free_port(0)
    assert 1 <= port <= 65535 and free_port(port) == port


@pytest.mark.parametrize("port", [-1, 65536, 10**30])
def test_a_number_that_is_no_port(port):
    with pytest.raises(SettingsError, match=f"--port {port}: a port is a number from 1 to 65535, or 0"):
        free_port(port)


def test_a_taken_port_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=f"--port {port} at 127.0.0.1: another program is using this port"):
            free_port(port)


def test_a_port_without_the_right(monkeypatch):
    def refuse(port, address):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(servers, "bind_sockets", refuse)
    with pytest.raises(SettingsError, match="--port 80 at 127.0.0.1: permission denied.*from 1024 to 65535"):
        free_port(80)


@pytest.mark.parametrize("address", ["192.0.2.1", "no such host", "a" * 70, "300.1.1.1"])
def test_an_address_of_another_machine(address):
    with pytest.raises(SettingsError, match=f"--address {address}"):
        free_port(0, address)


@pytest.mark.parametrize("command", ["lab", "app"])
def test_both_commands_look_at_the_port_first(command, monkeypatch, capsys):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("nothing is started"))
    with pytest.raises(SystemExit):
        cli.main([command, "--port", "70000"])
    assert capsys.readouterr().err.startswith("recx: --port 70000: a port is a number")
    with pytest.raises(SystemExit):
        cli.main([command, "--port", "eight"])


def test_prefixes():
    for given in ("", "/", "//"):
        assert checked_prefix(given) == "/"
    for given in ("user/x/proxy/8000", "/user/x/proxy/8000", "/user/x/proxy/8000/"):
        assert checked_prefix(given) == "/user/x/proxy/8000/"
    assert checked_prefix("/user/a.b%20c@d~e+f/") == "/user/a.b%20c@d~e+f/"
    for given in ("https://hub/user/x/", "/a//b/", "/a/../b/", "..", "/a b/", '/"><script>/', "/a?b=1", "/é/", "/a\n/"):
        with pytest.raises(SettingsError, match="expected a path such as /user/ann/proxy/8866/"):
            checked_prefix(given)


def test_only_what_is_missing_is_to_be_installed():
    require_installed("json", "JSON")
    with pytest.raises(RecxError, match="Voila is not installed. Install it with"):
        require_installed("no_such_module", "Voila")


def says(code):
    return [sys.executable, "-c", code]


def test_what_a_failing_server_said_is_repeated(capfd):
    code = "for n in range(20): print(n, 'line', file=sys.stderr)\nprint('the reason', file=sys.stderr)\nsys.exit(3)"
    line = says(f"import sys\n{code}")
    with pytest.raises(
        RecxError, match="(?s)Voila ended with exit status 3. Its last output was:\n.*19 line\nthe reason"
    ) as told:
        run_server("Voila", line)
    assert "install" not in str(told.value) and "\n3 line" not in str(told.value)
    assert "0 line" in capfd.readouterr().err, "everything is passed on unchanged"


def test_a_server_that_ends_well_and_its_folder(tmp_path):
    run_server("Voila", says("open('here', 'w').write('')"), cwd=tmp_path)
    assert (tmp_path / "here").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_the_command_ends_the_server(number, tmp_path):
    inner = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    outer = (
        f"import sys; from recx.pipeline.servers import run_server; run_server('X', [sys.executable, '-c', {inner!r}])"
    )
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    process = subprocess.Popen(says(outer), env=environment, stderr=subprocess.PIPE, text=True)
    waited = time.monotonic()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() - waited < 30
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
