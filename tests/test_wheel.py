"""A built wheel works by itself, outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("cifarcnn-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_outside(site: Path, folder: Path, *arguments: str) -> str:
    """What ``cifarcnn`` from the wheel writes, called from a folder elsewhere."""
    code = (
        "import sys, cifarcnn.cli.main as entry; "
        f"assert entry.__file__.startswith({str(site)!r}), entry.__file__; "
        f"sys.argv = ['cifarcnn', *{arguments!r}]; entry.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_shipped_configs_are_found_by_name(unpacked: Path, tmp_path: Path) -> None:
    shipped = sorted(path.stem for path in (ROOT / "configs").rglob("*.yaml"))
    assert "article" in shipped and "resnet20" in shipped
    out = run_outside(unpacked, tmp_path, "check", *shipped)
    found = [line for line in out.splitlines() if line.endswith(": no problems")]
    assert found == [f"{name}: no problems" for name in shipped]


def test_the_shipped_network_answers_without_tensorflow(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40), "navy").save(tmp_path / "photo.png")
    for name in ("tensorflow", "keras"):
        module = tmp_path / "poison" / f"{name}.py"
        module.parent.mkdir(exist_ok=True)
        module.write_text("raise ImportError")
    script = "import sys; sys.path.insert(0, 'poison')"
    (unpacked / "sitecustomize.py").write_text(script)
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    out = run_outside(unpacked, tmp_path, "predict", "photo.png", "--format", "csv")
    assert out.startswith("image,label,probability,")
    folder = unpacked / "cifarcnn" / "shipped_runs" / "speedrun"
    assert (folder / "weights.safetensors").stat().st_size < 4_000_000


def test_the_shipped_network_is_explained_without_a_home(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40), "navy").save(tmp_path / "photo.png")
    monkeypatch.setenv("HOME", str(tmp_path / "none" / "none"))
    out = run_outside(unpacked, tmp_path, "explain", "photo.png", "--out", "page.html")
    assert out.startswith("photo.png: ") and out.endswith("page.html\n")
    assert "<h2" in (tmp_path / "page.html").read_text()


def test_the_shipped_network_is_judged_on_own_pictures(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    for name, color in (("ship", "navy"), ("frog", "green")):
        (tmp_path / "mine" / name).mkdir(parents=True)
        Image.new("RGB", (40, 40), color).save(tmp_path / "mine" / name / "1.png")
    monkeypatch.setenv("HOME", str(tmp_path / "none" / "none"))
    out = run_outside(unpacked, tmp_path, "evaluate", "--data", "mine", "--json")
    assert json.loads(out)["examples"] == 2


def test_init_copies_one_whose_schema_is_found(unpacked: Path, tmp_path: Path) -> None:
    assert run_outside(unpacked, tmp_path, "init", "article") == "article.yaml\n"
    first = (tmp_path / "article.yaml").read_text().splitlines()[0]
    schema = Path(first.removeprefix("# yaml-language-server: $schema="))
    assert schema == unpacked / "cifarcnn" / "shipped_configs" / "config.schema.json"
    assert schema.is_file()


def test_it_holds_the_types_and_no_tests(unpacked: Path) -> None:
    assert (unpacked / "cifarcnn" / "py.typed").is_file()
    assert not (unpacked / "tests").exists()


def test_the_templates_of_the_page_are_inside(unpacked: Path) -> None:
    def names(root: Path) -> list[str]:
        folder = root / "cifarcnn" / "page" / "templates"
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))

    assert "page.js" in names(ROOT)
    assert names(unpacked) == names(ROOT)
