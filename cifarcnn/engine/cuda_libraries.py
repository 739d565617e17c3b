"""The CUDA libraries that TensorFlow opens by name, loaded from where they lie.

TensorFlow looks in ``LD_LIBRARY_PATH``, in some of the folders ``nvidia/*/lib`` beside
itself, and where the system looks; without one of them it lists no GPU. TensorFlow 2.21
has forgotten the folder of cuSOLVER (``readelf -d libtensorflow_framework.so.2``). A
library that this process has loaded is found under its bare name by whoever asks next.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cifarcnn.engine.nvidia_driver import cards_are_hidden, has_nvidia_driver
from cifarcnn.errors import DeviceError
from cifarcnn.installed import find_module

_CUT_SHORT = "the file is cut short"
_SEGMENT_BYTES = 56  # of Elf64_Phdr; the loader refuses any other number


@dataclass(frozen=True)
class CudaLibrary:
    """A library that TensorFlow needs for a GPU, and what became of it.

    Attributes:
        name: As the loader knows it, such as ``libcusolver.so.11``.
        package: The Python package that brings it.
        path: Where it was loaded from; ``None``: not loaded.
        error: The loader's words on a file that lies there and cannot be loaded.
        required: Whether TensorFlow lists no GPU without it.
    """

    name: str
    package: str
    path: str | None = None
    error: str | None = None
    required: bool = True


@dataclass(frozen=True)
class TensorFlowBuild:
    """What the installed TensorFlow was built for.

    Attributes:
        folder: Of the package.
        cuda: The version of CUDA; ``None``: built without.
        compute_capability: The least that a card must have.
    """

    folder: Path
    cuda: tuple[int, int] | None = None
    compute_capability: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Needed:
    """``folder`` is the one below ``nvidia``; ``beside``: TensorFlow looks there."""

    name: str
    folder: str
    beside: bool = True
    required: bool = True

    @property
    def package(self) -> str:
        return f"nvidia-{self.folder.replace('_', '-')}-cu12"


# What TensorFlow opens at its start, of CUDA 12, and what those open themselves;
# what is needed stands before what needs it. The folder counts as well: CUDA 13 brings
# another libcusparse.so.12, in the folder cu13.
_NEEDED = (
    _Needed("libcudart.so.12", "cuda_runtime"),
    # cuDNN compiles with it. Up to 9.10 at least it looks in nvidia/nvrtc/lib, which no
    # package has (readelf -d libcudnn_graph.so.9), and XLA takes minutes without it.
    _Needed("libnvrtc.so.12", "cuda_nvrtc", required=False),
    _Needed("libnvJitLink.so.12", "nvjitlink", required=False),
    _Needed("libcublasLt.so.12", "cublas"),
    _Needed("libcublas.so.12", "cublas"),
    _Needed("libcufft.so.11", "cufft"),
    _Needed("libcusparse.so.12", "cusparse"),
    _Needed("libcusolver.so.11", "cusolver", beside=False),
    _Needed("libcudnn.so.9", "cudnn"),
)


def load_libraries_for(device: str) -> None:
    """Load what TensorFlow will open, where it may use a GPU.

    To be called before TensorFlow is imported. What TensorFlow would find without it
    stays what it would be.

    Args:
        device: ``auto``, ``cpu`` or ``gpu``.

    Raises:
        DeviceError: A library is cut short, with which TensorFlow would crash.
    """
    possible = sys.platform == "linux" and device != "cpu"
    if not possible or cards_are_hidden() or not has_nvidia_driver():
        return
    build = read_tensorflow_build()
    if build is None or build.cuda is None:
        return
    for library in load_cuda_libraries():
        if library.error and library.error.endswith(_CUT_SHORT):
            raise DeviceError(
                f"The CUDA library {library.error}. Install it anew: pip install "
                f"--force-reinstall --no-deps {library.package}. Or train on the "
                "device cpu."
            )


def load_cuda_libraries() -> tuple[CudaLibrary, ...]:
    """Load each library that TensorFlow needs, unless it is loaded.

    Returns:
        What became of each. A second call tells the same.
    """
    return tuple(_load(needed) for needed in _NEEDED)


def package_folders() -> list[Path]:
    """Where Python packages lie: TensorFlow's own neighbours first."""
    folders = [Path(entry) for entry in sys.path]
    # Whatever stands in the current folder is nobody's installation.
    folders = [each for each in folders if each.name.endswith("-packages")]
    if build := read_tensorflow_build():
        folders.insert(0, build.folder.parent)
    return list(dict.fromkeys(folders))


def read_tensorflow_build() -> TensorFlowBuild | None:
    """Read what TensorFlow was built for, without importing it; ``None``: not there."""
    spec = find_module("tensorflow")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    try:
        text = (folder / "python/platform/build_info.py").read_text(encoding="utf-8")
    except OSError:
        return TensorFlowBuild(folder)
    version = re.search(r"'cuda_version', '(\d+)\.(\d+)", text)
    if version is None or "'is_cuda_build', True" not in text:
        return TensorFlowBuild(folder)
    capabilities = [
        (int(major), int(minor))
        for major, minor in re.findall(r"'(?:sm|compute)_(\d+)(\d)", text)
    ]
    return TensorFlowBuild(
        folder, (int(version[1]), int(version[2])), min(capabilities, default=None)
    )


def _load(needed: _Needed) -> CudaLibrary:
    error = None
    for path in _candidates(needed):
        if os.path.isabs(path) and _is_cut_short(path):
            error = error or f"{path}: {_CUT_SHORT}"
            continue
        try:
            # Not for all to see: whoever asks for it by name gets it as well.
            library = ctypes.CDLL(path)
        except OSError as refusal:
            if os.path.isabs(path):
                error = error or str(refusal)
            continue
        return CudaLibrary(
            needed.name, needed.package, _path_of(library), required=needed.required
        )
    return CudaLibrary(
        needed.name, needed.package, error=error, required=needed.required
    )


def _candidates(needed: _Needed) -> Iterator[str]:
    """Where to load it from: first what the loader would take for TensorFlow."""
    files = [
        folder / "nvidia" / needed.folder / "lib" / needed.name
        for folder in package_folders()
    ]
    # What is loaded already has its name.
    by_name = not needed.beside or _is_loaded(needed.name) or _is_preset(needed.name)
    if not by_name:
        yield from (str(file) for file in files[:1] if file.exists())
    yield needed.name
    yield from (str(file) for file in files if file.exists())


def _is_loaded(name: str) -> bool:
    try:
        ctypes.CDLL(name, os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return False
    return True


def _is_preset(name: str) -> bool:
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return any(os.path.exists(os.path.join(each, name)) for each in folders if each)


def _is_cut_short(path: str) -> bool:
    """Whether an ELF file lacks its end, at which the loader would crash (SIGBUS)."""
    try:
        file = open(path, "rb")
    except OSError:
        return False  # The loader says why it cannot be read.
    with file:
        header = file.read(64)
        if header[:6] != b"\x7fELF\x02\x01" or len(header) < 64:
            return False  # The loader knows what it is.
        (offset,) = struct.unpack_from("<Q", header, 32)
        each, count = struct.unpack_from("<HH", header, 54)
        if each != _SEGMENT_BYTES:
            return False
        size = file.seek(0, os.SEEK_END)
        if offset + each * count > size:
            return True
        file.seek(offset)
        segments = file.read(each * count)
    places = (
        struct.unpack_from("<QQQQ", segments, at * each + 8) for at in range(count)
    )
    return any(start + length > size for start, _, _, length in places)


class _LinkMap(ctypes.Structure):
    """The beginning of glibc's ``struct link_map``."""

    _fields_ = (("address", ctypes.c_void_p), ("name", ctypes.c_char_p))


def _path_of(library: ctypes.CDLL) -> str:
    """The file that a library was loaded from, from ``dlinfo``."""
    link = ctypes.POINTER(_LinkMap)()
    request = 2  # RTLD_DI_LINKMAP of dlfcn.h
    ctypes.CDLL(None).dlinfo(
        ctypes.c_void_p(library._handle), request, ctypes.byref(link)
    )
    return os.fsdecode(link.contents.name)
