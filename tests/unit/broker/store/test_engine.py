"""Databases on a real disk: durable, up to date before they are used, and forgetting what is deleted."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, get_args

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from broker.errors import ConfigurationError, UnavailableError
from broker.store.audit import tables as audit_tables
from broker.store.engine import Schema, Watch, _upgrade, open_sqlite, revisions, truncate_wal, writing
from broker.store.gateway import tables as gateway_tables
from broker.store.notices import tables as notices_tables
from broker.store.router import tables as router_tables

_TABLES: Final = {
    "router": router_tables.METADATA,
    "gateway": gateway_tables.METADATA,
    "audit": audit_tables.METADATA,
    "notices": notices_tables.METADATA,
}
_SECRET: Final = b"fictitious words that must go " * 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "one.db"


@pytest.fixture
def engine(path: Path) -> Iterator[sa.Engine]:
    opened = open_sqlite(path, "gateway")
    with writing(opened) as connection:
        connection.exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, body BLOB)")
    try:
        yield opened
    finally:
        opened.dispose()


def add(engine: sa.Engine, body: bytes = b"x") -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO notes (body) VALUES (?)", (body,))


def count(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM notes").scalar_one())


@pytest.mark.parametrize("schema", get_args(Schema))
def test_a_new_database_is_exactly_what_the_migrations_make_from_nothing(path: Path, schema: Schema) -> None:
    """It is made without them, so all of the file counts: the program's tables, their version, and nothing else."""
    engine = open_sqlite(path, schema)
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), _TABLES[schema])
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    engine.dispose()
    scripted = path.with_name("scripted.db")
    with sa.create_engine(f"sqlite:///{scripted}").begin() as connection:
        _upgrade(connection, schema)

    assert [] == difference
    assert revisions(schema)[-1] == version
    assert _all_of(scripted) == _all_of(path)


def _all_of(path: Path) -> list[str]:
    """What a database consists of, and every row in it."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.iterdump())


def test_a_new_database_is_for_its_owner_only(engine: sa.Engine, path: Path) -> None:
    add(engine)
    files = [path, path.with_name("one.db-wal"), path.with_name("one.db-shm")]

    assert [0o600] * 3 == [file.stat().st_mode & 0o777 for file in files]
    assert 0o700 == path.parent.stat().st_mode & 0o777


def test_opening_again_changes_nothing(engine: sa.Engine, path: Path) -> None:
    add(engine)
    again = open_sqlite(path, "gateway")
    found = count(again)
    again.dispose()

    assert 1 == found


def test_a_database_of_a_newer_version_is_refused_and_not_touched(engine: sa.Engine, path: Path) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'g9999'")

    with pytest.raises(ConfigurationError, match="newer version of Handrail; start that version"):
        open_sqlite(path, "gateway")
    with engine.connect() as connection:
        held = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    assert "g9999" == held


def test_the_database_of_another_program_is_refused(engine: sa.Engine, path: Path) -> None:
    with pytest.raises(ConfigurationError, match="newer version"):
        open_sqlite(path, "router")


def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"a letter, not a database. " * 200)

    with pytest.raises(ConfigurationError, match="is not a Handrail database or is damaged"):
        open_sqlite(path, "gateway")
    assert path.read_bytes().startswith(b"a letter")


def test_every_connection_is_durable_and_overwrites_what_it_deletes(engine: sa.Engine) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    held = [engine.raw_connection() for _ in range(3)]
    found = [
        {name: connection.cursor().execute(f"PRAGMA {name}").fetchone()[0] for name in wanted}
        for connection in held
    ]
    for connection in held:
        connection.close()

    assert [wanted] * 3 == found


def test_what_was_deleted_is_in_no_file_after_the_log_is_emptied(engine: sa.Engine, path: Path) -> None:
    """P12: deleted means overwritten, in the database and in its write-ahead log."""

    def on_disk() -> bool:
        return any(_SECRET[:30] in file.read_bytes() for file in path.parent.iterdir())

    add(engine, _SECRET)
    before = on_disk()
    truncate_wal(engine)
    moved = on_disk()
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM notes")
    truncate_wal(engine)

    assert before
    assert moved
    assert not on_disk()
    assert 0 == path.with_name("one.db-wal").stat().st_size


def test_a_block_that_fails_leaves_nothing(engine: sa.Engine) -> None:
    with pytest.raises(KeyError), writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO notes (body) VALUES ('x')")
        raise KeyError

    assert 0 == count(engine)


def test_a_full_disk_is_said_as_unavailable_and_nothing_is_half_written(engine: sa.Engine) -> None:
    add(engine)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")

    with pytest.raises(UnavailableError, match="took no write"), writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO notes (body) VALUES ('small')")
        connection.exec_driver_sql("INSERT INTO notes (body) VALUES (zeroblob(1000000))")
    assert 1 == count(engine)


def test_a_database_locked_by_another_is_said_as_unavailable(engine: sa.Engine, path: Path) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(UnavailableError, match="took no write"):
        add(engine)
    other.execute("ROLLBACK")
    other.close()
    add(engine)
    assert 1 == count(engine)


def test_the_log_is_not_called_empty_while_somebody_reads_it(engine: sa.Engine, path: Path) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM notes").fetchall()
    add(engine, _SECRET)
    busy = truncate_wal(engine)
    reader.close()

    assert not busy
    assert truncate_wal(engine)
    assert 0 == path.with_name("one.db-wal").stat().st_size


def test_a_watch_notices_the_commit_of_another_process_and_only_that(engine: sa.Engine, path: Path) -> None:
    watch = Watch(engine)
    seen = watch.version()
    quiet = watch.version()
    other = sqlite3.connect(path)
    other.execute("INSERT INTO notes (body) VALUES ('x')")
    uncommitted = watch.version()
    other.commit()
    committed = watch.version()
    other.close()
    watch.close()

    assert [seen, seen] == [quiet, uncommitted]
    assert seen != committed


@pytest.mark.parametrize("schema", get_args(Schema))
def test_the_file_names_of_the_migrations_say_what_the_scripts_say(schema: Schema) -> None:
    from importlib.resources import as_file, files

    from alembic.config import Config
    from alembic.script import ScriptDirectory

    with as_file(files("broker.store") / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts))
        config.set_main_option("version_locations", str(scripts / schema))
        config.set_main_option("path_separator", "os")
        walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert tuple(reversed(walked)) == revisions(schema)


def test_a_router_of_before_keeps_its_children_when_their_tables_take_another_form(path: Path) -> None:
    """Rows, index and all; and nothing of the old tables is left."""
    open_sqlite(path, "router").dispose()
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "DROP TABLE tokens; DROP TABLE children; DROP INDEX ix_quarantine_state;"
            "CREATE TABLE children (child BLOB NOT NULL PRIMARY KEY, holder VARCHAR NOT NULL,"
            " safety VARCHAR NOT NULL, safety_since_ms INTEGER NOT NULL, opened_ms INTEGER NOT NULL);"
            "CREATE TABLE tokens (token BLOB NOT NULL PRIMARY KEY, child BLOB NOT NULL, origin BLOB NOT NULL);"
            "CREATE INDEX ix_tokens_child ON tokens (child);"
            "INSERT INTO children VALUES (x'01', 'E06000063', 'E06000064', 5, 6);"
            "INSERT INTO tokens VALUES (x'02', x'01', x'03');"
            "UPDATE alembic_version SET version_num = 'r0003'"
        )
    connection.close()
    engine = open_sqlite(path, "router")
    with engine.connect() as migrated:
        children = migrated.exec_driver_sql("SELECT * FROM children").all()
        tokens = migrated.exec_driver_sql("SELECT * FROM tokens").all()
        difference = compare_metadata(MigrationContext.configure(migrated), _TABLES["router"])
    engine.dispose()

    assert [(b"\x01", "E06000063", "E06000064", 5, 6)] == children
    assert [(b"\x02", b"\x01", b"\x03")] == tokens
    assert [] == difference
