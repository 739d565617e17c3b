"""The database of a study: a file of SQLite beside its runs, or a server's."""

from __future__ import annotations

import contextlib
import logging
import random
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from cifarcnn.config.spelling import did_you_mean
from cifarcnn.errors import RunError, UsageError, first_line
from cifarcnn.search.packages import with_driver

# A worker says so often that it lives. One that was not heard of for so long is gone,
# which only other machines have to wait for.
HEARTBEAT_SECONDS = 5
GRACE_SECONDS = 30
# How long a process waits for others that write.
_PATIENCE_SECONDS = 60
# Of machines that all begin a study in an empty database.
_TRIES = 5
_KNOWN = ("postgresql", "mysql", "mariadb", "sqlite", "oracle", "mssql")

Retry = Callable[[optuna.Study, FrozenTrial], None]


def quiet_optuna() -> None:
    """Leave what is said to the program: its lines, and none of the libraries'."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="optuna")
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def open_storage(url: str, retry: Retry | None = None) -> RDBStorage:
    """Open the database, and make its tables where they are missing.

    Args:
        url: As SQLAlchemy has it.
        retry: Is told of trials whose heartbeat stopped.

    Raises:
        RunError: It cannot be opened.
    """
    quiet_optuna()
    file = url.startswith("sqlite")
    options: dict[str, Any] = (
        {"connect_args": {"timeout": _PATIENCE_SECONDS}}
        if file
        else {"pool_pre_ping": True}
    )
    with database_errors_told(url):
        storage = _connect(url, options, retry)
        if file:
            _write_one_at_a_time(storage.engine)
    return storage


def _connect(url: str, options: dict[str, Any], retry: Retry | None) -> RDBStorage:
    for left in reversed(range(_TRIES)):
        try:
            return RDBStorage(
                url,
                engine_kwargs=options,
                heartbeat_interval=HEARTBEAT_SECONDS,
                grace_period=GRACE_SECONDS,
                heartbeat_stale_trial_callback=retry,
            )
        except sqlalchemy.exc.DatabaseError as error:
            # Another machine makes the same tables at this moment.
            made_meanwhile = isinstance(
                error, sqlalchemy.exc.IntegrityError | sqlalchemy.exc.ProgrammingError
            )
            if not left or not made_meanwhile:
                raise
            time.sleep(random.uniform(0.2, 1.0))
    raise AssertionError


def _write_one_at_a_time(engine: sqlalchemy.Engine) -> None:
    """Have each transaction hold the file from its first question on.

    SQLite knows no ``SELECT ... FOR UPDATE``: two processes could read that a trial
    waits, and both begin it. See "Serializable isolation" in SQLAlchemy's page on
    SQLite.
    """

    def leave_transactions_to_us(connection: Any, record: object) -> None:
        connection.isolation_level = None

    def begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sqlalchemy.event.listen(engine, "connect", leave_transactions_to_us)
    sqlalchemy.event.listen(engine, "begin", begin)
    # Those that are open already did not hear of it.
    engine.dispose()


@contextlib.contextmanager
def database_errors_told(url: str) -> Iterator[None]:
    """Tell of a database that does not answer.

    Raises:
        RunError: It does not, or is damaged; without the password of the URL.
    """
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        cause = error.__cause__ or error
        shown = hide_password(url)
        cause = getattr(cause, "orig", None) or cause
        reason = _reason(error)
        # Not of a subclass: no file of SQLite, or one that has lost its order.
        if type(cause) is sqlite3.DatabaseError:
            raise RunError(
                f"The study in {shown} is damaged: {reason}. Restore it from a copy, "
                "or begin a new search in another folder with --run; the runs of its "
                "trials are ordinary ones."
            ) from error
        raise RunError(
            f"The study in {shown} cannot be reached: {reason}. What is trained is "
            "kept in the folder of the study; the same command goes on."
        ) from error


def require_database_url(url: str) -> None:
    """See that a URL names a database that can be; whether it answers is not asked.

    Raises:
        UsageError: It does not; the text, which may hold a password, is not shown.
    """
    try:
        parsed = sqlalchemy.make_url(with_driver(url))
        parsed.get_dialect().import_dbapi()
    except sqlalchemy.exc.SQLAlchemyError:
        raise UsageError(
            "--storage needs the URL of a database that SQLAlchemy knows, such as "
            f"postgresql://user:password@host/name; this is none{_hint_for(url)}."
        ) from None
    except ImportError as error:
        raise UsageError(
            f"--storage needs a driver that cannot be loaded here: {first_line(error)}."
        ) from None
    if parsed.get_backend_name() == "sqlite":
        _require_place(parsed.database)


def _hint_for(url: str) -> str:
    """What may be wrong with how it begins; none of the text itself."""
    name, plus, _ = url.partition("://")[0].partition("+")
    if name in _KNOWN and plus:
        return f": {name} has no such driver; leave it out, as in {name}://"
    hint = did_you_mean(name, _KNOWN) if "://" in url else ""
    return f": {hint.rstrip('?')}" if hint else ""


def _require_place(file: str | None) -> None:
    """See that a file of SQLite can be where it shall."""
    if not file or file == ":memory:":
        raise UsageError(
            "--storage needs a file of SQLite, which all processes see: "
            "sqlite:///study.db"
        )
    path = Path(file)
    # With ``file:`` SQLite reads it as a URL of its own.
    if not file.startswith("file:") and not path.parent.is_dir():
        raise UsageError(
            f"--storage names {path}, and there is no folder {path.parent}. Make it, "
            "or name another one."
        )
    if path.is_dir():
        raise UsageError(f"--storage names {path}, which is a folder. Name a file.")


def require_database(url: str) -> None:
    """See that a database answers before anything is made; a file is not asked.

    Raises:
        RunError: It does not; without the password of the URL.
    """
    if url.startswith("sqlite"):
        return
    try:
        sqlalchemy.create_engine(with_driver(url)).connect().close()
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise RunError(
            f"The database {hide_password(url)} cannot be reached: {_reason(error)}. "
            "Nothing was begun."
        ) from error


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return first_line(getattr(cause, "orig", None) or cause).rstrip(".")


def hide_password(url: str) -> str:
    """The URL as it may be shown and kept."""
    try:
        return str(sqlalchemy.make_url(url).render_as_string(hide_password=True))
    except sqlalchemy.exc.ArgumentError:
        return "the URL of --storage"
