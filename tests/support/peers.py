"""Environments of their own for outside implementations: made once from a lock file with hashes, then used offline."""

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any


def peer_python(lock: Path, *, any_python: bool = False) -> Path:
    """The interpreter of an environment with what ``lock`` names; a new lock makes a new environment.

    ``any_python``: also where a package asks for a newer Python than ours, although what is used of it runs here.
    """
    folder = Path(sys.prefix) / "peers" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True, symlinks=True, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "-q"]
        install = [
            *pip,
            "install",
            *(["--ignore-requires-python"] if any_python else []),
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-r",
            str(lock),
        ]
        subprocess.run(install, check=True, timeout=100)
        complete.touch()
    return python


def ask_peer(python: Path, script: Path, request: object) -> Any:
    """Run a script in such an environment, with nothing of ours; both sides speak JSON."""
    done = subprocess.run(
        [str(python), "-I", str(script)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)
