"""What one process compiled, the next one finds; nothing damaged is read."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from cifarcnn import caches
from cifarcnn.engine import compilation_cache, nvidia_driver
from cifarcnn.literals import Backend

VARIABLES = (
    *("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE", "TF_XLA_FLAGS"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
)
NOT_KEPT = "What XLA compiles is not kept: "
# A step of a training, compiled by XLA on the CPU. TensorFlow only keeps what it
# compiles for a GPU, unless the environment says otherwise, as it does here.
SCRIPT = """
import collections, json, sys
from pathlib import Path
from cifarcnn import engine
from cifarcnn.engine import nvidia_driver
nvidia_driver.ROOT = Path(sys.argv[1])
started = engine.start("cpu")
events = collections.Counter()
if started.backend == "jax":
    import jax
    jax.monitoring.register_event_listener(
        lambda event, **_: events.update([event.rpartition("/")[2]])
    )
import keras, numpy as np
keras.utils.set_random_seed(3)
model = keras.Sequential([
    keras.Input((6, 6, 2)), keras.layers.Conv2D(3, 3, activation="gelu"),
    keras.layers.Flatten(), keras.layers.Dense(2),
])
model.compile("adam", "mse", jit_compile=True)
random = np.random.default_rng(3)
model.train_on_batch(random.normal(size=(4, 6, 6, 2)), random.normal(size=(4, 2)))
print(json.dumps({
    "found": events["cache_hits"], "kept": events["cache_misses"],
    "weights": [np.asarray(w).tolist() for w in model.weights],
}))
"""
BACKENDS = [
    "tensorflow",
    pytest.param(
        "jax",
        marks=pytest.mark.skipif(find_spec("jax") is None, reason="needs jax"),
    ),
]


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        # So that what is set in between is taken back.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(compilation_cache, "_used", set())
    jax = sys.modules.get("jax")
    if jax is None:
        yield
        return
    # Another test of this process may have used it.
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / "the user's cache"))
    return tmp_path / "the user's cache" / "compiled"


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a system with a card, as its driver shows it."""
    monkeypatch.setattr(nvidia_driver, "ROOT", tmp_path / "root")
    return add_card(tmp_path / "root", "NVIDIA H100 80GB HBM3")


def add_card(root: Path, model: str) -> Path:
    folder = root / "proc/driver/nvidia/gpus/0000:1b:00.0"
    folder.mkdir(parents=True, exist_ok=True)
    text = f"Model: \t\t {model}\nIRQ:   \t\t 74\nGPU UUID: \t GPU-d2\n"
    (folder / "information").write_text(text)
    return root


def start(backend: str, card: Path) -> subprocess.Popen[str]:
    told = {"KERAS_BACKEND": backend, "TF_CPP_VMODULE": "device_executable_persistor=1"}
    told["TF_CPP_MIN_LOG_LEVEL"] = "0"
    told["TF_XLA_FLAGS"] = "--tf_xla_persistent_cache_device_types=CPU,XLA_CPU_JIT"
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(card)],
        env=os.environ | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, int, list[object]]:
    """How many programs were found, how many were kept, and the trained weights."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    told = json.loads(out)
    found = told["found"] + err.count("Loading cached entry for:")
    kept = told["kept"] + err.count("Serializing and saving cache entry:")
    assert "Traceback" not in err and "UserWarning" not in err
    return found, kept, told["weights"]


def programs(cache: Path) -> list[Path]:
    paths = [path for path in cache.rglob("*") if path.is_file()]
    return sorted(path for path in paths if path.suffix != ".sha256")


def set_of_modes(paths: list[Path]) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_next_process_compiles_nothing_and_a_damaged_program_is_compiled_anew(
    backend: str, cache: Path, card: Path
) -> None:
    both = [start(backend, card), start(backend, card)]
    (found, kept, weights), (_, _, other_weights) = map(end, both)
    count = found + kept
    assert count > 0 and weights == other_weights
    assert len(programs(cache)) >= count
    assert end(start(backend, card)) == (count, 0, weights)
    if os.name != "nt":
        assert set_of_modes([cache, *cache.iterdir()]) == {0o700}

    whole = {path: path.read_bytes() for path in programs(cache)}
    for number, (path, content) in enumerate(whole.items()):
        # Half of it, nothing of it, or other bytes in its middle.
        damage = (content[: len(content) // 2], b"", content[:50] + content[51:] + b"?")
        path.write_bytes(damage[number % 3])
    assert end(start(backend, card)) == (0, count, weights)
    assert end(start(backend, card)) == (count, 0, weights)


def test_tensorflow_is_left_alone_without_a_gpu(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvidia_driver, "ROOT", tmp_path)
    assert compilation_cache.use_cache("tensorflow") is None
    assert "TF_XLA_FLAGS" not in os.environ and not cache.exists()


def test_tensorflow_keeps_what_is_for_the_gpu(cache: Path, card: Path) -> None:
    assert compilation_cache.use_cache("tensorflow") is None
    (folder,) = cache.iterdir()
    assert folder.name.startswith(f"tensorflow-{version('tensorflow')}-")
    assert os.environ["TF_XLA_FLAGS"] == (
        "--tf_xla_persistent_cache_device_types=GPU,XLA_GPU_JIT "
        f'--tf_xla_persistent_cache_directory="{folder}"'
    )


def test_a_backend_that_is_not_installed_gets_no_folder(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    reason = compilation_cache.use_cache("jax")
    assert reason == f"{NOT_KEPT}the version of jax is not known."
    assert not cache.exists()


def test_a_version_that_may_not_know_the_flags_gets_none(
    cache: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        compilation_cache, "installed_version", lambda package: "2.99.0"
    )
    reason = compilation_cache.use_cache("tensorflow")
    assert reason == f"{NOT_KEPT}it was not tried with TensorFlow 2.99.0."
    assert "TF_XLA_FLAGS" not in os.environ and not cache.exists()


@pytest.mark.parametrize(
    "flags",
    [
        "--tf_xla_persistent_cache_directory=/mine",
        "--tf_xla_persistent_cache_directory=",
        "/home/me/flags-for-xla",
    ],
)
def test_the_users_own_cache_of_tensorflow_stays(
    flags: str, cache: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", flags)
    assert compilation_cache.use_cache("tensorflow") is None
    assert os.environ["TF_XLA_FLAGS"] == flags and not cache.exists()


def test_the_users_other_flags_stay(
    cache: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_max_cluster_size=9")
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=0")
    compilation_cache.use_cache("tensorflow")
    assert os.environ["TF_XLA_FLAGS"].startswith("--tf_xla_max_cluster_size=9 --tf_xla")
    assert os.environ["XLA_FLAGS"] == "--xla_gpu_autotune_level=0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JAX_COMPILATION_CACHE_DIR", "/mine"),
        ("JAX_ENABLE_COMPILATION_CACHE", "false"),
    ],
)
def test_the_users_own_cache_of_jax_stays(
    name: str, value: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert compilation_cache.use_cache("jax") is None
    assert os.environ[name] == value and not cache.exists()
    assert "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ


def test_one_that_is_only_switched_on_is_ours(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "True")
    assert compilation_cache.use_cache("jax") is None
    assert os.environ["JAX_COMPILATION_CACHE_DIR"].startswith(f"{cache}/")


def test_another_card_or_version_has_a_folder_of_its_own(
    cache: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3", "Tesla T4"):
        add_card(card, model)
        monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
        compilation_cache.use_cache("tensorflow")
    assert len(list(cache.iterdir())) == 2
    monkeypatch.setattr(compilation_cache, "_PACKAGES", ("pytest",))
    monkeypatch.delenv("TF_XLA_FLAGS")
    compilation_cache.use_cache("tensorflow")
    assert len(list(cache.iterdir())) == 3


def test_a_deterministic_training_does_not_get_the_program_of_another(
    cache: Path, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for flags in ("", "--xla_gpu_deterministic_ops=true"):
        monkeypatch.setenv("XLA_FLAGS", flags)
        monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
        compilation_cache.use_cache("tensorflow")
    assert len(list(cache.iterdir())) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_a_folder_that_others_can_write_to_is_not_used(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o770)
    reason = compilation_cache.use_cache("jax")
    assert reason == f"{NOT_KEPT}{cache}: others can write there."
    cache.chmod(0o700)
    cache.parent.chmod(0o777)
    reason = compilation_cache.use_cache("jax")
    assert reason == f"{NOT_KEPT}{cache.parent}: others can write there."
    if os.geteuid() == 0:
        cache.parent.chmod(0o775)
        os.chown(cache.parent, 0, 54321)
        assert compilation_cache.use_cache("jax") is not None
        os.chown(cache.parent, 0, os.getegid())
    # As it is made where the user's own group may write.
    cache.parent.chmod(0o775)
    assert compilation_cache.use_cache("jax") is None
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    # There nobody can move what is another's, as in /tmp.
    cache.parent.chmod(0o1777)
    assert compilation_cache.use_cache("jax") is None


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_cache_that_cannot_be_written_is_not_used(
    backend: Backend, cache: Path, card: Path
) -> None:
    cache.parent.write_text("a file where the folder would be")
    reason = compilation_cache.use_cache(backend)
    sentences = [f"{NOT_KEPT}{cache.parent}: {os.strerror(code)}." for code in (17, 20)]
    assert reason in sentences
    assert not set(VARIABLES) & set(os.environ)


def test_a_link_in_its_place_is_not_followed(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    cache.parent.mkdir()
    cache.symlink_to(tmp_path / "elsewhere")
    reason = compilation_cache.use_cache("jax")
    assert reason == f"{NOT_KEPT}{cache}: a link, or not a folder of this user."
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


def test_a_disk_without_room_is_not_used(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than any file system has.
    monkeypatch.setattr(compilation_cache, "_ROOM_BYTES", 1 << 62)
    reason = compilation_cache.use_cache("jax")
    assert reason is not None and reason.startswith(f"{NOT_KEPT}{cache}")
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
    assert programs(cache) == []


def put(path: Path, content: bytes = b"program", used: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (used, used))
    return path


def test_only_what_was_sealed_and_is_whole_stays(tmp_path: Path) -> None:
    whole, changed = put(tmp_path / "a"), put(tmp_path / "sub" / "b")
    compilation_cache._used.add(tmp_path)
    compilation_cache.seal()
    changed.write_bytes(b"programs")
    never = put(tmp_path / "c")
    written_now = put(tmp_path / "d.tmp", used=2**33)
    left_behind = put(tmp_path / "e.tmp")
    orphan = put(tmp_path / "f.sha256")
    compilation_cache.remove_damaged(tmp_path)
    compilation_cache.remove_damaged(tmp_path)
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    # Nor does a checksum stay behind, which the program's successor would not have.
    assert left == {whole, tmp_path / "a.sha256", written_now}
    assert not any(path.exists() for path in (changed, never, left_behind, orphan))


def test_what_another_process_wrote_once_more_is_sealed_once_more(
    tmp_path: Path,
) -> None:
    program = put(tmp_path / "a", b"program")
    compilation_cache._used.add(tmp_path)
    compilation_cache.seal()
    put(tmp_path / "a", b"the same one in other bytes", used=2**33)
    compilation_cache.seal()
    compilation_cache.remove_damaged(tmp_path)
    assert program.exists()


def test_what_was_used_longest_ago_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (
        tmp_path / f"{name}-0123456789ab"
        for name in ("jax-0.7.0", "jax-0.8.0", "tensorflow-2.21.0")
    )
    old = put(first / "a", bytes(60), used=1000)
    middle = put(second / "b", bytes(60), used=2000)
    new = put(third / "c", bytes(60), used=3000)
    os.utime(middle, (4000, 500))  # made first, and read last
    caches.make_room("compiled", 130, folder=tmp_path)
    assert [path.exists() for path in (old, middle, new)] == [False, True, True]
    caches.make_room("compiled", 70, folder=tmp_path)
    assert [path.exists() for path in (middle, new)] == [True, False]


def test_what_a_user_put_there_does_not_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = [tmp_path / "thesis.tex", tmp_path / "jax-notes" / "2024.md"]
    for path in mine:
        put(path, bytes(1000), used=1000)
    program = put(tmp_path / "jax-0.9.0-0123456789ab" / "a", bytes(60), used=2000)
    caches.make_room("compiled", 100, folder=tmp_path)
    assert program.exists()
    caches.make_room("compiled", 50, folder=tmp_path)
    assert not program.exists()
    assert all(path.exists() for path in mine)


def test_checking_does_not_count_as_use(tmp_path: Path) -> None:
    program = put(tmp_path / "a", used=1000)
    compilation_cache._used.add(tmp_path)
    compilation_cache.seal()
    compilation_cache.remove_damaged(tmp_path)
    if hasattr(os, "O_NOATIME"):
        assert program.stat().st_atime == 1000
