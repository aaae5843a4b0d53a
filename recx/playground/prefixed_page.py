"""Voila behind a proxy: the page's addresses begin with a prefix, which the proxy passes on or takes off.

`python -m recx.playground.prefixed_page` takes Voila's options.
"""

import re
from typing import Any

from tornado.web import RedirectHandler
from voila.app import Voila


class PrefixedVoila(Voila):
    """Voila that answers under `base_url` (nginx, services of a hub) and without it (jupyter-server-proxy)."""

    def init_handlers(self) -> list[Any]:
        """Handlers of both forms of every address."""
        if self.base_url == "/":
            return super().init_handlers()
        self.server_url = re.escape(self.base_url)  # a part of regular expressions
        passed_on = super().init_handlers()
        self.server_url = "/"
        bare = (re.escape(self.base_url.rstrip("/")), RedirectHandler, {"url": self.base_url})
        return [bare, *passed_on, *super().init_handlers()]


if __name__ == "__main__":
    PrefixedVoila.launch_instance()
