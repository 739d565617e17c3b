"""A fetch from a server that is slow, broken or lying."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import time

import pytest

from cifarcnn.data.fetching.sources import ArchiveSource
from cifarcnn.errors import DataError

PAGE = (
    " in place of the archive. A network that wants you to log in first does that; so "
    "does a server in trouble."
)
SIZE = 80_002
ANEW = "has another version now, or cannot send the rest alone: it begins anew"


def ranges(server):
    return [request.get("Range") for request in server.requests]


def paused(cause):
    return "noted", f"127.0.0.1: {cause} Once more in 0 s"


def test_it_arrives_and_leaves_nothing_else(make_server, fetching):
    server = make_server()
    assert fetching(server.source) == server.url
    assert sorted(path.name for path in fetching.folder.iterdir()) in (
        [fetching.target.name],
        [fetching.target.name, f"{fetching.target.name}.lock"],
    )
    assert fetching.story.events == [("opened", 0), ("placed", fetching.target.name)]
    assert fetching.story.last == (SIZE, SIZE)


def test_what_is_there_is_not_fetched_again(make_server, fetching):
    server = make_server()
    fetching(server.source)
    assert fetching(server.source) is None
    assert len(server.requests) == 1


def test_a_connection_that_is_cut_is_gone_on_with(make_server, fetching, answer):
    server = make_server(answer(cut_after=30_000), answer(cut_after=40_000), answer())
    fetching(server.source)
    assert ranges(server) == [None, "bytes=30000-", "bytes=70000-"]
    assert server.requests[1]["If-Range"].startswith('"')
    assert fetching.story.events == [
        ("opened", 0),
        paused("the connection was cut after 30,000 of 80,002 bytes."),
        ("opened", 30_000),
        paused("the connection was cut after 70,000 of 80,002 bytes."),
        ("opened", 70_000),
        ("placed", fetching.target.name),
    ]


def test_a_server_that_falls_silent_is_asked_again(make_server, fetching, answer):
    server = make_server(answer(stall_after=30_000), answer())
    start = time.monotonic()
    fetching(server.source)
    assert 0.4 <= time.monotonic() - start < 20
    assert paused("nothing came for 0.4 s.") in fetching.story.events
    assert ranges(server) == [None, "bytes=30000-"]


def test_a_server_that_never_answers_is_given_up(make_server, fetching, answer):
    server = make_server(answer(stall_after=0))
    server.answers[0].headers["Content-Length"] = None
    assert fetching.causes(server.source, silence_seconds=0.1) == [
        "nothing came for 0.1 s."
    ]


def test_a_connection_that_breaks_is_gone_on_with(make_server, fetching, answer):
    server = make_server(answer(cut_after=30_000, reset=True), answer())
    fetching(server.source)
    assert fetching.story.events[1] in (
        paused("the connection was cut: Connection reset by peer."),
        paused("the connection was cut after 30,000 of 80,002 bytes."),
    )


def test_a_machine_that_takes_no_connection(fetching, make_server):
    archive = make_server().source.archive
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # until its queue is full
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(busy.getsockname())
        source = ArchiveSource(f"http://127.0.0.1:{busy.getsockname()[1]}/a", archive)
        assert fetching.causes(source, connect_seconds=0.2) == [
            "no connection to 127.0.0.1 within 0.2 s."
        ]


def test_an_answer_that_comes_byte_by_byte_is_given_up(make_server, fetching, answer):
    server = make_server(answer(drip=0.05))
    start = time.monotonic()
    assert fetching.causes(server.source, answer_seconds=0.3, tries=1) == [
        "no answer within 0.3 s."
    ]
    assert time.monotonic() - start < 20


def test_a_server_that_always_cuts_is_given_up(make_server, fetching, answer):
    server = make_server(answer(cut_after=0))
    assert fetching.causes(server.source) == [
        "the connection was cut after 0 of 80,002 bytes."
    ]
    assert len(server.requests) == 6  # two rounds of three


def test_too_busy_is_waited_for(make_server, fetching, answer):
    busy = answer(body=b"", status=503, headers={"Retry-After": "0"})
    server = make_server(busy, busy, answer())
    fetching(server.source)
    assert fetching.story.count("Once more in") == 2


def test_the_pause_that_a_server_asks_for_is_kept(make_server, fetching, answer):
    busy = answer(body=b"", status=429, headers={"Retry-After": "1"})
    server = make_server(busy, answer())
    start = time.monotonic()
    fetching(server.source, longest_pause=5)
    assert time.monotonic() - start >= 1


def test_too_long_a_pause_is_not_waited_for(make_server, fetching, answer):
    server = make_server(answer(body=b"", status=503, headers={"Retry-After": "86400"}))
    assert fetching.causes(server.source) == [
        "the server answers 503 (Service Unavailable) and asks to come back in "
        "86,400 s."
    ]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "words"), [(404, "Not Found"), (403, "Forbidden"), (410, "Gone")]
)
def test_a_refusal_is_not_asked_again(make_server, fetching, answer, status, words):
    server = make_server(answer(body=b"", status=status))
    assert fetching.causes(server.source) == [f"the server answers {status} ({words})."]
    assert len(server.requests) == 1


def test_a_page_is_not_the_archive(make_server, fetching, answer):
    server = make_server(
        answer(body=b"<html>Log in</html>", headers={"Content-Type": "text/html; x=y"})
    )
    assert fetching.causes(server.source) == [f"it sent a page (text/html){PAGE}"]


def test_a_page_that_calls_itself_an_archive_is_not_one(make_server, fetching, answer):
    page = b"<html>Log in</html>".ljust(SIZE)
    server = make_server(answer(body=page))
    assert fetching.causes(server.source) == [f"it sent a page{PAGE}"]


def test_something_else_of_the_right_length_is_not_the_archive(
    make_server, fetching, answer
):
    server = make_server(answer(body=bytes(SIZE)))
    assert fetching.causes(server.source) == [
        "it sent something that is not a .tar.gz archive."
    ]


@pytest.mark.parametrize("length", ["80001", "80003", "9" * 40])
def test_another_length_is_another_file(make_server, fetching, answer, length):
    server = make_server(answer(headers={"Content-Length": length}))
    assert fetching.causes(server.source) == [
        f"it announces '{length[:29]}{chr(39) if len(length) < 29 else ''} bytes, "
        "expected 80,002: it is another file."
    ]


def test_more_bytes_than_there_should_be(make_server, fetching, answer, body):
    server = make_server(answer(body=body + b"more", chunked=True))
    assert fetching.causes(server.source) == [
        "it sends more than 80,002 bytes: it is another file."
    ]


def test_fewer_bytes_than_announced(make_server, fetching, answer, body):
    server = make_server(
        answer(body=body[:-5], headers={"Content-Length": str(SIZE)}, ranges=False)
    )
    assert fetching.causes(server.source) == [
        "the connection was cut after 79,997 of 80,002 bytes."
    ]


def test_no_announced_length_is_no_fault(make_server, fetching, answer):
    fetching(make_server(answer(chunked=True)).source)


def test_wrong_bytes_never_take_the_place(make_server, fetching, answer, body):
    wrong = body[:-1] + b"x"
    server = make_server(answer(body=wrong))
    assert fetching.causes(server.source) == [
        "what it sent is not the official archive: it has the sha256 "
        f"{hashlib.sha256(wrong).hexdigest()}, expected "
        f"{hashlib.sha256(body).hexdigest()}."
    ]
    assert len(server.requests) == 1
    assert [one.name for one in fetching.folder.glob("*.part*")] == []


def test_a_server_without_ranges_begins_anew(make_server, fetching, answer):
    server = make_server(answer(cut_after=30_000, ranges=False), answer(ranges=False))
    fetching(server.source)
    assert ranges(server) == [None, "bytes=30000-"]
    assert fetching.story.count(ANEW) == 1


def test_another_version_is_never_glued_to_the_first(
    make_server, fetching, answer, body
):
    old = body[:100] + bytes(100) + body[200:]
    server = make_server(answer(body=old, cut_after=30_000), answer())
    fetching(server.source)
    assert fetching.story.count(ANEW) == 1
    assert len(server.requests) == 2


def test_a_range_of_another_version_is_noticed_by_its_tag(
    make_server, fetching, answer, body
):
    old = body[:100] + bytes(100) + body[200:]
    server = make_server(
        answer(body=old, cut_after=30_000), answer(stubborn=True), answer()
    )
    fetching(server.source)
    assert ranges(server) == [None, "bytes=30000-", None]
    assert (
        paused("it sent another part of the file than was asked for.")
        in fetching.story.events
    )


@pytest.mark.parametrize(
    "wrong", ["bytes 29999-80001/80002", "bytes 30000-80001/90000", "", "bytes */80002"]
)
def test_another_range_than_asked_for_is_noticed(make_server, fetching, answer, wrong):
    server = make_server(
        answer(cut_after=30_000), answer(headers={"Content-Range": wrong}), answer()
    )
    fetching(server.source)
    assert ranges(server) == [None, "bytes=30000-", None]


def test_a_range_beyond_the_end_begins_anew(make_server, fetching, answer):
    server = make_server(
        answer(cut_after=30_000), answer(body=b"", status=416), answer()
    )
    fetching(server.source)
    assert paused("it cannot send the rest of the file.") in fetching.story.events
    assert ranges(server) == [None, "bytes=30000-", None]


WEAK = {"ETag": 'W/"a"'}
FRESH = {"ETag": None, "Date": "Tue, 01 Jan 2030 00:00:00 GMT"}


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": None},
        WEAK,
        {**FRESH, "Last-Modified": "Tue, 01 Jan 2030 00:00:00 GMT"},
        {**FRESH, "Last-Modified": "yesterday"},
    ],
    ids=["nothing", "a weak tag", "a date of this second", "no date"],
)
def test_without_a_sure_sign_of_the_version_it_begins_anew(
    make_server, fetching, answer, headers
):
    server = make_server(
        answer(cut_after=30_000, headers=headers), answer(headers=headers)
    )
    fetching(server.source)
    assert ranges(server) == [None, None]


def test_an_old_enough_date_tells_the_version(make_server, fetching, answer):
    headers = {"ETag": None, "Last-Modified": "Thu, 01 Jan 2009 00:00:00 GMT"}
    server = make_server(
        answer(cut_after=30_000, headers=headers), answer(headers=headers)
    )
    fetching(server.source)
    assert server.requests[1]["If-Range"] == "Thu, 01 Jan 2009 00:00:00 GMT"
    assert ranges(server) == [None, "bytes=30000-"]


def test_redirects_are_followed(make_server, fetching, answer):
    server = make_server(
        answer(body=b"", status=302, headers={"Location": "/a"}),
        answer(body=b"", status=307, headers={"Location": "b"}),
        answer(),
    )
    fetching(server.source)


def test_redirects_in_a_circle(make_server, fetching, answer):
    server = make_server(
        answer(body=b"", status=302, headers={"Location": "/a"}),
        answer(body=b"", status=302, headers={"Location": f"/{'b'}"}),
        answer(body=b"", status=302, headers={"Location": "/a"}),
    )
    assert fetching.causes(server.source) == ["it redirects in a circle."]


def test_redirects_without_end(make_server, fetching, answer):
    server = make_server(
        *(
            answer(body=b"", status=301, headers={"Location": f"/{number}"})
            for number in range(10)
        )
    )
    assert fetching.causes(server.source) == ["it redirects more than 5 times."]
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://example.com/a", "expected https://"),
        ("ftp://example.com/a", "expected https://"),
        ("file:///etc/passwd", "it is not an address"),
        ("https://me:secret@example.com/", "it holds a user name or password, which "
         "would end up in logs"),
        ("", "it is not an address"),
    ],
)  # fmt: skip
def test_redirects_that_are_not_followed(make_server, fetching, answer, target, why):
    server = make_server(answer(body=b"", status=302, headers={"Location": target}))
    assert fetching.causes(server.source) == [
        f"it redirects to {target!r}, which is not followed: {why}."
    ]
    assert len(server.requests) == 1


def test_a_broken_source_is_left_for_the_next(make_server, fetching, answer):
    broken, sound = make_server(answer(body=b"", status=404)), make_server()
    assert fetching(broken.source, sound.source) == sound.url
    assert fetching.story.events[0] == (
        "noted",
        "127.0.0.1: the server answers 404 (Not Found). Left for now",
    )


def test_a_slow_source_is_left_for_the_next(make_server, fetching, answer):
    slow, quick = make_server(answer(rate=20_000)), make_server()
    url = fetching(
        slow.source, quick.source, floor_rate=1e6, patient_seconds=0, crawl_rate=1
    )
    assert url == quick.url
    words = fetching.story.events[1][1]
    assert words.startswith("127.0.0.1: it is slow: ") and words.endswith(
        " kB/s, less than 1,000 kB/s. Left for now"
    )


def test_when_all_are_slow_the_fastest_is_taken(make_server, fetching, answer):
    slower, faster, slowest = (
        make_server(answer(rate=rate)) for rate in (40_000, 120_000, 20_000)
    )
    url = fetching(
        slower.source,
        faster.source,
        slowest.source,
        floor_rate=1e6,
        patient_seconds=0,
        crawl_rate=1,
    )
    assert url == faster.url
    # What it gave in the first round was not lost.
    assert ranges(faster)[1].startswith("bytes=")


def test_a_slow_source_with_little_to_go_is_not_left(make_server, fetching, answer):
    slow, other = make_server(answer(rate=60_000)), make_server()
    url = fetching(slow.source, other.source, floor_rate=1e6, patient_seconds=60)
    assert url == slow.url


def test_the_only_source_may_be_slow_but_not_crawl(make_server, fetching, answer):
    server = make_server(answer(rate=50_000))
    fetching(server.source, floor_rate=1e6, patient_seconds=0)
    crawling = make_server(answer(rate=500))
    fetching.target.unlink()
    assert fetching.causes(crawling.source, crawl_rate=1000)[0].startswith(
        "it is slow: "
    )


def test_nobody_listens(make_server, fetching):
    server = make_server()
    server.stop()
    assert fetching.causes(server.source) == [
        "no connection to 127.0.0.1: Connection refused."
    ]


def test_a_name_that_is_not_found(fetching, make_server):
    archive = make_server().source.archive
    source = ArchiveSource("https://nowhere.invalid/cifar.tar.gz", archive)
    assert fetching.causes(source) == [
        "the name nowhere.invalid is not found: is this machine connected to a "
        "network, and does it need a proxy (HTTPS_PROXY)?"
    ]


def test_another_file_in_its_place_is_not_touched(make_server, fetching):
    fetching.folder.mkdir()
    fetching.target.write_bytes(b"mine")
    with pytest.raises(DataError) as caught:
        fetching(make_server().source)
    assert str(caught.value) == (
        f"{fetching.target} is not the official archive: it has 4 bytes, expected "
        "80,002. It is not touched. Move it away and fetch again, or choose another "
        "folder with --to DIR."
    )
    assert fetching.target.read_bytes() == b"mine"


def test_a_part_that_was_damaged_on_the_disk_is_fetched_once_more(
    make_server, fetching, answer
):
    server = make_server(answer(cut_after=30_000))
    fetching.refusal(server.source, tries=1)
    part = next(fetching.folder.glob("*.part"))
    content = bytearray(part.read_bytes())
    content[500] ^= 1
    part.write_bytes(content)
    server.answers = [answer()]
    fetching(server.source)
    assert fetching.story.count("Once more in") == 1
    assert ranges(server)[-2:] == [f"bytes={len(content)}-", None]


@pytest.mark.parametrize("note", [b"", b"{}", b"nonsense", None])
def test_a_part_without_a_sound_note_is_not_gone_on_with(
    make_server, fetching, answer, note
):
    server = make_server(answer(cut_after=30_000))
    fetching.refusal(server.source, tries=1)
    path = next(fetching.folder.glob("*.part.json"))
    path.unlink() if note is None else path.write_bytes(note)
    server.requests.clear()
    server.answers = [answer()]
    fetching(server.source)
    assert ranges(server) == [None]


def test_a_whole_part_is_only_checked(make_server, fetching, answer, body):
    server = make_server(answer(cut_after=30_000))
    fetching.refusal(server.source, tries=1)
    next(fetching.folder.glob("*.part")).write_bytes(body)
    server.requests.clear()
    fetching(server.source)
    assert server.requests == []


def test_a_folder_that_cannot_be_made(make_server, fetching, tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(DataError) as caught:
        fetching(make_server().source)
    assert str(caught.value) == f"{tmp_path / 'store'} cannot be made: File exists."


def test_a_folder_in_the_place_of_the_archive(make_server, fetching):
    fetching.target.mkdir(parents=True)
    with pytest.raises(DataError) as caught:
        fetching(make_server().source)
    assert str(caught.value) == f"{fetching.target} cannot be read: Is a directory."


@pytest.mark.parametrize("ending", [".part.json", ".part", "lock"])
def test_a_folder_in_the_place_of_a_file_of_ours(make_server, fetching, answer, ending):
    server = make_server(answer(cut_after=30_000))
    digest = hashlib.sha256(server.url.encode()).hexdigest()[:12]
    name = "lock" if ending == "lock" else f"{digest}{ending}"
    path = fetching.folder / f"{fetching.target.name}.{name}"
    (path / "x").mkdir(parents=True)
    with pytest.raises(DataError) as caught:
        fetching(server.source)
    assert str(caught.value).startswith(f"{fetching.folder} cannot be written: ")
    assert str(caught.value).endswith(
        ". Choose another folder with --to DIR or the environment variable "
        "CIFARCNN_CACHE."
    )


def test_a_link_in_the_place_of_a_part_is_not_followed(make_server, fetching, tmp_path):
    server = make_server()
    digest = hashlib.sha256(server.url.encode()).hexdigest()[:12]
    fetching.folder.mkdir()
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    (fetching.folder / f"{fetching.target.name}.{digest}.part").symlink_to(mine)
    fetching(server.source)
    assert mine.read_bytes() == b"mine"
    assert not fetching.target.is_symlink()
