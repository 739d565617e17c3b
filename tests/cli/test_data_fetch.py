"""``cifarcnn data fetch``, and ``train`` that fetches."""

from __future__ import annotations

import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cifarcnn.cli import fetch_display
from cifarcnn.cli.fetch_display import FetchBar, FetchLines, describe_progress
from cifarcnn.data.cifar import facts
from cifarcnn.data.cifar.facts import CIFAR10, Archive
from cifarcnn.data.fetching.sources import ArchiveSource

NAME = CIFAR10.binary.archive.name


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _nothing_is_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIFARCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    # No test leaves this machine, whatever it is connected to.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The address of a folder that holds CIFAR-10 in miniature."""
    import tarfile

    folder = tmp_path / "site"
    folder.mkdir()
    layout = CIFAR10.binary
    draws = np.random.default_rng(3)
    with tarfile.open(folder / NAME, "w:gz") as members:
        source = tmp_path / layout.folder
        source.mkdir()
        for file in layout.data_files:
            records = draws.integers(0, 256, (20, 3073), np.uint8)
            records[:, 0] = np.arange(20) % 10
            (source / file.name).write_bytes(records.tobytes())
        (source / layout.names_file).write_text("\n".join(CIFAR10.class_names))
        members.add(source, layout.folder)
    content = (folder / NAME).read_bytes()
    files = [replace(file, images=20, md5=None) for file in layout.data_files]
    archive = Archive(NAME, len(content), hashlib.sha256(content).hexdigest())
    small = replace(layout, training=tuple(files[:-1]), test=files[-1], archive=archive)
    monkeypatch.setitem(facts.CIFAR_DATASETS, "cifar10", replace(CIFAR10, binary=small))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=folder)
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_path_is_the_answer_and_the_rest_goes_to_standard_error(
    site, call, tmp_path
):
    called = call("data", "fetch", "--from", site)
    path = tmp_path / "cache" / NAME
    assert (called.code, called.out) == (0, f"{path}\n")
    assert called.err == (
        f"fetching: {site}{NAME} (0 MB)\n"
        f"fetched: {path}, size and sha256 as published\n"
    )


def test_again_it_is_here_already(site, call, tmp_path):
    call("data", "fetch", "--from", site)
    called = call("data", "fetch")
    path = tmp_path / "cache" / NAME
    assert (called.code, called.out) == (0, f"{path}\n")
    assert called.err == f"here already, to the byte: {path}\n"


def test_another_folder_and_a_source_from_the_environment(
    site, call, tmp_path, monkeypatch
):
    monkeypatch.setenv("CIFARCNN_DATA_SOURCES", site)
    called = call("data", "fetch", "cifar10", "--to", tmp_path / "to")
    assert called.out == f"{tmp_path / 'to' / NAME}\n"


def test_where_it_came_from_is_shown(site, call):
    call("data", "fetch", "--from", site)
    lines = call("data", "show").out.splitlines()
    assert lines[2].startswith("fetched: 20") and lines[2].endswith(
        f" from {site}{NAME}"
    )
    assert lines[3] == "official files: yes, to the byte"


def test_a_config_names_data_set_and_sources(call, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(
        "data: {dataset: cifar100, sources: ['https://a.invalid/x/']}\n"
        "model: {layers: [Flatten, {Dense: {units: 100}}]}\n"
    )
    called = call("data", "fetch", "--config", config)
    lines = called.err[called.err.index("error: ") :].splitlines()
    assert called.code == 1
    assert lines[0] == "error: CIFAR-100 could not be fetched."
    assert lines[1].startswith("  https://a.invalid/x/cifar-100-binary.tar.gz: ")
    assert "(168,513,733 bytes, sha256 58a81ae1" in lines[-2]


def test_a_data_set_that_is_not_fetched(call):
    called = call("data", "fetch", "--config", "quickstart")
    assert (called.code, called.err) == (
        2,
        "error: 'quickstart' has the data set synthetic, which is not fetched; "
        "expected cifar10 or cifar100.\n",
    )


def test_a_source_that_cannot_be_one_ends_with_2(call):
    called = call("data", "fetch", "--from", "http://example.com/")
    assert (called.code, called.err) == (
        2,
        "error: --from: 'http://example.com/' cannot be a source: expected https://.\n",
    )


def test_a_source_in_a_config_is_checked_with_the_config(call):
    called = call(
        *("check", "article", "--set", "data.sources=['http://127.0.0.1:80/']")
    )
    assert called.code == 2
    assert (
        "data.sources[0]: 'http://127.0.0.1:80/' cannot be a source: it leads to this "
        "machine itself" in called.out + called.err
    )


def test_offline_says_how_to_get_it_by_hand(call, tmp_path):
    called = call("data", "fetch", "--offline")
    assert called.code == 1 and called.out == ""
    assert called.err.startswith(
        "error: The official CIFAR-10 is not here, and --offline was given, so that "
        "nothing is fetched.\nBy hand: fetch https://www.cs.toronto.edu/~kriz/"
    )


# --- training ------------------------------------------------------------------------

TINY = (
    *("train", "--config", "article", "--device", "cpu", "--run", "run"),
    *("--set", "model.layers=[Flatten, Dense: 10]", "--set", "training.epochs=1"),
)


def test_training_fetches_when_it_may(site, call, tmp_path, monkeypatch):
    monkeypatch.setenv("CIFARCNN_DATA_SOURCES", site)
    called = call(*TINY, "--fetch")
    assert called.code == 0
    path = tmp_path / "cache" / NAME
    assert f"fetched: {path}, size and sha256 as published\n" in called.err
    assert f"data: cifar10, {path}\n" in called.err


NOT_FOUND = "Fetch it with: cifarcnn data fetch cifar10\n"


@pytest.mark.parametrize(
    ("arguments", "offline"),
    [
        ((), ""),
        (("--offline", "--set", "data.fetch=true"), ""),
        (("--fetch",), "1"),
        (("--set", "data.fetch=true"), "1"),
    ],
)
def test_training_asks_nothing_of_the_network_unless_it_may(
    call, monkeypatch, arguments, offline
):
    monkeypatch.setenv("CIFARCNN_OFFLINE", offline)
    called = call(*TINY, *arguments)
    assert called.code == 1
    assert called.err.startswith("error: CIFAR-10 was not found.")
    assert NOT_FOUND in called.err


def test_a_config_allows_it_too(call):
    called = call(*TINY, "--set", "data.fetch=true")
    assert called.code == 1
    assert "error: CIFAR-10 could not be fetched.\n" in called.err


# --- what is seen --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "rate", "words"),
    [
        (0, 0.0, "0 % of 170 MB, 0 kB/s, stalled"),
        (58_000_000, 1.2e6, "34 % of 170 MB, 1,200 kB/s, 1 min 33 s left"),
        (170_052_171, 1.2e6, "100 % of 170 MB, all of it"),
        (85_000_000, 60_000.0, "49 % of 170 MB, 60 kB/s, 23 min 38 s left"),
    ],
)
def test_progress_in_words(done, rate, words):
    assert describe_progress(done, 170_052_171, rate) == words


SOURCE = ArchiveSource("https://a.example/b.tar.gz", Archive("b.tar.gz", 1_000_000, ""))


def test_every_event_is_a_plain_line(capsys, monkeypatch):
    monkeypatch.setattr(fetch_display, "_SECONDS_BETWEEN_LINES", 0)
    with FetchLines() as lines:
        lines.source_opened(SOURCE, 500_000)
        lines.bytes_arrived(700_000, 1_000_000, 100_000)
        lines.noted("a.example: it is \x1b[2Jgone. Left for now")
        lines.archive_placed(Path("/x/b.tar.gz"), SOURCE.url)
    assert capsys.readouterr().err.splitlines() == [
        "fetching: https://a.example/b.tar.gz (1 MB; 50 % of 1 MB is here already)",
        "70 % of 1 MB, 100 kB/s, 3.0 s left",
        "note: a.example: it is ?[2Jgone. Left for now",
        "fetched: /x/b.tar.gz, size and sha256 as published",
    ]


def test_lines_come_only_now_and_then(capsys):
    lines = FetchLines()
    lines.source_opened(SOURCE, 0)
    for done in range(0, 1_000_000, 1000):
        lines.bytes_arrived(done, 1_000_000, 1e6)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bar_ends_with_the_fetch(capsys):
    with FetchBar() as bar:
        bar.source_opened(SOURCE, 0)
        bar.bytes_arrived(500_000, 1_000_000, 1e6)
        assert bar._progress.tasks[0].completed == 500_000
        assert bar._progress.tasks[0].fields["figures"] == (
            "50 % of 1 MB, 1,000 kB/s, 0.5 s left"
        )
        bar.source_opened(SOURCE, 200_000)  # another source
        assert bar._progress.tasks[0].completed == 200_000
        bar.archive_placed(Path("/x/b.tar.gz"), SOURCE.url)
    assert "fetched: /x/b.tar.gz, size and sha256 as published" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_came(tmp_path, number):
    """A real process, stopped by a real signal."""

    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(CIFAR10.binary.archive.size))
            self.send_header("ETag", '"a"')
            self.end_headers()
            try:
                self.wfile.write(b"\x1f\x8b" + bytes(50_000))
                time.sleep(20)
            except OSError:
                pass

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "cifarcnn", "data", "fetch", "--from"),
            f"http://127.0.0.1:{server.server_address[1]}/",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    folder = tmp_path / "cache"
    end = time.monotonic() + 30
    while not any(path.stat().st_size > 50_000 for path in folder.glob("*.part")):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    server.shutdown()
    server.server_close()
    assert process.returncode == 128 + number
    assert out == ""
    assert err.splitlines()[1:] == [
        "interrupted; what has come is kept, and the same command goes on from there"
    ]
    assert [path.stat().st_size for path in folder.glob("*.part")] == [50_002]
