"""`recx app`: the playground as a web page."""

from dataclasses import dataclass

from recx.errors import SettingsError
from recx.pipeline.launch import quiet_libraries, settle_environment


@dataclass(frozen=True)
class AppCommand:
    """Serve the playground as a web page, by default on this machine only."""

    port: int = 8866
    """Port to listen on; 0 picks a free one."""
    address: str = "127.0.0.1"
    """Address to listen on. Anyone on this machine or, with 0.0.0.0, on its network can use the page: no password."""
    base_url: str = "/"
    """Path under which a proxy serves the page, e.g. /user/ann/proxy/8866/; the proxy may keep or strip it."""
    dark: bool = False
    """Use dark colours."""
    idle_minutes: float = 30
    """Minutes of inactivity after which a visitor's session is dropped."""

    def run(self) -> None:
        """Serve the playground until it is stopped."""
        from recx.pipeline.servers import checked_prefix, free_port, require_installed

        if not 0 < self.idle_minutes < 1e6:
            raise SettingsError(f"--idle-minutes must be above 0 and below a million, not {self.idle_minutes}.")
        require_installed("voila", "Voila")  # report problems before importing or loading anything heavy
        base_url, port = checked_prefix(self.base_url), free_port(self.port, self.address)
        settle_environment()
        quiet_libraries()  # before importing the playground, whose models are held in this process
        from recx.playground.web_app import run_app

        host = f"[{self.address}]" if ":" in self.address else self.address
        print(f"http://{host}:{port}{base_url} (stop with Ctrl-C)", flush=True)
        run_app(port, self.address, base_url, self.dark, self.idle_minutes)
