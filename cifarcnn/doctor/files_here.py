"""What lies on this machine: data sets, caches, a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cifarcnn import caches
from cifarcnn.doctor.home import quote_path
from cifarcnn.doctor.section import Finding, Section, format_bytes
from cifarcnn.errors import DataError

if TYPE_CHECKING:
    from cifarcnn.data.cifar.facts import Cifar
    from cifarcnn.data.cifar.location import Location

_COMPLETE = {
    "folder": "folder, all files there",
    "archive": "archive, all there by its size",
}
_CACHES: dict[caches.Kind, str] = {
    "decoded": "decoded images",
    "compiled": "compiled programs",
    "features": "computed features",
}


def examine_data_sets() -> Section:
    """Where CIFAR-10 and CIFAR-100 would be taken from, and whether all is there.

    Only names and sizes are looked at.
    """
    from cifarcnn.data.cifar.facts import CIFAR_DATASETS
    from cifarcnn.data.cifar.location import find_usual_locations, usual_folders

    title = "Data sets"
    try:
        folders = usual_folders()
    except DataError as error:
        facts = {"error": str(error)}
        return Section(
            "data_sets", title, facts, [("error", str(error))], [Finding(str(error))]
        )
    facts_of: dict[str, Any] = {}
    lines, findings = [], []
    for name, cifar in CIFAR_DATASETS.items():
        # Two of the usual folders may be one.
        places = {place.path: place for place in find_usual_locations(cifar)}
        facts_of[name] = [_describe_place(cifar, place) for place in places.values()]
        if not places:
            lines.append(
                (cifar.title, f"not here; cifarcnn data fetch {name} brings it")
            )
        for number, facts in enumerate(facts_of[name]):
            state = facts["problem"] or _COMPLETE[facts["form"]]
            label = cifar.title if number == 0 else "also"
            lines.append((label, f"{facts['path']} ({state})"))
            if number == 0 and facts["complete"] is False:
                path = quote_path(facts["path"])
                findings.append(
                    Finding(facts["problem"], f"mv {path} {path}.incomplete")
                )
    lines.append(("looked in", ", ".join(map(str, folders))))
    facts_of["folders"] = [str(folder) for folder in folders]
    return Section("data_sets", title, facts_of, lines, findings)


def _describe_place(cifar: Cifar, place: Location) -> dict[str, Any]:
    from cifarcnn.data.cifar.files import check_folder

    complete: bool | None = True
    problem = None
    if place.packed:
        size, official = place.path.stat().st_size, place.layout.archive.size
        if size != official:
            complete = None
            problem = (
                f"archive of {format_bytes(size)}, the official one has "
                f"{format_bytes(official)}; reading it will tell"
            )
    else:
        try:
            check_folder(cifar, place.layout, place.path)
        except DataError as error:
            complete, problem = False, str(error)
    return {
        "path": str(place.path),
        "form": "archive" if place.packed else "folder",
        "layout": place.layout.kind,
        "complete": complete,
        "problem": problem,
    }


def examine_caches() -> Section:
    """What can be made again: where it lies, and how much it is."""
    facts = [
        {
            "name": kind,
            "path": (folder := caches.cache_folder(kind)) and str(folder),
            "size_bytes": caches.size_bytes(kind),
        }
        for kind in _CACHES
    ]
    lines = describe_caches()
    if any(fact["size_bytes"] for fact in facts):
        lines.append(("to empty them", "cifarcnn doctor --clear-caches"))
    return Section("caches", "Caches", facts, lines)


def describe_caches() -> list[tuple[str, str]]:
    """Of each cache how much is where, for people."""
    if caches.cache_folder() is None:
        return [("", "none: this user has no home folder; CIFARCNN_CACHE names one")]
    return [
        (
            title,
            f"{format_bytes(caches.size_bytes(kind))} in {caches.cache_folder(kind)}",
        )
        for kind, title in _CACHES.items()
    ]


def clear_caches() -> list[tuple[str, str]]:
    """Remove what :func:`describe_caches` tells of; what stayed, for people."""
    for kind in _CACHES:
        caches.clear(kind)
    left = any(caches.size_bytes(kind) for kind in _CACHES)
    return describe_caches() if left else []


def examine_browser() -> Section:
    """The browser that draws ``explain --format png`` and proves what is exported."""
    from cifarcnn.html.browser import look_for_browser

    browser = look_for_browser()
    if browser is None:
        missing = (
            "none; explain --format png needs one, and export --format web asks one "
            "if it can: Chromium, Chrome or Edge"
        )
        return Section("browser", "Browser", None, [("", missing)])
    return Section("browser", "Browser", browser, [("", browser)])
