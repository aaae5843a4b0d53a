"""Where things lie. The kit is a repository: data, notebooks and runs stand beside the package."""

import os
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent


def shipped_data() -> Path:
    """Folder with the data that ships with the kit (demo catalogue, published numbers, backbone)."""
    return ROOT / "data"


def notebooks() -> Path:
    """Folder with the ordered notebooks."""
    return ROOT / "notebooks"


def runs() -> Path:
    """Folder of finished and unfinished runs: `RECX_RUNS_DIR`, else `runs/` beside the package."""
    return Path(os.environ.get("RECX_RUNS_DIR") or ROOT / "runs")


def cache() -> Path:
    """Folder for what can be fetched or made again: `RECX_CACHE_DIR`, else the user's cache."""
    return Path(os.environ.get("RECX_CACHE_DIR") or platformdirs.user_cache_dir("recx")).expanduser()


def config() -> Path:
    """Folder for what a user has told the kit: `RECX_CONFIG_DIR`, else the user's folder of settings."""
    return Path(os.environ.get("RECX_CONFIG_DIR") or platformdirs.user_config_dir("recx")).expanduser()


def local_data(data_dir: str | Path | None = None) -> Path | None:
    """Folder with data sets obtained elsewhere: the argument, else `RECX_DATA_DIR`, else None."""
    chosen = data_dir or os.environ.get("RECX_DATA_DIR")
    return Path(chosen).expanduser() if chosen else None
