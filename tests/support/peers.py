"""Environments of their own for outside implementations: made once from a lock file with hashes, then used offline."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path


def peer_python(lock: Path) -> Path:
    """The interpreter of an environment with what ``lock`` names; a new lock makes a new environment."""
    folder = Path(sys.prefix) / "peers" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True, symlinks=True, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "-q"]
        install = [*pip, "install", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
        subprocess.run(install, check=True, timeout=100)
        complete.touch()
    return python
