"""Databases: opened so that a commit survives a power cut and a deletion overwrites; brought up to date first."""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy import event, exc

from broker.errors import ConfigurationError, UnavailableError

Schema: TypeAlias = Literal["router", "gateway", "audit", "notices"]

_BUSY_MS: Final = 10_000
_COMPILED: Final = sa.util.LRUCache[Any, Any](2_000)
"""Statements as SQL, for all SQLite databases of a process: compiling one takes longer than most take to run."""
_OF_THE_DISK: Final = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_PERM",
)
"""What SQLite calls a fault that is not the file's own: such a file must not be moved aside."""
_OF_THE_FILE: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_ONE_WRITER: Final = 0x68616E64
"""Which of PostgreSQL's advisory locks is ours; one database holds one program's tables."""
_VERSION: Final = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as Alembic makes it."""
_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",
    "foreign_keys=ON",
    f"busy_timeout={_BUSY_MS}",
    "wal_autocheckpoint=1000",
    "temp_store=MEMORY",
)


def open_sqlite(path: Path, schema: Schema, more: Sequence[str] = ()) -> sa.Engine:
    """Open (or create, mode 0600) one program's database and migrate it; ``more``: pragmas of its own.

    Raises:
        ConfigurationError: written by a newer version of the program, or not a database, or damaged.
        UnavailableError: its disk is full or read-only, or another program holds it: nothing is wrong with the file.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise UnavailableError(f"{path} cannot be made: {error.strerror}") from error
    dialect = _sqlite()

    def connect() -> Any:
        return sqlite3.connect(path, check_same_thread=False)

    pool = sa.pool.QueuePool(connect, pool_size=4, dialect=dialect)
    url = sa.make_url(f"sqlite:///{path}")
    engine = sa.Engine(pool, dialect, url, execution_options={"compiled_cache": _COMPILED})
    event.listen(engine, "connect", lambda connection, _record: _prepare(connection, more))
    event.listen(engine, "begin", _begin)
    try:
        migrate(engine, schema)
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, exc.DatabaseError) else error
        if _name(cause).startswith(_OF_THE_DISK):
            raise UnavailableError(_no_write(engine, cause)) from error
        raise ConfigurationError(_damaged(path)) from error
    return engine


@cache
def _sqlite() -> sa.Dialect:
    """How to speak with SQLite, asked of it once: a statement compiled for one database serves every other."""
    first = sa.create_engine("sqlite://")
    first.connect().close()
    first.dispose()
    return first.dialect


def _damaged(path: Path) -> str:
    return (
        f"{path} is not a Handrail database or is damaged. Move it aside, with its -wal and -shm; for a gateway "
        "run `handrail gateway recover` then, otherwise see the runbook on restoring"
    )


def open_postgres(url: str, schema: Schema) -> sa.Engine:
    """Open a PostgreSQL database by its URL (``postgresql+psycopg://...``) and migrate it.

    Raises:
        ConfigurationError: no driver, no such database, or one of a newer version of the program.
    """
    if not url.startswith("postgresql+psycopg://"):
        raise ConfigurationError("the URL of a database begins with postgresql+psycopg://")
    try:
        engine = sa.create_engine(url, pool_size=4)
        event.listen(engine, "begin", _begin_alone)
        migrate(engine, schema)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "PostgreSQL needs its driver: install Handrail as handrail[postgresql]"
        ) from error
    except (exc.OperationalError, exc.ProgrammingError) as error:
        raise ConfigurationError(
            "the PostgreSQL database of this node does not answer; is the server up, and is the URL right?"
        ) from error
    return engine


def migrate(engine: sa.Engine, schema: Schema) -> None:
    """Bring the tables to this program's version; does nothing if they are, and makes all where there are none.

    Raises:
        ConfigurationError: a newer version of the program wrote it.
    """
    known = revisions(schema)
    with engine.begin() as connection:
        current = None
        if sa.inspect(connection).has_table("alembic_version"):
            current = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        if current == known[-1]:
            return
        if current is None:
            _make(connection, schema, known[-1])
        elif current in known:
            _upgrade(connection, schema)
        else:
            raise ConfigurationError(
                "the database was written by a newer version of Handrail; start that version"
            )


def revisions(schema: Schema) -> tuple[str, ...]:
    """The versions of one program's tables, oldest first: the beginnings of the scripts' file names."""
    scripts = (files("broker.store") / "migrations" / schema).iterdir()
    return tuple(
        sorted(
            script.name.partition("_")[0]
            for script in scripts
            if re.fullmatch(r"[a-z]\d+_\w+\.py", script.name)
        )
    )


def _make(connection: sa.Connection, schema: Schema, newest: str) -> None:
    # The first script of each schema makes the newest tables and the others then find nothing to do (a test says so),
    # so a new database is made without them.
    for statement in _statements(schema, connection.engine.url.drivername):
        connection.exec_driver_sql(statement)
    connection.execute(_VERSION.insert().values(version_num=newest))


@cache
def _statements(schema: Schema, driver: str) -> tuple[str, ...]:
    """What makes the tables, written once for all the databases that a process makes."""
    made: list[str] = []
    url = sa.make_url(f"{driver}://")
    dialect = url.get_dialect()()
    writer = sa.create_mock_engine(url, lambda one, *_: made.append(str(one.compile(dialect=dialect))))
    tables: sa.MetaData = import_module(f"broker.store.{schema}.tables").METADATA
    tables.create_all(writer, checkfirst=False)
    _VERSION.create(writer, checkfirst=False)
    return tuple(made)


def _upgrade(connection: sa.Connection, schema: Schema) -> None:
    # Loaded only here: it takes as long as all the rest of a command, and a current database needs none of it.
    from alembic import command
    from alembic.config import Config

    with as_file(files("broker.store") / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts))
        config.set_main_option("version_locations", str(scripts / schema))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One write transaction: all of it is on disk on return, or none. Raises UnavailableError when locked or full."""
    with took_no_write(engine), engine.begin() as connection:
        yield connection


@contextmanager
def took_no_write(engine: sa.Engine) -> Iterator[None]:
    """A database that is locked, full or damaged, said in words. Raises UnavailableError, ConfigurationError."""
    try:
        yield
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, exc.DatabaseError) else error
        if _name(cause).startswith(_OF_THE_FILE):
            raise ConfigurationError(_damaged(Path(engine.url.database or ""))) from error
        if isinstance(error, (exc.OperationalError, sqlite3.OperationalError)):
            raise UnavailableError(_no_write(engine, cause)) from error
        raise


def _name(error: BaseException | None) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


def _no_write(engine: sa.Engine, error: BaseException | None) -> str:
    """What a person can do about it. Nothing was written, so nothing is lost: whoever asked tries again."""
    name = _name(error)
    path = Path(engine.url.database or "")
    if name.startswith("SQLITE_BUSY"):
        return f"the database took no write: another program has held {path} for {_BUSY_MS // 1000} s"
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return (
            f"the database took no write: the disk that holds {path.parent} is full or broken ({name}). "
            "Free some space there; nothing accepted is lost, and what waits goes on by itself."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return (
            f"the database took no write: {path} cannot be written by this program ({name}). Its disk is read-only, or the "
            "file belongs to somebody else; leave it where it is, it is not damaged."
        )
    return f"the database took no write: {name or type(error).__name__}"


class Watch:
    """Notices that somebody else has committed: a number that then changes (``PRAGMA data_version``). Cheap to poll."""

    def __init__(self, engine: sa.Engine) -> None:
        # Outside any transaction: inside one the number stands still.
        self._connection = engine.raw_connection()

    def version(self) -> int:
        """The number now."""
        cursor = self._connection.cursor()
        try:
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])
        finally:
            cursor.close()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def truncate_wal(engine: sa.Engine) -> bool:
    """Move everything into the main file and empty the write-ahead log, so that deleted rows are gone from it.

    False where another process was reading meanwhile, or the disk is full: the log is not empty then; try again.
    """
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        busy: int = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.close()
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return not busy


def _prepare(connection: Any, more: Sequence[str]) -> None:
    # The driver must not begin transactions by itself: a reader that later writes would dead-lock another.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (*_PRAGMAS, *more):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_alone(connection: sa.Connection) -> None:
    # One writer at a time, as with SQLite; readers are never held up. Let go when the transaction ends.
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")


def _begin(connection: sa.Connection) -> None:
    opened = connection.connection.driver_connection
    if isinstance(opened, sqlite3.Connection) and opened.in_transaction:
        return  # whoever holds the driver's connection has begun one
    connection.exec_driver_sql(
        "BEGIN IMMEDIATE" if not connection.get_execution_options().get("reading") else "BEGIN"
    )
