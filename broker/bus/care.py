"""A server that a full disk has stopped: its streams refuse every write until it is started again.

Measured with nats-server 2.15: a stream that once could not be written stays so, whatever room there is afterwards. Its
health page says it. The remedy is a restart, once there is room; nothing is lost by it, for nothing was acknowledged.
"""

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

_ANSWER_S: Final = 5.0
_FAILED: Final = "write error"
ROOM_BYTES: Final = 16 << 20
"""With less than this a restart would only fail again."""


def needs_restart(monitor_url: str, store: Path) -> bool:
    """Whether a stream has failed to write and the disk that holds ``store`` has room again. Blocks for seconds at most."""
    return _FAILED in complaint(monitor_url) and shutil.disk_usage(store).free >= ROOM_BYTES


def complaint(monitor_url: str) -> str:
    """What the server says is wrong; empty where it says nothing, or is away and somebody else's to start."""
    try:
        with urllib.request.urlopen(f"{monitor_url}/healthz", timeout=_ANSWER_S):  # noqa: S310  our own server's page
            return ""
    except urllib.error.HTTPError as error:
        try:
            return str(json.loads(error.read()).get("error", ""))
        except (ValueError, AttributeError):
            return ""
    except OSError:
        return ""
