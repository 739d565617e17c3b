"""Whether what a search needs is installed; nothing of it is imported."""

from __future__ import annotations

from cifarcnn.errors import UsageError
from cifarcnn.installed import find_module

_SERVERS = {
    "postgresql": ("psycopg2", "psycopg2-binary"),
    "postgresql+psycopg": ("psycopg", "psycopg[binary]"),
    "mysql": ("MySQLdb", "mysqlclient"),
    "mysql+pymysql": ("pymysql", "pymysql"),
}


def require_search_packages(storage: str | None = None) -> None:
    """See that Optuna is here, and what opens the storage.

    Args:
        storage: The URL of a database; ``None``: a file of SQLite, which Python has.

    Raises:
        UsageError: A package is not installed.
    """
    if find_module("optuna") is None or find_module("sqlalchemy") is None:
        raise UsageError(
            "`search` needs Optuna, which is not installed: pip install "
            "'cifarcnn[search]' brings it."
        )
    scheme = with_driver(storage or "").partition(":")[0]
    module, package = _SERVERS.get(scheme, (None, None))
    if module is not None and find_module(module) is None:
        raise UsageError(
            f"--storage needs the package {package}, which is not installed: pip "
            f"install '{package}' brings it."
        )


def with_driver(storage: str) -> str:
    """The URL with the driver that is installed, where it names none.

    SQLAlchemy takes psycopg2 for ``postgresql://``, also where its successor is here.
    """
    scheme, separator, rest = storage.partition("://")
    if scheme in ("postgres", "postgresql"):
        old = find_module("psycopg") is None and find_module("psycopg2") is not None
        scheme = "postgresql" if old else "postgresql+psycopg"
    return f"{scheme}{separator}{rest}"
