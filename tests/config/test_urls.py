"""Which addresses may be fetched from."""

from __future__ import annotations

import pytest

from cifarcnn.config.urls import find_problem, is_loopback

FAR = ["https://example.com/a", "https://example.com:8443/", "https://[2001:db8::1]/a"]
NEAR = [
    "http://127.0.0.1:8000/a",
    "https://localhost/",
    "http://[::1]:80/a",
    "http://127.8.9.1/",
    "http://LOCALHOST./",
]


@pytest.mark.parametrize("url", FAR)
def test_encrypted_addresses_are_accepted(url):
    assert find_problem(url, loopback=False) is None
    assert find_problem(url, loopback=True) is None


@pytest.mark.parametrize("url", NEAR)
def test_this_machine_is_an_exception_where_it_is_allowed(url):
    assert find_problem(url, loopback=True) is None
    assert find_problem(url, loopback=False) == "it leads to this machine itself"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a",
        "ftp://example.com/a",
        "HTTP://example.com",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
    ],
)
def test_everything_else_must_be_encrypted(url):
    assert find_problem(url, loopback=True) == "expected https://"


def test_this_machine_is_asked_by_http_alone():
    assert find_problem("ftp://127.0.0.1/a", loopback=True) == "expected https://"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cifar.tar.gz",
        "/tmp/cifar.tar.gz",
        "file:///etc/passwd",
        "https://",
        "https:///a",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://[::1/",
        "https://exam ple.com/",
        "https://example.com/\x1b[2J",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_what_is_no_address(url):
    assert find_problem(url, loopback=True) == "it is not an address"


def test_secrets_do_not_belong_into_an_address():
    assert find_problem("https://me:secret@example.com/", loopback=True) == (
        "it holds a user name or password, which would end up in logs"
    )


@pytest.mark.parametrize("host", ["128.0.0.1", "example.com", "", "localhost.com"])
def test_other_machines_are_not_this_one(host):
    assert not is_loopback(host)
