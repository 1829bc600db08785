"""The native half; private to the package."""

from pathlib import Path
from typing import Any, Dict, List, final

__all__ = ["Handle", "__version__", "error_codes", "start"]

__version__: str

@final
class Handle:
    """A started broker, NameServer, or both."""

    @property
    def address(self) -> str: ...
    @property
    def namesrv_address(self) -> str: ...
    @property
    def store_dir(self) -> Path: ...
    def stop(self, timeout: float) -> None: ...

def start(options: Dict[str, Any]) -> Handle: ...
def error_codes() -> List[str]: ...
