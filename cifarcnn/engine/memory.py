"""How much memory this process may still take, and what it looks like when it is over.

Without memory TensorFlow on a CPU does not raise an exception: it is killed by the
system, aborts, or crashes. So what cannot fit has to be known before.
"""

from __future__ import annotations

from pathlib import Path

from cifarcnn.engine.card_memory import describe_holders, read_card_memory

_ROOT = Path("/")
# Of a control group, in its second and in its first version: the limit, and what is
# taken of it.
_GROUPS = (
    ("sys/fs/cgroup", "memory.max", "memory.current"),
    ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_NO_MEMORY = (
    "ResourceExhausted",
    "RESOURCE_EXHAUSTED",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
# As XLA and TensorFlow word it, in lower case.
_NOT_STARTED = (
    "cudnn_status_internal_error",
    "cudnn_status_not_initialized",
    "cublas_status_not_initialized",
    "dnn library initialization failed",
    "could not create cudnn handle",
    "failed to create cublas",
    "blas support",
)
# More than that is what the first version has for no limit.
_NO_LIMIT = 2**60


def free_memory(root: Path = _ROOT) -> int | None:
    """The bytes that this process can still take from the machine, at most.

    The least of what is free on the machine, swap included, of what its control groups
    leave, and of what its own limit (``ulimit -v``) leaves.

    Args:
        root: Where ``proc`` and ``sys`` lie.

    Returns:
        ``None`` where the system does not say.
    """
    free = _free_in_groups(root)
    machine = _read_table(root / "proc/meminfo")
    if "MemAvailable" in machine:
        free.append(1024 * (machine["MemAvailable"] + machine.get("SwapFree", 0)))
    limit = _limit_of_process()
    if limit is not None:
        taken = 1024 * _read_table(root / "proc/self/status").get("VmSize", 0)
        free.append(max(limit - taken, 0))
    return min(free, default=None)


def peak_memory(root: Path = _ROOT) -> int | None:
    """The most bytes that this process has held in memory at any time.

    Args:
        root: Where ``proc`` lies.

    Returns:
        ``None`` where the system does not say.
    """
    # Not getrusage: what it says may be of the process that this one was started by.
    found = _read_table(root / "proc/self/status").get("VmHWM")
    return None if found is None else 1024 * found


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that there was too little memory.

    TensorFlow and JAX have types of their own for it, with one word in common, and the
    libraries of CUDA have theirs. Those that cannot be started may have got no memory:
    they have not where the card is full.
    """
    words = f"{type(error).__name__} {error}"
    if isinstance(error, MemoryError) or any(word in words for word in _NO_MEMORY):
        return True
    if not any(word in words.lower() for word in _NOT_STARTED):
        return False
    memory = read_card_memory()
    return memory is not None and memory.is_full


def describe_out_of_memory(error: BaseException, purpose: str, *, on_gpu: bool) -> str:
    """A sentence on an exception that means it, and on who else holds the card.

    Args:
        error: The exception.
        purpose: What the memory is too little for, such as ``for the network``.
        on_gpu: Whether a GPU computes.
    """
    # Python itself wants memory of the machine.
    if not on_gpu or isinstance(error, MemoryError):
        return f"The memory is not enough {purpose}."
    holders = describe_holders(read_card_memory())
    clause = f"; {holders}" if holders else ""
    return f"The memory of the GPU is not enough {purpose}{clause}."


def _limit_of_process() -> int | None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _free_in_groups(root: Path) -> list[int]:
    # A process may be shown its own group as the root of all, or where it really is.
    names = {""}
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, path = line.rpartition(":")
        parts = path.strip("/").split("/")
        names |= {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}
    free = []
    for base, limit_name, usage_name in _GROUPS:
        for name in names:
            group = root / base / name
            limit, usage = _read(group / limit_name), _read(group / usage_name)
            known = limit.strip().isdigit() and usage.strip().isdigit()
            if known and int(limit) < _NO_LIMIT:
                # Pages of files count as taken, but are given back.
                table = _read_table(group / "memory.stat")
                cached = table.get("inactive_file", 0) + table.get("active_file", 0)
                free.append(max(int(limit) - int(usage) + cached, 0))
    return free


def _read_table(path: Path) -> dict[str, int]:
    """Lines such as ``MemAvailable:  19000 kB`` or ``inactive_file 4096``."""
    found = {}
    for line in _read(path).splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
