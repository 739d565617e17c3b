"""The list of sources, and how a user makes it longer."""

from __future__ import annotations

import pytest

from cifarcnn.config.urls import find_problem
from cifarcnn.data.cifar.facts import CIFAR10, CIFAR100
from cifarcnn.data.fetching.sources import VARIABLE, ArchiveSource, gather_sources
from cifarcnn.errors import UsageError

BINARY, PYTHON = CIFAR10.binary.archive, CIFAR10.python.archive


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def urls(*arguments):
    return [source.url for source in gather_sources(*arguments)]


@pytest.mark.parametrize("cifar", [CIFAR10, CIFAR100])
def test_the_publisher_comes_first_and_every_source_is_sound(cifar):
    sources = gather_sources(cifar)
    assert sources[0] == ArchiveSource(cifar.binary.archive.url, cifar.binary.archive)
    assert len(sources) >= 2
    for source in sources:
        assert find_problem(source.url, loopback=False) is None
        assert source.url.endswith(f"/{source.archive.name}")
        assert source.archive in [layout.archive for layout in cifar.layouts]


def test_the_facts_of_the_archives():
    """As published; see the head of ``cifar_facts``."""
    archives = [layout.archive for one in (CIFAR10, CIFAR100) for layout in one.layouts]
    assert [
        (archive.name, archive.size, archive.sha256[:8]) for archive in archives
    ] == [
        ("cifar-10-binary.tar.gz", 170_052_171, "c4a38c50"),
        ("cifar-10-python.tar.gz", 170_498_071, "6d958be0"),
        ("cifar-100-binary.tar.gz", 168_513_733, "58a81ae1"),
        ("cifar-100-python.tar.gz", 169_001_437, "85cd44d0"),
    ]
    assert all(len(archive.sha256) == 64 for archive in archives)


def test_what_was_asked_for_goes_before_everything_else(monkeypatch):
    monkeypatch.setenv(VARIABLE, " https://b.example/x/  https://c.example/y.tgz ")
    known = urls(CIFAR10)[2:]
    assert urls(CIFAR10, ["https://a.example/"], ["https://d.example/"]) == [
        "https://a.example/cifar-10-binary.tar.gz",
        "https://b.example/x/cifar-10-binary.tar.gz",
        "https://c.example/y.tgz",
        "https://d.example/cifar-10-binary.tar.gz",
        *known,
    ]


def test_no_source_is_there_twice():
    again = [CIFAR10.binary.archive.url] * 2
    assert urls(CIFAR10, again) == urls(CIFAR10)


@pytest.mark.parametrize(
    ("url", "archive"),
    [
        ("https://a.example/cifar-10-python.tar.gz", PYTHON),
        ("https://a.example/files/cifar-10-python.tar.gz?download=1", PYTHON),
        ("https://a.example/cifar-10-binary.tar.gz", BINARY),
        ("https://a.example/download?id=17", BINARY),
        ("https://a.example/", BINARY),
    ],
)
def test_the_name_in_an_address_says_which_archive_it_is(url, archive):
    assert gather_sources(CIFAR10, [url])[0].archive == archive


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("https://a.example", "https://a.example/cifar-10-binary.tar.gz"),
        ("https://a.example:8443", "https://a.example:8443/cifar-10-binary.tar.gz"),
        ("https://a.example/b/", "https://a.example/b/cifar-10-binary.tar.gz"),
        ("https://a.example/b/?k=1", "https://a.example/b/cifar-10-binary.tar.gz?k=1"),
    ],
)
def test_the_name_of_the_archive_goes_behind_the_folder(folder, file):
    assert gather_sources(CIFAR10, [folder])[0].url == file


def test_an_address_of_the_other_data_set_is_left_out():
    assert urls(CIFAR10, ["https://a.example/cifar-100-binary.tar.gz"]) == urls(CIFAR10)


@pytest.mark.parametrize(
    ("given", "place"),
    [(("--from",), "--from"), (("config",), "data.sources"), ((), VARIABLE)],
)
def test_an_unacceptable_address_is_named_with_its_place(monkeypatch, given, place):
    url = "http://example.com/"
    if not given:
        monkeypatch.setenv(VARIABLE, url)
    asked = [url] if "--from" in given else []
    configured = [url] if "config" in given else []
    with pytest.raises(UsageError) as caught:
        gather_sources(CIFAR10, asked, configured)
    assert str(caught.value) == (
        f"{place}: 'http://example.com/' cannot be a source: expected https://."
    )


def test_a_config_cannot_lead_to_this_machine():
    with pytest.raises(UsageError) as caught:
        gather_sources(CIFAR10, [], ["http://127.0.0.1:8000/"])
    assert str(caught.value) == (
        "data.sources: 'http://127.0.0.1:8000/' cannot be a source: it leads to this "
        "machine itself."
    )
    assert urls(CIFAR10, ["http://127.0.0.1:8000/"])[0].startswith("http://127.0.0.1")
