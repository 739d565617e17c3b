from __future__ import annotations

import pytest

from cifarcnn.doctor.home import hide_home, quote_path


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/al")


def test_the_home_folder_becomes_a_tilde_wherever_it_stands() -> None:
    facts = {
        "path": "/home/al/x",
        "paths": ["/home/al", "lies in /home/al.", "/a:/home/al/b:/home/al/c"],
        "count": 3,
        "deep": {"none": None, "flag": True, "quoted": "'/home/al/y z'"},
    }
    assert hide_home(facts) == {
        "path": "~/x",
        "paths": ["~", "lies in ~.", "/a:~/b:~/c"],
        "count": 3,
        "deep": {"none": None, "flag": True, "quoted": "'~/y z'"},
    }


@pytest.mark.parametrize(
    "path", ["/home/alice/x", "/mnt/home/al/x", "/home/al.old/x", "/home/al-2", "x/al"]
)
def test_other_folders_stay(path: str) -> None:
    assert hide_home(path) == path


@pytest.mark.parametrize("value", ["/", "", "relative"])
def test_a_home_that_is_none_hides_nothing(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HOME", value)
    assert hide_home("/etc/x") == "/etc/x"
    assert quote_path("/etc/x") == "/etc/x"


def test_a_path_in_a_command_is_quoted_behind_its_tilde() -> None:
    assert quote_path("/home/al/my data") == "~/'my data'"
    assert quote_path("/home/al/data") == "~/data"
    assert quote_path("/data/my data") == "'/data/my data'"
    assert hide_home(quote_path("/home/al/my data")) == "~/'my data'"
