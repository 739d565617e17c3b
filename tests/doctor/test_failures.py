from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cifarcnn.doctor.child import ProbeResult
from cifarcnn.doctor.failures import explain_failure
from cifarcnn.doctor.section import Finding

AGAIN = "python -m pip install --force-reinstall tensorflow"


@pytest.fixture(autouse=True)
def cpu_info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The processor of a machine that has AVX."""
    path = tmp_path / "cpuinfo"
    path.write_text("flags\t\t: fpu sse2 avx avx2\n")
    monkeypatch.setattr("cifarcnn.cpu.CPU_INFO", path)
    return path


def explain(result: ProbeResult) -> Finding:
    return explain_failure(result, "TensorFlow", "tensorflow")


def failed(kind: str, message: str, package: str, stage: str = "import") -> Finding:
    missing = package if kind == "ModuleNotFoundError" else ""
    error = {"type": kind, "message": message, "package": package, "missing": missing}
    return explain(ProbeResult(error=error, stage=stage, exit_code=0))


def test_a_time_that_is_up() -> None:
    assert explain(ProbeResult(stage="devices")) == Finding(
        "TensorFlow gave no answer within 90 seconds when it was asked for its "
        "devices, and was ended."
    )


def test_a_crash_with_what_was_said_before_it() -> None:
    words = "I0000 1.2 3 a.cc:1] all is well\nF0000 00:00:17.4 9 b.cc:2] Out of it.\nx"
    result = ProbeResult(stage="import", exit_code=-signal.SIGABRT, stderr=words)
    assert explain(result) == Finding(
        "TensorFlow crashed when it was imported: Aborted. Its last words: Out of it.",
        AGAIN,
    )
    silent = ProbeResult(stage="convolution", exit_code=-signal.SIGSEGV)
    assert explain(silent) == Finding(
        "TensorFlow crashed in a small convolution: Segmentation fault.", AGAIN
    )


@pytest.mark.parametrize("number", [signal.SIGILL, signal.SIGABRT])
def test_a_crash_on_a_processor_without_avx(cpu_info: Path, number: int) -> None:
    result = ProbeResult(stage="import", exit_code=-number)
    cpu_info.write_text("flags\t\t: fpu sse2\n")
    name = signal.strsignal(number)
    assert explain(result) == Finding(
        f"TensorFlow crashed when it was imported: {name}: this CPU has no AVX, which "
        "the published packages need. Use a machine that has it."
    )
    # Where nothing is known of the processor, nothing is said of it.
    cpu_info.unlink()
    assert "AVX" not in explain(result).message


def test_a_kill_by_the_system() -> None:
    assert explain(ProbeResult(stage="start", exit_code=-signal.SIGKILL)) == Finding(
        "TensorFlow was killed when it was started, as the system does where memory "
        "runs out. Free memory, and try again."
    )


def test_an_exit_of_its_own() -> None:
    result = ProbeResult(stage="start", exit_code=3, stderr="one\nno licence\n")
    assert explain(result) == Finding(
        "TensorFlow ended the process when it was started, with exit code 3. Its last "
        "words: no licence.",
        AGAIN,
    )


def test_what_comes_before_the_library_is_not_mended_by_it() -> None:
    assert explain(ProbeResult(exit_code=3)) == Finding(
        "TensorFlow ended the process when Python was started, with exit code 3."
    )
    assert failed("OSError", "[Errno 11] Try again", "", stage="") == Finding(
        "TensorFlow failed when Python was started: OSError: [Errno 11] Try again."
    )


@pytest.mark.parametrize(
    "result",
    [
        ProbeResult(stage="import", exit_code=-signal.SIGABRT, stderr="x bad_alloc\n"),
        ProbeResult(
            stage="convolution",
            exit_code=0,
            error={
                "type": "ResourceExhaustedError",
                "message": "failed to allocate 2.3 GB",
                "package": "tensorflow",
                "missing": "",
            },
        ),
        ProbeResult(
            stage="import",
            exit_code=0,
            error={
                "type": "ImportError",
                "message": "x.so: failed to map segment from shared object",
                "package": "tensorflow",
                "missing": "",
            },
        ),
    ],
)
def test_without_memory_nothing_is_to_be_installed(result: ProbeResult) -> None:
    finding = explain(result)
    way_out = " Free memory, or raise a limit of it (ulimit -v)."
    assert finding.message.endswith(way_out)
    assert finding.command is None


def test_a_package_that_is_missing_or_broken() -> None:
    assert failed("ModuleNotFoundError", "No module named 'absl'", "absl_py") == (
        Finding(
            "TensorFlow failed when it was imported: the Python package absl-py is not "
            "installed.",
            "python -m pip install absl-py",
        )
    )
    assert failed("ModuleNotFoundError", "No module named 'PIL'", "PIL").command == (
        "python -m pip install pillow"
    )
    assert failed("ImportError", "cannot import name 'x'", "numpy") == Finding(
        "TensorFlow failed when it was imported: ImportError: cannot import name 'x'.",
        "python -m pip install --force-reinstall numpy",
    )
    assert failed("OSError", "", "") == Finding(
        "TensorFlow failed when it was imported: OSError.", AGAIN
    )


def test_a_fault_of_our_own_names_what_was_tried() -> None:
    assert failed("KeyError", "'x'", "cifarcnn").command == AGAIN


def test_a_device_that_cannot_be_used_keeps_its_sentence() -> None:
    sentence = "The environment variable KERAS_BACKEND asks for 'x'. Unset it."
    assert failed("DeviceError", sentence, "cifarcnn", "start") == Finding(
        sentence, "unset KERAS_BACKEND"
    )
    other = "A small convolution on the CPU did not work: it gave 8.0."
    assert failed("DeviceError", other, "cifarcnn", "start") == Finding(other)
