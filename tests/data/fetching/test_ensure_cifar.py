"""What is here already, what may not be fetched, and what is said in the end."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from cifarcnn.data.cifar import facts
from cifarcnn.data.cifar.location import read_provenance
from cifarcnn.data.dataset import open_dataset
from cifarcnn.data.fetching.ensure_cifar import fetch_cifar, fetch_when_missing
from cifarcnn.data.fetching.sources import ArchiveSource
from cifarcnn.errors import DataError


@pytest.fixture
def official(tiny10, tmp_path, fetching, fresh_cache, monkeypatch):
    """CIFAR-10 in miniature, its archive being the official one."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    # No test leaves this machine, whatever it is connected to.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    content = tiny10.pack("binary", tmp_path / "origin").read_bytes()
    layout = tiny10.cifar.binary
    archive = replace(
        layout.archive, size=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    cifar = replace(tiny10.cifar, binary=replace(layout, archive=archive))
    monkeypatch.setitem(facts.CIFAR_DATASETS, "cifar10", cifar)
    return cifar, content


@pytest.fixture
def fetch(official, make_server, answer, quick, fetching):
    """Fetches the miniature from a server of its own."""
    server = make_server(answer(body=official[1]))

    def fetch(**options):
        url = f"http://127.0.0.1:{server.port}/"
        settings = {"asked": [url], "policy": quick, "observer": fetching.story}
        return fetch_cifar(official[0], **{**settings, **options})

    fetch.server = server
    return fetch


def test_it_goes_into_the_cache_and_is_opened_as_official(
    official, fetch, fresh_cache, fetching
):
    result = fetch()
    assert result.path == fresh_cache / "cifar-10-binary.tar.gz"
    dataset = open_dataset("cifar10", None)
    assert dataset.official and dataset.origin == str(result.path)
    note = read_provenance(result.path)
    assert (note.how, note.origin) == ("fetched", result.url)


def test_it_goes_into_the_folder_that_was_named(fetch, tmp_path, fresh_cache):
    assert fetch(folder=tmp_path / "a" / "b").path.parent == tmp_path / "a" / "b"
    assert not fresh_cache.exists()


def test_official_files_that_are_here_are_not_fetched(
    official, fetch, tmp_path, monkeypatch
):
    monkeypatch.setenv("CIFARCNN_DATA", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "cifar-10-binary.tar.gz"
    path.write_bytes(official[1])
    result = fetch()
    assert (result.path, result.url) == (path, None)
    assert fetch.server.requests == []


@pytest.mark.parametrize("damaged", [False, True])
def test_what_is_not_official_does_not_stop_a_fetch_but_is_mentioned(
    tiny10, fetch, tmp_path, fetching, monkeypatch, damaged
):
    folder = tiny10.write("binary", tmp_path / "mine")
    if damaged:
        (folder / "test_batch.bin").unlink()
    monkeypatch.setenv("CIFARCNN_DATA", str(tmp_path / "mine"))
    result = fetch()
    assert result.url is not None
    assert fetching.story.events[-1] == (
        "noted",
        f"{folder} is found before {result.path} and is what the program uses; move "
        "it away, or name the other one with data.path.",
    )


def by_hand(cifar, folder):
    archive = cifar.binary.archive
    return (
        f"By hand: fetch https://www.cs.toronto.edu/~kriz/{archive.name} "
        f"({archive.size:,} bytes, sha256 {archive.sha256}) and put it into {folder}, "
        "unopened; or say where it lies with data.path or the environment variable "
        "CIFARCNN_DATA; or bring what you have, in any form: cifarcnn data import "
        "PATH\n"
        "dataset: synthetic needs no download."
    )


def test_offline_nothing_is_asked_of_the_network(official, fetch, fresh_cache):
    with pytest.raises(DataError) as caught:
        fetch(offline=True)
    assert str(caught.value) == (
        "The official CIFAR-10 is not here, and --offline was given, so that nothing "
        f"is fetched.\n{by_hand(official[0], fresh_cache)}"
    )
    assert fetch.server.requests == []


def test_offline_the_folder_that_was_named_is_looked_into(
    official, fetch, tmp_path, fresh_cache
):
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(official[1])
    result = fetch(offline=True, folder=tmp_path)
    assert (result.path, result.url) == (path, None)
    assert fetch.server.requests == []


@pytest.mark.parametrize("value", ["1", "yes"])
def test_the_variable_forbids_the_network_too(
    official, fetch, fresh_cache, monkeypatch, value
):
    monkeypatch.setenv("CIFARCNN_OFFLINE", value)
    with pytest.raises(DataError) as caught:
        fetch()
    assert str(caught.value) == (
        "The official CIFAR-10 is not here, and CIFARCNN_OFFLINE is set, so that "
        f"nothing is fetched.\n{by_hand(official[0], fresh_cache)}"
    )
    assert fetch.server.requests == []


@pytest.mark.parametrize("value", ["0", ""])
def test_an_empty_variable_or_0_forbids_nothing(fetch, monkeypatch, value):
    monkeypatch.setenv("CIFARCNN_OFFLINE", value)
    assert fetch().url is not None


def test_in_the_end_every_cause_is_said_and_the_way_by_hand(
    official, fetch, fresh_cache, answer
):
    fetch.server.answers = [answer(body=b"", status=404)]
    with pytest.raises(DataError) as caught:
        fetch()
    lines = str(caught.value).splitlines()
    assert lines[0] == "CIFAR-10 could not be fetched."
    assert lines[1] == (
        f"  http://127.0.0.1:{fetch.server.port}/cifar-10-binary.tar.gz: the server "
        "answers 404 (Not Found)."
    )
    proxy = (
        "the proxy that the environment names (HTTPS_PROXY) does not let through: "
        "Connection refused."
    )
    assert lines[2] == f"  {official[0].binary.archive.url}: {proxy}"
    assert len(lines) == 7
    assert "\n".join(lines[5:]) == by_hand(official[0], fresh_cache)


def missing(monkeypatch, fetch, *arguments):
    monkeypatch.setenv(
        "CIFARCNN_DATA_SOURCES", f"http://127.0.0.1:{fetch.server.port}/"
    )
    fetch_when_missing(*arguments, [], None)
    return len(fetch.server.requests)


def test_what_is_missing_is_fetched_once(fetch, monkeypatch, fresh_cache):
    assert missing(monkeypatch, fetch, "cifar10", None) == 1
    assert missing(monkeypatch, fetch, "cifar10", None) == 1
    assert (fresh_cache / "cifar-10-binary.tar.gz").exists()


@pytest.mark.parametrize(
    ("dataset", "path"), [("synthetic", None), ("folder", "/x"), ("cifar10", "/x")]
)
def test_only_a_cifar_without_a_path_is_fetched(fetch, monkeypatch, dataset, path):
    assert missing(monkeypatch, fetch, dataset, path) == 0


def test_what_is_missing_stays_missing_offline(fetch, monkeypatch):
    monkeypatch.setenv("CIFARCNN_OFFLINE", "1")
    assert missing(monkeypatch, fetch, "cifar10", None) == 0


def test_the_python_archive_is_as_good(official, tiny10, tmp_path, make_server, answer):
    content = tiny10.pack("python", tmp_path / "python").read_bytes()
    layout = official[0].python
    archive = replace(
        layout.archive, size=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    cifar = replace(official[0], python=replace(layout, archive=archive))
    server = make_server(answer(body=content))
    url = f"http://127.0.0.1:{server.port}/{archive.name}"
    result = fetch_cifar(cifar, asked=[url])
    assert result.path.name == "cifar-10-python.tar.gz"
    assert ArchiveSource(url, archive).archive.sha256 == archive.sha256
