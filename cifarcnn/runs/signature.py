"""A signature that this user can make on this machine, and nobody else.

``model.tflite`` is read by a native interpreter, which trusts what it reads: a crafted
file can make it write outside its memory. A checksum in the manifest of the same run
keeps nobody out, since whoever makes the file makes the manifest too. So the entry
carries a signature, HMAC-SHA256 (RFC 2104) under a secret of 32 random bytes, which
lies in the user's own folder and never leaves it. A run from elsewhere has none.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import stat
import tempfile
from pathlib import Path

from cifarcnn.errors import RunError
from cifarcnn.files import own_folder
from cifarcnn.runs.safe_io import read_bytes

_KEY_BYTES = 32


def key_path() -> Path | None:
    """Where the secret lies, below the user's home; None for a user without one."""
    folder = own_folder("data")
    return None if folder is None else folder / "seal.key"


def sign(*parts: str) -> str | None:
    """The signature for these texts; the secret is made when there is none.

    Args:
        parts: None of them with a line end.

    Returns:
        64 hexadecimal digits; None where no secret can be kept, as without a home.
    """
    key = _read_key()
    if key is None:
        _make_key()
        key = _read_key()
    return None if key is None else _hmac(key, parts)


def is_signed(signature: str | None, *parts: str) -> bool:
    """Whether this user on this machine made ``signature`` for these texts."""
    key = _read_key()
    if signature is None or key is None:
        return False
    return hmac.compare_digest(signature, _hmac(key, parts))


def _hmac(key: bytes, parts: tuple[str, ...]) -> str:
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def _read_key() -> bytes | None:
    """The secret; None when it is missing, or others may know or have chosen it."""
    path = key_path()
    if path is None:
        return None
    try:
        if os.name != "nt":
            status = os.lstat(path)
            if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
                return None
        key = read_bytes(path, _KEY_BYTES)
    except (OSError, RunError):
        return None
    return key if len(key) == _KEY_BYTES else None


def _make_key() -> None:
    """Keep a new secret, unless another process was faster; a failure is no error."""
    path = key_path()
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Private from its first moment on.
        descriptor, temporary = tempfile.mkstemp(prefix=".seal.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            # Unlike a rename it gives way to what is there.
            os.link(temporary, path)
        finally:
            os.unlink(temporary)
