"""CUDA libraries are loaded for TensorFlow, where it would not find them itself."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NAMES = {
    "libcudart.so.12": "cuda_runtime",
    "libnvrtc.so.12": "cuda_nvrtc",
    "libnvJitLink.so.12": "nvjitlink",
    "libcublasLt.so.12": "cublas",
    "libcublas.so.12": "cublas",
    "libcufft.so.11": "cufft",
    "libcusparse.so.12": "cusparse",
    "libcusolver.so.11": "cusolver",
    "libcudnn.so.9": "cudnn",
}
NEEDS = {
    "libcublas.so.12": ["libcublasLt.so.12"],
    "libcusparse.so.12": ["libnvJitLink.so.12"],
    "libcusolver.so.11": ["libcusparse.so.12", "libcublas.so.12"],
}
# As in the packages of TensorFlow 2.21, and what it does with a name.
SEARCHED = ("cublas", "cuda_runtime", "cudnn", "cufft", "cusparse")
TENSORFLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
const char *open_by_name(const char *name)
{
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) return "";
  const char *(*whose)(void) = (const char *(*)(void))dlsym(handle, "whose");
  return whose();
}
"""
BUILD = "[('cuda_compute_capabilities', ['sm_60', 'compute_120']), " + (
    "('cuda_version', '12.5.1'), ('cudnn_version', '9'), ('is_cuda_build', True)]"
)
# Prints what became of each library, and whose each is that TensorFlow then opens.
LOAD = f"""
import ctypes, json, re, dataclasses
from cifarcnn.engine import cuda_libraries
from cifarcnn.errors import DeviceError
{{before}}
problem = None
try:
    cuda_libraries.load_libraries_for({{device!r}})
except DeviceError as error:
    problem = str(error)
mapped = set(re.findall(r"lib[a-zA-Z]+\\.so\\.\\d+", open("/proc/self/maps").read()))
mapped = sorted(mapped & set({list(NAMES)}))
folder = cuda_libraries.read_tensorflow_build().folder
tensorflow = ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"))
tensorflow.open_by_name.restype = ctypes.c_char_p
whose = {{{{name: tensorflow.open_by_name(name.encode()).decode()
          for name in {list(NAMES)}}}}}
found = list(map(dataclasses.asdict, cuda_libraries.load_cuda_libraries()))
print(json.dumps([whose, found, mapped, problem]))
"""


class Environment:
    """Folders with Python packages, TensorFlow's among them, and a machine."""

    def __init__(self, folder: Path, library: Callable[..., Path], run: Any) -> None:
        self.folder, self.library, self.run = folder, library, run
        self.site = folder / "venv/site-packages"
        self.other = folder / "user/site-packages"
        tensorflow = self.site / "tensorflow"
        (tensorflow / "python/platform").mkdir(parents=True)
        (tensorflow / "__init__.py").touch()
        self.build = tensorflow / "python/platform/build_info.py"
        self.build.write_text(f"build_info = collections.OrderedDict({BUILD})\n")
        path = ":".join(f"$ORIGIN/../nvidia/{name}/lib" for name in SEARCHED)
        library(
            tensorflow / "libtensorflow_framework.so.2",
            TENSORFLOW,
            options=["-Wl,--enable-new-dtags", f"-Wl,-rpath,{path}"],
        )

    def add(self, file: Path, whose: str, *needs: Path, search: str = "") -> Path:
        source = f'const char *whose(void) {{ return "{whose}"; }}'
        options = [f"-Wl,-rpath,{search}"] if search else []
        return self.library(file, source, needs, options)

    def install(self, site: Path, names: tuple[str, ...] = tuple(NAMES)) -> None:
        """As the packages of NVIDIA lie, and as they search for one another."""
        folders = {name: site / "nvidia" / NAMES[name] / "lib" for name in NAMES}
        for name in names:
            needs = [folders[each] / each for each in NEEDS.get(name, ())]
            search = ":".join(f"$ORIGIN/../../{NAMES[each.name]}/lib" for each in needs)
            self.add(folders[name] / name, "packages", *needs, search=search)

    def load(
        self,
        device: str = "auto",
        before: str = "",
        **environment: str | Path,
    ) -> tuple[dict[str, str], dict[str, dict[str, Any]], list[str], str | None]:
        script = LOAD.format(device=device, before=before)
        sites = [self.site, self.other]
        done = self.run(script, sites, "-S", **environment)
        assert done.returncode == 0, done.stderr
        whose, found, mapped, problem = json.loads(done.stdout)
        return whose, {each["name"]: each for each in found}, mapped, problem


@pytest.fixture
def environment(
    tmp_path: Path, library: Any, run_python: Any, loaded_driver: Path
) -> Environment:
    return Environment(tmp_path, library, run_python)


ALL = dict.fromkeys(NAMES, "packages")
NONE = dict.fromkeys(NAMES, "")


def test_what_tensorflow_does_not_find_beside_itself_it_finds(
    environment: Environment,
) -> None:
    environment.install(environment.site)
    alone, _, mapped, _ = environment.load("cpu")
    lacking = {"libcusolver.so.11", "libnvrtc.so.12", "libnvJitLink.so.12"}
    assert {name for name in alone if not alone[name]} == lacking
    assert mapped == []
    whose, found, mapped, problem = environment.load()
    assert (whose, problem) == (ALL, None)
    assert mapped == sorted(NAMES)
    for name, each in found.items():
        file = environment.site / "nvidia" / NAMES[name] / "lib" / name
        assert each["path"] == str(file)
        assert each["package"] == f"nvidia-{NAMES[name].replace('_', '-')}-cu12"


def test_they_may_lie_in_another_folder_of_packages(environment: Environment) -> None:
    environment.install(environment.other)
    assert environment.load("cpu")[0] == NONE
    whose, found, _, _ = environment.load()
    assert whose == ALL
    assert found["libcudnn.so.9"]["path"] == str(
        environment.other / "nvidia/cudnn/lib/libcudnn.so.9"
    )


def test_what_lies_beside_tensorflow_comes_before_other_folders(
    environment: Environment,
) -> None:
    environment.install(environment.other)
    beside = environment.site / "nvidia/cudnn/lib/libcudnn.so.9"
    environment.add(beside, "beside")
    whose, _, _, _ = environment.load()
    assert whose == {**ALL, "libcudnn.so.9": "beside"}


def test_an_own_cuda_is_left_alone(environment: Environment) -> None:
    environment.install(environment.site)
    own = environment.folder / "own"
    for name in NAMES:
        environment.add(own / name, "own")
    # A library path of nothing is no folder.
    path = f":{own}"
    for device in ("cpu", "auto"):
        whose, found, _, _ = environment.load(device, LD_LIBRARY_PATH=path)
        assert whose == dict.fromkeys(NAMES, "own")
    assert {each["path"] for each in found.values()} == {str(own / n) for n in NAMES}


def test_a_part_of_an_own_cuda_is_completed(environment: Environment) -> None:
    environment.install(environment.site)
    own = environment.folder / "own"
    environment.add(own / "libcudart.so.12", "own")
    whose, _, _, _ = environment.load(LD_LIBRARY_PATH=own)
    assert whose == {**ALL, "libcudart.so.12": "own"}


def test_what_the_program_has_loaded_is_left_alone(environment: Environment) -> None:
    environment.install(environment.site)
    torch = environment.folder / "torch/libcudnn.so.9"
    environment.add(torch, "torch")
    before = f"ctypes.CDLL({str(torch)!r})"
    whose, found, _, _ = environment.load(before=before)
    assert whose == {**ALL, "libcudnn.so.9": "torch"}
    assert found["libcudnn.so.9"]["path"] == str(torch)


def test_what_the_system_finds_of_its_own_is_left_alone(
    environment: Environment, tmp_path: Path
) -> None:
    """Where TensorFlow does not look beside itself: it asks the system by name."""
    environment.install(environment.site)
    system = environment.add(tmp_path / "system/libcusolver.so.11", "system")
    # The preloaded stand for what ldconfig knows.
    whose, found, _, _ = environment.load(LD_PRELOAD=system)
    assert whose == {**ALL, "libcusolver.so.11": "system"}
    assert found["libcusolver.so.11"]["path"] == str(system)


def test_libraries_of_cuda_13_with_the_same_name_are_not_taken(
    environment: Environment,
) -> None:
    environment.install(environment.other)
    for site in (environment.site, environment.other):
        environment.add(site / "nvidia/cu13/lib/libcusparse.so.12", "CUDA 13")
    assert environment.load()[0] == ALL


def test_a_library_of_another_processor_is_passed_over(
    environment: Environment,
) -> None:
    environment.install(environment.site)
    environment.install(environment.other, ("libcudnn.so.9",))
    for name in ("libcudnn.so.9", "libcufft.so.11"):
        file = environment.site / "nvidia" / NAMES[name] / "lib" / name
        content = bytearray(file.read_bytes())
        content[18:20] = b"\x02\x01"  # its field e_machine
        file.write_bytes(content)
    whose, found, _, problem = environment.load()
    assert problem is None
    assert whose["libcudnn.so.9"] == "packages"
    assert found["libcudnn.so.9"]["error"] is None
    assert whose["libcufft.so.11"] == ""
    assert found["libcufft.so.11"]["path"] is None
    assert found["libcufft.so.11"]["error"].startswith(f"{file}: ")


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_library_that_is_cut_short_is_named_before_it_ends_the_process(
    environment: Environment, share: float
) -> None:
    environment.install(environment.site)
    file = environment.site / "nvidia/cufft/lib/libcufft.so.11"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    script = (
        "from cifarcnn.engine.cuda_libraries import load_libraries_for\n"
        "from cifarcnn.errors import DeviceError\n"
        "try: load_libraries_for('auto')\n"
        "except DeviceError as error: print(error)\n"
    )
    done = environment.run(script, [environment.site], "-S")
    assert done.stdout == (
        f"The CUDA library {file}: the file is cut short. Install it anew: pip install "
        "--force-reinstall --no-deps nvidia-cufft-cu12. Or train on the device cpu.\n"
    )


@pytest.mark.parametrize("what", ["folder", "header", "offset"])
def test_what_is_no_library_is_left_to_the_loader(
    environment: Environment, what: str
) -> None:
    environment.install(environment.site)
    file = environment.site / "nvidia/cufft/lib/libcufft.so.11"
    content = bytearray(file.read_bytes())
    file.unlink()
    if what == "folder":
        file.mkdir()
    elif what == "header":
        content[54:56] = b"\0\0"  # no bytes for a segment
        file.write_bytes(content)
    else:
        content[32:40] = b"\xff" * 8
        file.write_bytes(content)
    whose, found, _, problem = environment.load()
    assert whose["libcufft.so.11"] == ""
    assert found["libcufft.so.11"]["path"] is None
    assert found["libcufft.so.11"]["error"].startswith(f"{file}: ")
    assert (problem is not None) == (what == "offset")


@pytest.mark.parametrize("value", ["", "-1", "NoDevFiles", " -1,0"])
def test_nothing_is_loaded_where_every_card_is_hidden(
    environment: Environment, value: str
) -> None:
    environment.install(environment.other)
    whose, _, mapped, _ = environment.load(CUDA_VISIBLE_DEVICES=value)
    assert (whose, mapped) == (NONE, [])


def test_one_of_several_cards_is_enough(environment: Environment) -> None:
    environment.install(environment.other)
    assert environment.load(CUDA_VISIBLE_DEVICES="1,-1")[0] == ALL


def test_nothing_is_loaded_without_a_driver(environment: Environment) -> None:
    environment.install(environment.other)
    shutil.rmtree(environment.folder / "root")
    whose, _, mapped, _ = environment.load("gpu")
    assert (whose, mapped) == (NONE, [])


def test_nothing_is_loaded_for_a_tensorflow_without_cuda(
    environment: Environment,
) -> None:
    environment.install(environment.other)
    environment.build.write_text("build_info = OrderedDict([('is_cuda_build', False)])")
    whose, _, mapped, _ = environment.load("gpu")
    assert (whose, mapped) == (NONE, [])


def test_what_the_installed_tensorflow_was_built_for_is_what_it_says_itself() -> None:
    import tensorflow as tf

    from cifarcnn.engine.cuda_libraries import read_tensorflow_build

    found = read_tensorflow_build()
    said = tf.sysconfig.get_build_info()
    assert found is not None
    assert found.folder == Path(tf.__file__).parent
    version = tuple(map(int, said["cuda_version"].split(".")[:2]))
    assert found.cuda == (version if said["is_cuda_build"] else None)
    names = ast.literal_eval(str(said["cuda_compute_capabilities"]))
    numbers = [int(name.rpartition("_")[2]) for name in names]
    assert found.compute_capability == divmod(min(numbers), 10)


@pytest.mark.slow
def test_tensorflow_lists_the_card_and_without_one_library_it_is_named(
    environment: Environment, driver: Callable[..., Path]
) -> None:
    """TensorFlow itself, with a made-up driver and made-up libraries."""
    environment.install(environment.other)
    folder = driver()
    nothing = "int {0}(void) {{ return 0; }}\n"
    names = ("nvmlInit", "nvmlInit_v2", "nvmlShutdown")
    source = "".join(map(nothing.format, names))
    environment.library(folder / "libnvidia-ml.so.1", source)
    script = (
        "from cifarcnn.engine.cuda_libraries import load_libraries_for\n"
        "load_libraries_for('auto')\n"
        "import tensorflow as tf\n"
        "print(tf.config.list_physical_devices('GPU'))\n"
    )
    done = environment.run(script, [environment.other], LD_LIBRARY_PATH=folder)
    card = "[PhysicalDevice(name='/physical_device:GPU:0', device_type='GPU')]\n"
    assert done.stdout == card, done.stderr

    (environment.other / "nvidia/cusolver/lib/libcusolver.so.11").unlink()
    script = (
        "from cifarcnn import engine, errors\n"
        "try:\n    engine.start('gpu')\n"
        "except errors.DeviceError as error:\n    print(error)\n"
    )
    done = environment.run(script, [environment.other], LD_LIBRARY_PATH=folder)
    beginning, _, ending = done.stdout.partition("nor in ")
    assert beginning == (
        "The device gpu cannot be used: TensorFlow does not find libcusolver.so.11 of "
        "CUDA 12: not where the system looks (LD_LIBRARY_PATH, ldconfig), "
    )
    assert f"{environment.other}/nvidia/*/lib" in ending
    assert ending.endswith(
        ". Install it: pip install 'cifarcnn[gpu]'. Or train on the device cpu.\n"
    )
