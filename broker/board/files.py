"""An answer that is written into a file: nothing is replaced, nobody else reads it, and no half of it is left."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

Write = Callable[[bytes], None]


@contextmanager
def new_file(path: Path | None) -> Iterator[Write]:
    """Make the file before anything is asked, so that no question is put in vain; take it away if it was not written.

    ``path`` None: there is no file, and nothing may be written.

    Raises:
        click.UsageError: it exists, or cannot be made.
        click.ClickException: it could not be written whole.
    """
    if path is None:
        yield _nowhere
        return
    try:
        if _was_left(path):
            path.unlink()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise click.UsageError(f"{path} exists already; nothing is replaced.") from error
    except OSError as error:
        raise click.UsageError(f"{path} cannot be made: {error.strerror}. Nothing was asked.") from error
    whole = False

    def write(data: bytes) -> None:
        nonlocal whole
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise click.ClickException(
                f"{path} could not be written: {error.strerror}. The question is recorded; ask again for a place with room."
            ) from error
        whole = True

    with os.fdopen(handle, "wb", buffering=0) as file:
        try:
            yield write
        finally:
            if not whole:
                with suppress(OSError):
                    path.unlink()


def _was_left(path: Path) -> bool:
    """An empty file: a command that was killed before its answer came has left it, and nothing is lost with it."""
    return path.is_file() and not path.is_symlink() and path.stat().st_size == 0


def _nowhere(_data: bytes) -> None:
    raise AssertionError
