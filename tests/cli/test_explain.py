from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.data.dataset import open_dataset
from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.target_size import TargetSize

TARGET = TargetSize(32, 32, "crop")

pytestmark = pytest.mark.slow

Call = Callable[..., Any]
NOTE = "was trained on synthetic pictures drawn by code, not CIFAR-10."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one image."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def explain(call: Call, trained_run: Path, folder: Path) -> Call:
    def explain(*arguments: object, stdin: bytes = b"") -> Any:
        common = ("--run", trained_run, "--device", "cpu")
        return call("explain", *arguments, *common, stdin=stdin)

    return explain


def embedded(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'id="explanation">(.*?)</script>', text)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_a_profile_that_was_left_out_is_noted(explain: Call, folder: Path) -> None:
    with Image.open("a.png") as image:
        image.save("d.png", icc_profile=b"damaged")
    result = explain("d.png")
    assert result.code == 0
    assert "note: d.png: its colour profile is damaged and was left out." in (
        result.err.splitlines()
    )


def test_it_says_what_it_sees_and_where_the_page_lies(
    explain: Call, folder: Path, trained_run: Path
) -> None:
    result = explain("a.png")
    pixels = read_image(Path("a.png"), "a.png", TARGET)
    run = cifarcnn.load_run(trained_run, device="cpu")
    [row] = run.predict(pixels[None])
    first, second = (-row).argsort()[:2]
    names = run.class_names
    assert result.out.splitlines() == [
        f"a.png: {names[first]} {row[first]:.1%}, "
        f"then {names[second]} {row[second]:.1%}",
        "a-explained.html",
    ]
    assert result.err == f"note: {trained_run} {NOTE}\n"
    assert result.code == 0
    assert (folder / "a-explained.html").stat().st_size < 3_000_000


def test_a_second_page_gets_a_number(explain: Call, folder: Path) -> None:
    (folder / "a-explained.html").write_text("mine")
    assert explain("a.png").out.splitlines()[1] == "a-explained-2.html"
    assert (folder / "a-explained.html").read_text() == "mine"


def test_the_page_goes_where_the_user_wants(explain: Call, folder: Path) -> None:
    (folder / "reports").mkdir()
    result = explain("a.png", "--out", "reports/page.htm", "--gif")
    place = Path("reports")
    assert result.out.splitlines()[1:] == [
        str(place / "page.htm"),
        str(place / "page.gif"),
    ]
    with Image.open(folder / "reports/page.gif") as film:
        assert film.format == "GIF"


def test_a_test_image_comes_with_its_label(explain: Call, folder: Path) -> None:
    result = explain("test:5")
    assert result.out.splitlines()[1] == "test-5-explained.html"
    dataset = open_dataset("synthetic", None)
    test = dataset.test()
    page = folder / "test-5-explained.html"
    label = dataset.class_names[test.labels[5]]
    assert f"The data set calls this picture {label}:" in page.read_text()
    data = embedded(page)
    pixels = base64.b64decode(data["arrays"][data["pixels"]]["data"])
    assert pixels == test.images[5].tobytes()


def test_the_name_of_a_page_is_never_an_option(explain: Call, folder: Path) -> None:
    (folder / "a.png").rename(folder / "-x.png")
    assert explain("./-x.png").out.splitlines()[1] == "x-explained.html"


def test_standard_input_is_a_image_too(explain: Call, folder: Path) -> None:
    result = explain("-", stdin=(folder / "a.png").read_bytes())
    assert result.out.startswith("-: ")
    assert result.out.splitlines()[1] == "standard-input-explained.html"
    text = (folder / "standard-input-explained.html").read_text()
    assert "<h1>How small sees your picture</h1>" in text


def test_without_a_image_the_model_is_explained(
    explain: Call, folder: Path, trained_run: Path
) -> None:
    result = explain()
    assert result.out == f"{trained_run.name}-explained.html\n"
    text = (folder / f"{trained_run.name}-explained.html").read_text()
    assert "What small has learnt" in text


def test_a_class_can_be_asked_about(explain: Call, folder: Path) -> None:
    assert explain("a.png", "--class", "ship").code == 0
    text = (folder / "a-explained.html").read_text()
    assert "Where the picture speaks for ship, alone" in text


def test_slides_are_written_into_a_folder(explain: Call, folder: Path) -> None:
    if not shutil.which("chromium") and not shutil.which("google-chrome"):
        pytest.skip("there is no Chromium on this machine")
    result = explain("a.png", "--format", "png", "--gif")
    slides = Path("a-explained")
    assert result.out.splitlines()[1:] == [str(slides), str(slides / "sliding.gif")]
    names = sorted(path.name for path in (folder / slides).iterdir())
    assert names[0] == "01-input.png" and names[-1] == "sliding.gif"
    assert "note: The network has no pooling layer" in result.err


def test_without_a_browser_slides_are_refused_before_anything_slow(
    explain: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifarcnn.html.browser._BROWSERS", ())
    result = explain("a.png", "--format", "png")
    assert result.err == (
        "error: Pictures for slides are drawn by Chromium, Google Chrome or Microsoft "
        "Edge, and none of them was found. Install one; or leave out --format png and "
        "print the page from any browser, which begins a sheet for every part.\n"
    )
    assert result.code == 2 and result.out == ""
    assert sorted(path.name for path in folder.iterdir()) == ["a.png"]


def test_an_unknown_class_is_told_before_anything_slow(
    folder: Path, trained_run: Path
) -> None:
    arguments = ["explain", "a.png", "--class", "sihp", "--run", str(trained_run)]
    code = (
        "import sys, cifarcnn.cli.main as entry; "
        "sys.modules['keras'] = sys.modules['tensorflow'] = None; "
        f"sys.argv = ['cifarcnn', *{arguments!r}]; entry.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "error: There is no class 'sihp': did you mean ship?\n"
    assert done.returncode == 2 and done.stdout == ""


def test_a_image_that_cannot_be_read_is_told_before_anything_slow(
    folder: Path, trained_run: Path
) -> None:
    (folder / "b.png").write_bytes(b"hello")
    arguments = ["explain", "b.png", "--run", str(trained_run)]
    code = (
        "import sys, cifarcnn.cli.main as entry; "
        "sys.modules['keras'] = sys.modules['tensorflow'] = None; "
        f"sys.argv = ['cifarcnn', *{arguments!r}]; entry.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == (
        "error: b.png: this is text (its name ends in .png); expected a PNG, JPEG, "
        "WebP, BMP or GIF picture.\n"
    )
    assert done.returncode == 1 and done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere.png",), 1, "nowhere.png: there is no such file."),
        (
            ("test:x",),
            1,
            "test:x: after test: belongs the number of a picture of the test split, "
            "such as test:17, a range such as test:0-99, or * for all of them; numbers "
            "begin at 0.",
        ),
        (
            ("test:999999",),
            1,
            "test:999999: the test split has the pictures 0 to 1999.",
        ),
        (
            ("test:3-4",),
            2,
            "test:3-4 names several pictures, but one is explained at a time. Name one "
            "of them, such as test:3.",
        ),
        (
            ("",),
            1,
            "'': the name is empty; expected a file, a folder, a pattern, - or "
            "test:17. Perhaps a variable of the shell is not set.",
        ),
        (
            (".",),
            2,
            ". names several pictures, but one is explained at a time. Name one of "
            "them, such as ./a.png.",
        ),
        (
            ("a.png", "--out", "a.png"),
            2,
            "a.png exists already, and nothing is replaced. Name another place with "
            "--out, or move it away first.",
        ),
        (
            ("a.png", "--out", "nowhere/page.html"),
            2,
            "There is no folder nowhere to put page.html in. Make it first, or name "
            "another place with --out.",
        ),
        (("--class", "ship"), 2, "--class needs a picture: name one before it."),
        (("--gif",), 2, "--gif needs a picture: name one before it."),
    ],
)
def test_a_mistake_is_told_in_a_sentence_and_leaves_nothing(
    explain: Call, folder: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    shutil.copy(folder / "a.png", folder / "b.png")
    before = sorted(folder.iterdir())
    result = explain(*arguments)
    assert result.err == f"error: {message}\n"
    assert result.code == code and result.out == ""
    assert sorted(folder.iterdir()) == before


def test_two_images_are_one_too_many(explain: Call, folder: Path) -> None:
    result = explain("a.png", "a.png")
    assert result.code == 2
    assert "Got unexpected extra argument (a.png)" in result.err


def test_a_network_without_convolution_is_explained_but_not_filmed(
    call: Call, folder: Path
) -> None:
    config = folder / "flat.yaml"
    config.write_text(
        "name: flat\n"
        "data: {dataset: synthetic}\n"
        "model: {layers: [Flatten, Dense: {units: 10, activation: softmax}]}\n"
    )
    run = folder / "flat-1"
    cifarcnn.train(cifarcnn.load_config(config), run, device="cpu", smoke=True)
    common = ("explain", "a.png", "--run", run, "--device", "cpu")
    result = call(*common, "--gif")
    assert result.err == (
        f"note: {run} {NOTE}\n"
        "error: There is no sliding filter to draw: The network has no convolution. "
        "Leave out --gif.\n"
    )
    assert result.code == 2 and result.out == ""
    assert not list(folder.glob("*explained*"))
    assert call(*common).code == 0
    text = (folder / "a-explained.html").read_text()
    assert "The network has no convolution." in text


def test_the_browser_is_asked_to_show_the_page(
    explain: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: shown.append(url) or True)
    assert explain("a.png", "--open").code == 0
    assert shown == [(folder / "a-explained.html").resolve().as_uri()]


def test_without_a_browser_the_page_is_still_there(
    explain: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, trained_run: Path
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    result = explain("a.png", "--open")
    assert result.code == 0
    assert result.err == (
        f"note: {trained_run} {NOTE}\n"
        "note: no browser could be started; open a-explained.html yourself.\n"
    )
    assert (folder / "a-explained.html").exists()


def test_help_imports_nothing_heavy() -> None:
    heavy = ["numpy", "PIL", "jinja2", "tensorflow", "keras", "matplotlib", "pydantic"]
    code = (
        "import sys, contextlib, io\n"
        f"sys.modules.update({{name: None for name in {heavy!r}}})\n"
        "sys.argv = ['cifarcnn', 'explain', '--help']\n"
        "from cifarcnn.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: cifarcnn explain [OPTIONS] [IMAGE]" in done.stdout


def test_a_strange_name_stays_text(explain: Call, folder: Path) -> None:
    name = "<img src=x onerror=alert(1)>.png"
    shutil.copy(folder / "a.png", folder / name)
    result = explain(name)
    place = "img src=x onerror=alert(1)--explained.html"
    assert result.out.splitlines()[1] == place
    assert "<img src=x" not in (folder / place).read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_a_name_of_any_bytes_is_shown_as_far_as_it_can_be(
    explain: Call, folder: Path
) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    shutil.copy(folder / "a.png", folder / name)
    assert explain(name).out.splitlines()[1] == "caf--explained.html"
    assert "caf?.png" in (folder / "caf--explained.html").read_text()


def test_every_way_of_storing_a_image_is_read(explain: Call, folder: Path) -> None:
    with Image.open(folder / "a.png") as image:
        image.convert("L").save(folder / "grey.png")
        image.resize((1, 1)).save(folder / "one.png")
        image.resize((3000, 2000)).save(folder / "large.jpg")
    for name in ("grey.png", "one.png", "large.jpg"):
        assert explain(name).code == 0
