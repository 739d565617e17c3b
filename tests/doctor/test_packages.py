from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from cifarcnn.doctor.packages import examine_packages
from cifarcnn.doctor.section import Finding
from cifarcnn.installed import find_module

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts what pip leaves of a package before what is installed."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def install(name: str, number: str, *needs: str) -> None:
        place = folder / f"{name.replace('-', '_')}-{number}.dist-info"
        place.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
        text += "".join(f"Requires-Dist: {need}\n" for need in needs)
        (place / "METADATA").write_text(text)

    return install


def test_what_is_installed_has_its_version_and_fits_together() -> None:
    section = examine_packages()
    assert list(section.facts) == [
        *("cifarcnn", "python", "keras", "tensorflow", "jax", "jaxlib", "litert"),
        *("numpy", "pillow"),
    ]
    assert section.facts["keras"] == version("keras")
    assert section.facts["litert"] == version("ai-edge-litert")
    assert dict(section.lines)["NumPy"] == version("numpy")
    assert section.findings == []


def test_what_does_not_fit_is_named_with_the_command_that_mends_it(
    install: Install,
) -> None:
    install("keras", "3.0.5")
    install("jax", "0.9.0", "jaxlib <=0.9.0,>=0.9.0", 'x; extra == "cuda"', "no (name")
    install("jaxlib", "0.8.0")
    section = examine_packages()
    assert section.facts["keras"] == "3.0.5"
    keras, jaxlib = section.findings
    assert keras.message.startswith(
        f"keras 3.0.5 is installed, but cifarcnn {version('cifarcnn')} needs "
        "keras<4,>=3.15.1"
    )
    assert keras.command is not None
    assert keras.command.startswith("python -m pip install 'keras<4,>=3.15.1")
    assert jaxlib == Finding(
        "jaxlib 0.8.0 is installed, but jax 0.9.0 needs jaxlib<=0.9.0,>=0.9.0.",
        "python -m pip install 'jaxlib<=0.9.0,>=0.9.0'",
    )


def test_a_package_in_place_of_another_will_do(install: Install) -> None:
    install("tensorflow-cpu", "2.20.0")
    install("tensorflow", "2.1.0")
    (finding,) = examine_packages().findings
    assert finding.message.startswith("tensorflow 2.1.0 is installed, but cifarcnn")


def test_a_plugin_that_jax_will_leave_out_is_named(install: Install) -> None:
    install("jax", "0.9.0")
    install("jaxlib", "0.9.0")
    install("jax-cuda12-plugin", "0.8.1")
    install("jax-cuda12-pjrt", "0.9.0")
    assert examine_packages().findings == [
        Finding(
            "jax-cuda12-plugin 0.8.1 does not fit jaxlib 0.9.0: JAX will not use the "
            "GPU.",
            "python -m pip install 'jax-cuda12-plugin==0.9.0'",
        )
    ]


def test_a_package_that_cannot_be_imported_is_named(
    stub: Callable[[str, str], Path],
) -> None:
    stub("numpy", "raise ImportError('built for another Python')")
    found = {finding.message for finding in examine_packages().findings}
    reason = "failed when it was imported: ImportError: built for another Python."
    assert found >= {f"NumPy {reason}", f"LiteRT {reason}"}


def test_a_module_without_the_notes_of_pip_is_of_unknown_version(
    stub: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(stub("jax", "")))
    if find_module("jaxlib"):
        pytest.skip("JAX is installed here")
    section = examine_packages()
    assert section.facts["jax"] == "unknown"
    assert section.facts["jaxlib"] is None
