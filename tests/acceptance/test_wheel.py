"""What people install is the wheel: it must carry everything and run away from the checkout."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "broker", "adapters")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: in the checkout what was left of an earlier build would go into it."""
    folder = tmp_path_factory.mktemp("wheel")
    source, out = folder / "source", folder / "out"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source / file)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    command += ["-w", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(out.glob("handrail-*.whl"))


def test_the_wheel_carries_every_file_of_the_packages(wheel: Path) -> None:
    ours = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert set() == ours - set(ZipFile(wheel).namelist())


def test_the_built_wheel_runs_in_a_clean_environment_outside_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    """`handrail --version` answers from the wheel alone; nothing is picked up from the working tree."""
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=False)
    # Nothing is compiled beforehand: what runs is compiled when it does.
    pip = [sys.executable, "-m", "pip", "--python", str(clean / "bin" / "python"), "install", "-q"]
    pip += ["--disable-pip-version-check", "--no-compile"]
    locked = str(ROOT / "requirements" / "run.lock")
    subprocess.run([*pip, "--require-hashes", "-r", locked], check=True, capture_output=True, cwd=tmp_path)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, capture_output=True, cwd=tmp_path)

    answer = subprocess.run(
        [str(clean / "bin" / "handrail"), "--version"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    lookup = subprocess.run(
        [str(clean / "bin" / "handrail"), "--help"], check=True, capture_output=True, text=True, cwd=tmp_path
    )

    assert answer.stdout.startswith("handrail ")
    for command in ("up", "publish", "inbox", "handover", "directory", "areas", "map", "audit", "demo"):
        assert command in lookup.stdout
