"""The Python packages that matter: which are here, and which do not fit together."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from cifarcnn.doctor.child import run_probe
from cifarcnn.doctor.failures import explain_failure
from cifarcnn.doctor.section import Finding, Section
from cifarcnn.installed import find_module, installed_version

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

# What each is called by people, as a module, and by pip, where that may be several.
_PACKAGES = {
    "keras": ("Keras", "keras", ("keras",)),
    "tensorflow": (
        "TensorFlow",
        "tensorflow",
        ("tensorflow", "tensorflow-cpu", "tf-nightly", "tensorflow-rocm"),
    ),
    "jax": ("JAX", "jax", ("jax",)),
    "jaxlib": ("jaxlib", "jaxlib", ("jaxlib",)),
    "litert": ("LiteRT", "ai_edge_litert", ("ai-edge-litert",)),
    "numpy": ("NumPy", "numpy", ("numpy",)),
    "pillow": ("Pillow", "PIL", ("pillow",)),
}
# Their own needs are looked at as well.
_PLUGINS = [
    f"jax-cuda{cuda}-{part}" for cuda in (12, 13) for part in ("plugin", "pjrt")
]
# The quick ones, which everything else needs; NumPy first.
_TRIED = {
    "numpy": "numpy",
    "pillow": "PIL.Image",
    "litert": "ai_edge_litert.interpreter",
}


def examine_packages() -> Section:
    """Versions, what cannot be imported, and what does not fit together."""
    facts: dict[str, str | None] = {
        "cifarcnn": installed_version("cifarcnn"),
        "python": platform.python_version(),
    }
    findings = _find_misfits()
    lines = [
        ("cifarcnn", facts["cifarcnn"] or "not installed"),
        ("Python", platform.python_version()),
    ]
    for key, (title, module, names) in _PACKAGES.items():
        found = next(filter(None, map(installed_version, names)), None)
        if found is None and find_module(module):
            found = "unknown"
        facts[key] = found
        lines.append((title, found or "not installed"))
        if key in _TRIED and found:
            tried = _TRIED[key]
            result = run_probe("probe_import", tried)
            if result.answer is None:
                findings.append(explain_failure(result, title, names[0]))
    return Section("versions", "Versions", facts, lines, findings)


def _find_misfits() -> list[Finding]:
    """What the packages say that they need, and is missing or another version."""
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return []  # Keras, which needs it, will say so.
    needs: dict[str, list[tuple[str, SpecifierSet]]] = {}
    names = [name for *_, names in _PACKAGES.values() for name in names]
    for owner in ("cifarcnn", *names, *_PLUGINS):
        version = installed_version(owner)
        for text in (metadata.requires(owner) if version else None) or ():
            with contextlib.suppress(InvalidRequirement):
                need = Requirement(text)
                if need.marker is None or need.marker.evaluate({"extra": ""}):
                    wanted = (f"{owner} {version}", need.specifier)
                    needs.setdefault(need.name.lower(), []).append(wanted)
    found = (_find_misfit(name, wanted) for name, wanted in needs.items())
    return [finding for finding in found if finding] + _find_unfit_plugins()


def _find_misfit(
    name: str, wanted: Sequence[tuple[str, SpecifierSet]]
) -> Finding | None:
    # Such as tensorflow-cpu for tensorflow.
    same = next((names for *_, names in _PACKAGES.values() if name in names), (name,))
    found = next(filter(None, map(installed_version, same)), None)
    unmet = [
        (owner, numbers)
        for owner, numbers in wanted
        if not found or not numbers.contains(found, prereleases=True)
    ]
    if not unmet:
        return None
    state = f"{name} {found} is installed" if found else f"{name} is not installed"
    owners = ", ".join(f"{owner} needs {name}{numbers}" for owner, numbers in unmet)
    # One version that does for all of them.
    numbers = ",".join(sorted({str(each) for _, each in wanted if str(each)}))
    command = f"python -m pip install '{name}{numbers}'"
    return Finding(f"{state}, but {owners}.", command, name)


def _find_unfit_plugins() -> list[Finding]:
    """JAX leaves out a plugin of another version, with a mere warning."""
    library = installed_version("jaxlib")
    return [
        Finding(
            f"{name} {found} does not fit jaxlib {library}: JAX will not use the GPU.",
            f"python -m pip install '{name}=={library}'",
            name,
        )
        for name in _PLUGINS
        if library
        and (found := installed_version(name))
        and not found.startswith(library)
    ]
