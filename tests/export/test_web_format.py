"""The web page in real Chromium, with the network cut."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cifarcnn
from cifarcnn.data.image.image_file import read_image
from cifarcnn.data.image.target_size import TargetSize
from cifarcnn.errors import RunError
from cifarcnn.export.export import export_network
from cifarcnn.export.file_format import Description, Reduction
from cifarcnn.export.web_format import FORMAT
from cifarcnn.export.web_network import list_layers
from cifarcnn.network.predict import predict_probabilities

pytestmark = pytest.mark.slow

Open = Callable[..., Any]
NAMES = ["layers", "activations", "pretrained"]


@pytest.fixture(scope="module")
def pages(
    networks: Any, description: Description, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("web")
    for name, network in networks.items():
        FORMAT.write(network, folder / f"{name}.html", description, Reduction())
    return {name: folder / f"{name}.html" for name in networks}


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_by_itself(
    name: str, pages: Any, networks: Any, checked_on: Any, open_page: Open
) -> None:
    """Where probabilities would hide a small mistake."""
    import keras

    network, page = networks[name], open_page(pages[name])
    check = page.text_content("#check")
    assert check.startswith("This browser answers a made-up picture as the trained")
    tensors = page.evaluate(
        "image => cifarcnn.compute(image).map(({data}) => [...data])",
        checked_on.images[0].ravel().tolist(),
    )
    inside = [layer.name for layer in network.layers]
    entries = [entry["name"] for entry in list_layers(network)[0]]
    chosen = [
        (number, each)
        for number, each in enumerate(entries, 1)
        if each in inside and entries.count(each) == 1
    ]
    assert chosen
    outputs = [network.get_layer(each).output for _, each in chosen]
    expected = keras.Model(network.input, outputs)(checked_on.images[:1])
    for (number, each), value in zip(chosen, expected, strict=True):
        values = np.asarray(value).ravel()
        scale = max(np.abs(values).max(), 1)
        assert np.abs(np.array(tensors[number]) - values).max() < 2e-5 * scale, each


def test_another_browser_that_computes_otherwise_says_so(
    pages: Any, tmp_path: Path, open_page: Open
) -> None:
    text = pages["pretrained"].read_text()
    path = tmp_path / "changed.html"
    path.write_text(text.replace('"check":[', '"check":[0.5,'))
    page = open_page(path)
    assert "do not trust it" in page.text_content("#check.wrong")


@pytest.mark.parametrize("size", [(32, 32), (20, 48)])
@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_a_photo_becomes_what_predict_sees(
    resize: Any, size: Any, pages: Any, tmp_path: Path, open_page: Open
) -> None:
    page = open_page(pages["pretrained"])
    for height, width in ((301, 517), (97, 40), (20, 33)):
        # Smooth, as photos are: where values are cut off at 0 and 255, it matters which
        # of its sides Pillow shrinks first.
        noise = np.random.default_rng(0).integers(60, 196, (6, 9, 3), np.uint8)
        photo = Image.fromarray(noise).resize((width, height))
        path = tmp_path / "photo.png"
        photo.save(path)
        pixels = photo.convert("RGBA").tobytes()
        found = page.evaluate(
            """([base64, height, width, resize, image_size]) => {
                const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
                return [...fitPhoto({data, height, width}, {resize, image_size})];
            }""",
            [base64.b64encode(pixels).decode(), height, width, resize, size],
        )
        expected = read_image(path, "photo.png", TargetSize(*size, resize))
        off = np.array(found).reshape(*size, 3) - expected.astype(int)
        assert np.abs(off).max() <= 2 and np.abs(off).mean() < 0.2


def test_choosing_a_file_shows_everything(
    pages: Any, networks: Any, tmp_path: Path, open_page: Open
) -> None:
    photo = tmp_path / "photo.png"
    image = np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(image).save(photo)
    page = open_page(pages["pretrained"])
    assert page.is_hidden("#pictures") and page.is_hidden("#maps canvas")
    assert page.text_content("#said").startswith("It knows airplane, größte Katze, a, ")
    page.set_input_files("#file", photo)
    page.wait_for_selector("tr.first")
    row = predict_probabilities(networks["pretrained"], image[None])[0]
    shown = page.locator("#answers tbody .value").all_text_contents()
    assert shown == [f"{100 * each:.1f}%" for each in row]
    names = page.locator("#answers tbody th").all_text_contents()
    said = page.text_content("#said")
    assert said == f"{names[row.argmax()]}, {shown[row.argmax()]}"
    seen = page.eval_on_selector(
        "#seen", "c => [...c.getContext('2d').getImageData(0, 0, 32, 32).data]"
    )
    assert np.array_equal(np.array(seen).reshape(32, 32, 4)[..., :3], image)
    headings = page.locator("#maps h3").all_text_contents()
    assert headings == ["a: 16 maps of 32 × 32", "b: 16 maps of 32 × 32"]
    # The first map, and the clear line behind it.
    painted = page.eval_on_selector(
        "#maps canvas", "c => [...c.getContext('2d').getImageData(0, 0, 33, 32).data]"
    )
    painted = np.array(painted).reshape(32, 33, 4)
    values = page.evaluate(
        "image => [...cifarcnn.compute(image).find(({shape}) => shape[2] == 16).data]",
        image.ravel().tolist(),
    )
    maps = np.array(values).reshape(32, 32, 16)
    grey = 255 * (maps[..., 0] - maps.min()) / (maps.max() - maps.min())
    assert np.abs(painted[:, :32, 0] - grey).max() <= 1
    assert (painted[:, :32, 3] == 255).all() and (painted[:, 32, 3] == 0).all()
    description = page.get_attribute("#maps canvas", "aria-label")
    assert description == f"The maps of a, values from {maps.min():.2f} to " + (
        f"{maps.max():.2f}"
    )


TRANSFER = """([base64, name, type, event]) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, {type}));
    const kind = event === 'drop' ? DragEvent : ClipboardEvent;
    const given = {bubbles: true, dataTransfer: transfer, clipboardData: transfer};
    document.body.dispatchEvent(new kind(event, given));
}"""


def png(image: Image.Image, folder: Path) -> str:
    image.save(folder / "a.png")
    return base64.b64encode((folder / "a.png").read_bytes()).decode()


def test_pictures_are_dropped_and_pasted_and_others_refused(
    pages: Any, tmp_path: Path, open_page: Open
) -> None:
    page = open_page(pages["pretrained"])
    wide = png(Image.new("RGB", (900, 300), "red"), tmp_path)
    page.evaluate(TRANSFER, [wide, "a.png", "image/png", "drop"])
    page.wait_for_selector("tr.first")
    assert page.get_attribute("#photo", "aria-label") == (
        "Your picture, 300 × 900 pixels"
    )
    # Shown smaller, and seen whole: what is clear is white, as in predict.
    assert page.eval_on_selector("#photo", "c => [c.width, c.height]") == [480, 160]
    clear = png(Image.new("RGBA", (50, 40)), tmp_path)
    page.evaluate(TRANSFER, [clear, "b.png", "image/png", "paste"])
    page.wait_for_selector("[aria-label='Your picture, 40 × 50 pixels']")
    seen = page.eval_on_selector(
        "#seen", "c => [...c.getContext('2d').getImageData(9, 9, 1, 1).data]"
    )
    assert seen == [255] * 4
    text = base64.b64encode(b"no picture").decode()
    page.evaluate(TRANSFER, [text, "notes.txt", "text/plain", "drop"])
    page.wait_for_selector("#pictures", state="hidden")
    assert page.text_content("#said") == (
        "notes.txt cannot be read as a picture by this browser. JPEG and PNG can."
    )
    assert set(page.locator("#answers tbody .value").all_text_contents()) == {"–"}
    assert page.text_content("#timing") == ""
    huge = png(Image.new("1", (9_000, 6_000)), tmp_path)
    page.evaluate(TRANSFER, [huge, "huge.png", "image/png", "paste"])
    page.wait_for_function(
        "() => document.getElementById('said').textContent.startsWith('huge')"
    )
    assert page.text_content("#said") == (
        "huge.png has 54,000,000 pixels; at most 50,000,000 are accepted. Make it "
        "smaller first."
    )
    page.evaluate("dispatchEvent(new ClipboardEvent('paste'))")
    assert page.text_content("#said") == "That was no picture."


def test_of_two_pictures_at_once_the_later_one_is_shown(
    pages: Any, tmp_path: Path, open_page: Open
) -> None:
    page = open_page(pages["pretrained"])
    # The first takes far longer to read, the second is none.
    slow = png(Image.new("1", (7_000, 7_000)), tmp_path)
    bad = base64.b64encode(b"no picture").decode()
    quick = png(Image.new("RGB", (50, 40)), tmp_path)
    page.evaluate(
        """async (all) => {
            const read = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const files = all.map((text) => new Blob([read(text)]));
            await Promise.all(files.map(cifarcnn.open));
        }""",
        [slow, bad, quick],
    )
    assert page.get_attribute("#photo", "aria-label") == "Your picture, 40 × 50 pixels"
    assert not page.text_content("#said").startswith("What was pasted")


def test_the_camera_runs_from_one_press_to_the_next(
    pages: Any, open_page: Open
) -> None:
    page = open_page(pages["pretrained"], permissions=["camera"])
    page.focus("#file")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.getElementById('timing').textContent.includes(' a second')"
    )
    assert page.get_attribute("#camera", "aria-pressed") == "true"
    assert page.get_attribute("#said", "aria-live") == "off"
    page.keyboard.press("Enter")
    assert page.get_attribute("#camera", "aria-pressed") == "false"
    assert page.text_content("#camera") == "Use the camera"


def test_a_camera_that_is_refused_leaves_the_rest(pages: Any, open_page: Open) -> None:
    page = open_page(pages["pretrained"])
    page.click("#camera")
    page.wait_for_function(
        "() => document.getElementById('said').textContent.startsWith('The camera')"
    )
    assert page.text_content("#said") == (
        "The camera cannot be used: it was not allowed. Choose a picture instead."
    )
    assert page.get_attribute("#camera", "aria-pressed") == "false"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_it_is_narrow_dark_and_accessible(
    pages: Any, tmp_path: Path, open_page: Open, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(pages["layers"], width, color_scheme=scheme)
    png(Image.new("RGB", (64, 30), "green"), tmp_path)
    page.set_input_files("#file", tmp_path / "a.png")
    page.wait_for_selector("tr.first")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page).response["violations"]
    assert [(entry["impact"], entry["id"]) for entry in found] == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(252, 251, 249)") == (scheme == "light")


def test_of_many_classes_the_likeliest_are_shown(
    keras: Any, tmp_path: Path, open_page: Open
) -> None:
    images = keras.Input((8, 12, 3), dtype="uint8")
    values = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    model = keras.Model(images, keras.layers.Dense(300, "softmax")(values))
    path = tmp_path / "many.html"
    names = tuple(f"class {number}" for number in range(300))
    FORMAT.write(model, path, Description(names, 8, 12, "pad", "mirror"), Reduction())
    page = open_page(path)
    assert page.text_content("#said") == "300 classes are known."
    assert "The 10 likeliest of 300 classes." in page.text_content("main")
    assert "This network has no convolutions." in page.text_content("#maps")
    assert "predict averages several views (mirror)" in page.text_content("footer")
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    page.evaluate("image => cifarcnn.answer(image)", image.ravel().tolist())
    row = predict_probabilities(model, image[None])[0]
    shown = page.locator("#answers tbody th").all_text_contents()
    assert shown == [names[place] for place in np.argsort(-row)[:10]]


def test_names_of_strangers_stay_text(
    networks: Any, description: Description, tmp_path: Path, open_page: Open
) -> None:
    attacks = (
        "<script>document.title='owned'</script>",
        "</script><img src=x onerror=\"document.title='owned'\">",
        *map(str, range(8)),
    )
    path = tmp_path / "<svg onload=alert(1)>.html"
    FORMAT.write(
        networks["pretrained"], path, replace(description, classes=attacks), Reduction()
    )
    page = open_page(path)
    page.evaluate("cifarcnn.answer(new Uint8Array(3072))")
    assert page.title() == "<svg onload=alert(1)>: what is on the picture?"
    shown = page.locator("#answers tbody th").all_text_contents()
    assert shown[:2] == list(attacks[:2])
    assert page.locator("svg[onload], img, main script").count() == 0


def test_layers_that_a_page_cannot_compute_are_named(
    keras: Any, description: Description, checked_on: Any, tmp_path: Path
) -> None:
    images = keras.Input((32, 32, 3), dtype="uint8")
    values = keras.layers.Rescaling(1 / 255)(images)
    values = keras.layers.Conv2DTranspose(2, 3, name="upwards")(values)
    values = keras.layers.LayerNormalization(axis=1, name="rows")(values)
    values = keras.layers.Activation("log_sigmoid", name="logs")(values)
    values = keras.layers.Resizing(9, 9, "bicubic", name="larger")(values)
    values = keras.ops.flip(values, axis=-1)
    values = keras.layers.Flatten()(values)
    model = keras.Model(images, keras.layers.Dense(10, "softmax")(values))
    [flip] = [each.name for each in model.operations if each.name.startswith("flip")]
    path = tmp_path / "net.html"
    with pytest.raises(RunError) as caught:
        export_network(model, description, "web", path, checked_on, Reduction())
    assert str(caught.value) == (
        f"{path} cannot be made: a page cannot compute upwards (Conv2DTranspose); rows "
        "(LayerNormalization along axis 1); logs (Activation with the activation "
        "log_sigmoid); larger (Resizing with the interpolation bicubic); "
        f"{flip} (the operation Flip). `--format onnx` and `--format litert` can."
    )
    assert list(tmp_path.iterdir()) == []


def test_weights_that_16_bits_hold_take_half_the_room(
    build_network: Any, description: Description, tmp_path: Path, open_page: Open
) -> None:
    network = build_network("Flatten", {"Dense": 128})
    FORMAT.write(network, tmp_path / "long.html", description, Reduction())
    for weight in network.weights:
        values = np.asarray(weight).astype(np.float16)
        weight.assign(values.astype(np.float32))
    # Also what is smaller than the least normal number of 16 bits.
    kernel = np.asarray(network.weights[0]).copy()
    kernel[0] = np.float16(3e-7)
    network.weights[0].assign(kernel)
    path = tmp_path / "short.html"
    FORMAT.write(network, path, description, Reduction())
    sizes = [each.stat().st_size for each in (path, tmp_path / "long.html")]
    assert sizes[0] < 0.6 * sizes[1]
    page = open_page(path)
    assert page.text_content("#check").startswith("This browser answers a made-up")
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    row = page.evaluate("image => cifarcnn.predict(image)", image.ravel().tolist())
    expected = predict_probabilities(network, image[None])[0]
    assert np.abs(np.array(row) - expected).max() < 1e-5


@pytest.mark.real_data
def test_the_page_says_of_200_real_pictures_what_predict_says(
    real_data: Path,
    call: Callable[..., Any],
    tmp_path: Path,
    open_page: Open,
) -> None:
    changes = {"data.path": str(real_data), "data.validation_fraction": 0.1}
    config = cifarcnn.load_config("article", changes)
    loaded = cifarcnn.train(config, tmp_path / "run", device="cpu", smoke=True)
    exported = loaded.export("web", tmp_path / "article.html")
    assert exported.largest_difference < 1e-5
    assert exported.path.stat().st_size < 3_000_000
    images = loaded.split("validation").images[:200]
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"pictures/{number:03}.png")
    files = sorted((tmp_path / "pictures").iterdir())
    contents = [base64.b64encode(file.read_bytes()).decode() for file in files]
    rows = open_page(exported.path).evaluate(
        """async (contents) => {
            const rows = [];
            for (const content of contents) {
                const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
                rows.push(await cifarcnn.open(new Blob([bytes])));
            }
            return rows;
        }""",
        contents,
    )
    said = call(
        "predict", *files, "--run", tmp_path / "run", "--top", 10, "--format", "json"
    )
    entries = json.loads(said.out)
    assert len(entries) == len(rows) == len(images) == 200
    for entry, row in zip(entries, rows, strict=True):
        shares = dict(zip(loaded.class_names, row, strict=True))
        for each in entry["top"]:
            assert each["probability"] == pytest.approx(shares[each["label"]], abs=1e-4)
