"""Programs that XLA compiled, kept for the next process.

A training is compiled for seconds to minutes, the same training always to the same
programs. JAX and TensorFlow can keep them in a folder, and trust what they find there:
a damaged file ends a training of TensorFlow. So every program gets a checksum beside it
once it is whole, and what has none, or another, is removed before the backend starts.
What the environment says of such a folder is left as it is.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path

from cifarcnn.caches import (
    cache_folder,
    cached_files,
    is_unfinished,
    is_young,
    make_room,
)
from cifarcnn.cpu import read_cpu_info
from cifarcnn.engine import nvidia_driver
from cifarcnn.installed import installed_version
from cifarcnn.literals import Backend

# Of all programs together, when a process starts; those used longest ago go first.
LIMIT_BYTES = 500_000_000
# Must be free, since TensorFlow ends the training when it cannot write a program.
_ROOM_BYTES = 64_000_000
_CHECKSUM = ".sha256"
# TensorFlow ends the process at a flag that it does not know; these know ours.
_TENSORFLOW_VERSIONS = ("2.20.", "2.21.")
# Compiled code depends on them, or calls what is in them by number.
_PACKAGES = (
    *("tensorflow", "jax", "jaxlib", "jax-cuda12-plugin", "jax-cuda13-plugin"),
    *("nvidia-cudnn-cu12", "nvidia-cublas-cu12", "nvidia-cuda-nvcc-cu12"),
    *("nvidia-cudnn-cu13", "nvidia-cublas", "nvidia-cuda-nvcc"),
)
# TensorFlow looks at none of them when it looks for a program.
_VARIABLES = (
    *("XLA_FLAGS", "TF_XLA_FLAGS"),
    *("TF_DETERMINISTIC_OPS", "CUDA_VISIBLE_DEVICES"),
)
_used: set[Path] = set()


def use_cache(backend: Backend) -> str | None:
    """Have the backend keep what it compiles; TensorFlow is not imported yet.

    Args:
        backend: What Keras will run on.

    Returns:
        Why nothing will be kept. None where it is, and where that is as it should be:
        the environment says otherwise, or TensorFlow has no GPU to compile for.
    """
    reason = _prepare(backend)
    return f"What XLA compiles is not kept: {reason}" if reason else None


def _prepare(backend: Backend) -> str | None:
    if _is_set_by_user(backend) or (backend == "tensorflow" and not _gpu_models()):
        return None
    version = installed_version(backend)
    if version is None:
        # Or it is not installed, which is told when it is imported.
        return f"the version of {backend} is not known."
    if backend == "tensorflow" and not version.startswith(_TENSORFLOW_VERSIONS):
        return f"it was not tried with TensorFlow {version}."
    top = cache_folder("compiled")
    if top is None:
        return (
            "this user has no home folder. Name a folder with the environment variable "
            "CIFARCNN_CACHE."
        )
    folder = top / f"{backend}-{version}-{_fingerprint()}"
    try:
        _make_private(top)
        _make_private(folder)
        _require_room(folder)
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror}."
    remove_damaged(folder)
    make_room("compiled", LIMIT_BYTES, folder=top)
    if backend == "jax":
        _set_jax_options(folder)
    else:
        _set_tensorflow_flags(folder)
    _used.add(folder)
    atexit.register(seal)
    return None


def seal() -> None:
    """Give every program that this process may have compiled its checksum.

    To be called once what takes long is compiled; the end of the process calls it too.
    """
    for folder in _used:
        for path, status in list(cached_files(folder)):
            checksum = _checksum_file(path)
            if path.suffix != _CHECKSUM and not is_unfinished(path):
                with contextlib.suppress(OSError):
                    # Two processes may have written the same one, in other bytes.
                    if (
                        not checksum.exists()
                        or checksum.stat().st_mtime < status.st_mtime
                    ):
                        checksum.write_text(_checksum(path), encoding="ascii")


def remove_damaged(folder: Path) -> None:
    """Remove what is not as it was sealed, and what never was.

    A process that is still to seal a program has it in memory, and loses nothing.
    """
    for path, status in list(cached_files(folder)):
        if is_unfinished(path):
            # Another process may be writing it now.
            keep = is_young(status)
        elif path.suffix == _CHECKSUM:
            keep = path.with_suffix("").exists()
        else:
            keep = _is_whole(path)
        if not keep:
            for each in (path, _checksum_file(path)):
                with contextlib.suppress(OSError):
                    each.unlink()


def _is_set_by_user(backend: Backend) -> bool:
    if backend == "jax":
        jax = sys.modules.get("jax")
        in_code = jax is not None and jax.config.jax_compilation_cache_dir
        enabled = os.environ.get("JAX_ENABLE_COMPILATION_CACHE", "true").lower()
        # As JAX reads it.
        off = enabled not in ("y", "yes", "t", "true", "on", "1")
        return bool(in_code) or off or "JAX_COMPILATION_CACHE_DIR" in os.environ
    flags = os.environ.get("TF_XLA_FLAGS", "").strip()
    # It may also name a file of flags.
    is_file = bool(flags) and not flags.startswith("-")
    return is_file or "tf_xla_persistent_cache_directory" in flags


def _set_jax_options(folder: Path) -> None:
    options = {
        "jax_compilation_cache_dir": str(folder),
        # Dozens of small programs come before the training.
        "jax_persistent_cache_min_compile_time_secs": 0,
    }
    for name, value in options.items():
        if name.upper() in os.environ:
            continue
        os.environ[name.upper()] = str(value)
        if (jax := sys.modules.get("jax")) is not None:
            jax.config.update(name, value)
    # JAX goes on without, and warns of each program.
    about = "Error (reading|writing) persistent compilation cache entry"
    warnings.filterwarnings("ignore", about)


def _set_tensorflow_flags(folder: Path) -> None:
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if "tf_xla_persistent_cache_device_types" not in flags:
        # For a CPU little is compiled, and reading it back gives a false alarm. Which
        # of its two names a device goes by depends on the runtime below.
        flags += " --tf_xla_persistent_cache_device_types=GPU,XLA_GPU_JIT"
    quote = '"' if "'" in str(folder) else "'"
    flags += f" --tf_xla_persistent_cache_directory={quote}{folder}{quote}"
    os.environ["TF_XLA_FLAGS"] = flags.strip()


def _make_private(folder: Path) -> None:
    """Make a folder that only this user can write to.

    Raises:
        OSError: It cannot be made, or it or what holds it is open to others.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if os.name == "nt":
        return
    # A program is code: whoever can put one here could run it as this user.
    above, own = os.stat(folder.parent), os.lstat(folder)
    if not stat.S_ISDIR(own.st_mode) or own.st_uid != os.geteuid():
        raise OSError(0, "a link, or not a folder of this user", str(folder))
    if own.st_mode & 0o022:
        raise OSError(0, "others can write there", str(folder))
    # Many systems give each user a group, and have it write as well.
    others = 0o002 if above.st_gid == os.getegid() else 0o022
    if above.st_mode & others and not above.st_mode & stat.S_ISVTX:
        raise OSError(0, "others can write there", str(folder.parent))


def _require_room(folder: Path) -> None:
    """See that a program can be written.

    Raises:
        OSError: It cannot, or there is not enough room.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, _ROOM_BYTES)


def _is_whole(path: Path) -> bool:
    try:
        return _checksum_file(path).read_text(encoding="ascii") == _checksum(path)
    except (OSError, UnicodeDecodeError):
        return False


def _checksum_file(path: Path) -> Path:
    return path.with_name(path.name + _CHECKSUM)


def _checksum(path: Path) -> str:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    try:
        # Without a trace in the times, which tell what was used.
        descriptor = os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        descriptor = os.open(path, flags)
    with open(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint() -> str:
    """Of all that compiled code may depend on, so that no other code is ever read."""
    parts = [f"{name} {installed_version(name)}" for name in _PACKAGES]
    parts += [read_cpu_info("flags") or read_cpu_info("Features"), *_gpu_models()]
    parts.append(nvidia_driver.read_driver_version() or "")
    parts += [os.environ.get(name, "") for name in _VARIABLES]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _gpu_models() -> list[str]:
    """What the driver says of each NVIDIA card; nothing in WSL2."""
    models = []
    folder = nvidia_driver.ROOT / "proc/driver/nvidia/gpus"
    for file in sorted(folder.glob("*/information")):
        with contextlib.suppress(OSError):
            lines = file.read_text(errors="replace").splitlines()
            models += [line for line in lines if line.startswith("Model:")]
    return models
