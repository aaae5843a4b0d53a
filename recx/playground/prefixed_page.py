"""Voila behind a proxy: URLs start with a prefix, which the proxy either forwards or strips.

`python -m recx.playground.prefixed_page` accepts Voila's options.
"""

import re
from typing import Any

from tornado.web import RedirectHandler
from voila.app import Voila


class PrefixedVoila(Voila):
    """Voila that responds with `base_url` (nginx, JupyterHub services) and without it (jupyter-server-proxy)."""

    def init_handlers(self) -> list[Any]:
        """Create handlers for both forms of every URL."""
        if self.base_url == "/":
            return super().init_handlers()
        self.server_url = re.escape(self.base_url)  # becomes part of regular expressions
        passed_on = super().init_handlers()
        self.server_url = "/"
        bare = (re.escape(self.base_url.rstrip("/")), RedirectHandler, {"url": self.base_url})
        return [bare, *passed_on, *super().init_handlers()]


if __name__ == "__main__":
    PrefixedVoila.launch_instance()
