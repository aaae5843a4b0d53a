"""Voila behind a proxy: URLs start with a prefix, which the proxy either forwards or strips.

`python -m recx.playground.prefixed_page` accepts Voila's options.
"""

import ipaddress
import re
from typing import Any

from tornado.web import RedirectHandler
from voila.app import Voila


class PrefixedVoila(Voila):
    """Voila that responds with `base_url` (nginx, JupyterHub services) and without it (jupyter-server-proxy).

    Without a prefix and on a loopback address, no proxy is expected. The page then answers only requests that name this
    machine, as otherwise a foreign site could have its own name resolve to the loopback address and read the answers.
    """

    def init_settings(self) -> dict[str, Any]:
        """Create the settings of the handlers."""
        return {**super().init_settings(), "allow_remote_access": self.base_url != "/" or not _is_loopback(self.ip)}

    def init_handlers(self) -> list[Any]:
        """Create handlers for both forms of every URL."""
        if self.base_url == "/":
            return super().init_handlers()
        self.server_url = re.escape(self.base_url)  # becomes part of regular expressions
        passed_on = super().init_handlers()
        self.server_url = "/"
        bare = (re.escape(self.base_url.rstrip("/")), RedirectHandler, {"url": self.base_url})
        return [bare, *passed_on, *super().init_handlers()]


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # a name
        return address == "localhost"


if __name__ == "__main__":
    PrefixedVoila.launch_instance()
