"""Put the front end and the compiled catalogues into a wheel: made when they are missing, left alone when they are there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FRONT_END = "autocore/web/static/dist"


class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling leaves its parameter to the caller
    """Runs before hatchling collects the files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make what is missing; an editable install needs nothing, the bootstrap makes it there."""
        root = Path(self.root)
        if version == "editable":
            return
        for source in [*root.glob("autocore/**/*.po"), *root.glob("plugins/**/*.po")]:
            with source.open("rb") as read, source.with_suffix(".mo").open("wb") as write:
                write_mo(write, read_po(read))
        if not (root / FRONT_END / "manifest.json").exists():
            self._build_front_end(root)
        build_data["artifacts"].append(f"{FRONT_END}/**")

    def _build_front_end(self, root: Path) -> None:
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm is None or node is None:
            raise RuntimeError("the web's files are missing and there is no Node to make them; run script/bootstrap first")
        quiet = os.environ | {"CI": "1"}
        install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(install, cwd=root, env=quiet, check=True)
        subprocess.run([node, "script/build_assets.mjs"], cwd=root, env=quiet, check=True)
