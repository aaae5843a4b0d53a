"""The playground in a notebook, served by a thread of the same process from the run opened there."""

import functools

from recx import paths
from recx.pipeline.finished import FinishedRun
from recx.playground.open_runs import STOPPABLE, OpenRun, OpenRuns
from recx.playground.rpc_client import RpcClient
from recx.playground.rpc_server import RpcServer
from recx.playground.shipped_run import open_runs
from recx.settings import Settings


def serve_in_notebook(finished: FinishedRun, settings: Settings) -> RpcClient:
    """Serve an opened run from this process without loading it again, and return a client for `app`.

    Other runs on disk are opened in this process when they are selected. A process has one server for all clients.

    Args:
        finished: the opened run.
        settings: the settings that it was opened with.
    """
    runs, server = _local_server()
    runs.keep(OpenRun(paths.runs() / settings.profile / settings.dataset, settings, finished))
    return RpcClient(server.port, server.token)


@functools.cache
def _local_server() -> tuple[OpenRuns, RpcServer]:
    runs = open_runs()
    return runs, RpcServer(runs.methods(), STOPPABLE).start()
