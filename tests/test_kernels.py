import asyncio
import select
import sys
import time

import nbformat
import pytest
import zmq
import zmq.asyncio
from ipykernel.kernelspec import RESOURCES

from recx import paths
from recx.errors import RecxError
from recx.pipeline.collector import OBJECTS
from recx.pipeline.kernels import OwnKernelManager, OwnKernelSpecs
from recx.pipeline.launch import _execute
from recx.playground.visitor_kernels import VisitorKernelManager


def command(manager):
    manager._launch_args = {"env": {}, "cwd": "/"}  # as it starts a kernel
    return manager.format_kernel_cmd()


def test_python3_is_this_python_and_other_names_stay(foreign_kernel):
    specs = OwnKernelSpecs()
    assert next(iter(specs.find_kernel_specs())) == "python3"
    assert specs.find_kernel_specs()["python3"] == RESOURCES
    assert command(OwnKernelManager(kernel_name="python3"))[0] == sys.executable
    assert specs.get_kernel_spec("other").argv[0] == "/no/such/python"
    assert set(specs.get_all_specs()) >= {"python3", "other"}


def test_braces_in_the_path_of_python_stay(monkeypatch):
    prefix = "/kit {env} {prefix} {connection_file}/.venv"
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "executable", prefix + "/bin/python")
    assert command(OwnKernelManager(kernel_name="python3"))[0] == prefix + "/bin/python"


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A folder with the notebooks `where`, which prints its Python, and `made`; papermill would interpret its name."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys\nprint(sys.executable)")])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder = tmp_path / "{profile} {v1} {} }{ 'q' \"d\" 100% [a]*? \\ ; é"
    (folder / "made").mkdir(parents=True)
    nbformat.write(notebook, folder / "where.ipynb")
    monkeypatch.setattr(paths, "notebooks", lambda: folder)
    return folder


def test_a_notebook_runs_with_this_python_in_any_folder(foreign_kernel, notebook):
    _execute("tour", "where", notebook / "made", {"profile": "tiny"}, quiet=True)
    *_, cell = nbformat.read(notebook / "made" / "where.ipynb", 4).cells
    assert [output["text"] for output in cell.outputs] == [f"{sys.executable}\n"]


def test_its_collector_is_spared_and_its_names_and_counts_are_the_notebooks(notebook):
    code = "import gc\nprint(gc.get_threshold()[0], 'spare_imports' in globals())"
    cells = [nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), paths.notebooks() / "collected.ipynb")
    _execute("tour", "collected", notebook / "made", {}, quiet=True)
    *_, cell = nbformat.read(notebook / "made" / "collected.ipynb", 4).cells
    assert cell.outputs[0]["text"] == f"{OBJECTS} False\n" and cell.execution_count <= 2


def test_a_kernel_that_does_not_start_is_one_sentence(notebook, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RecxError, match="Stage 'tour': /bin/false could not start a kernel"):
        _execute("tour", "where", notebook / "made", {}, quiet=True)


@pytest.mark.parametrize("manager", [OwnKernelManager, VisitorKernelManager])
def test_a_client_that_sends_while_it_waits_gets_the_reply(manager):
    """Papermill once waited forever for the cell of a slider, whose reply came while its output was being mirrored."""

    async def reply_to_a_client_that_sends():
        with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as client, zmq.Context() as other:
            with other.socket(zmq.DEALER) as kernel:
                client.connect(f"tcp://127.0.0.1:{kernel.bind_to_random_port('tcp://127.0.0.1')}")
                waiting = asyncio.ensure_future(client.recv_multipart())
                await asyncio.sleep(0.2)
                kernel.send_multipart([b"reply"])
                time.sleep(0.2)  # the reply arrives, and the event loop has not run since
                session = manager().session.clone()  # as `KernelManager.client` passes it on
                while select.select([client.FD], [], [], 0)[0]:  # until the socket has nothing new to report
                    session.send(client, "comm_msg")
                    time.sleep(0.1)
                return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(reply_to_a_client_that_sends()) == [b"reply"]
