"""The JavaScript of a page is run, by what this machine has for it.

A browser opens a copy of the page to which pictures and a script that asks about them
were added. Where there is none, Node.js runs the page's first script, which computes
the network.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cifarcnn.errors import RunError
from cifarcnn.export.file_format import Array
from cifarcnn.export.output_path import visible_folder
from cifarcnn.html.browser import browser_command, look_for_browser
from cifarcnn.html.document import hash_script
from cifarcnn.python_process import describe_end

_MOST_IMAGES = 200
_MOST_BYTES = 30_000_000
# No image is begun after the first.
_SECONDS, _TIMEOUT = 20, 180

_ADDED = """<script type="application/json" id="proof-pictures">{pictures}</script>
<pre id="proof-answers"></pre>
<script>{script}</script>
</body>"""
_IN_BROWSER = """{prove}
const proof = document.getElementById("proof-answers");
try {{
  const text = document.getElementById("proof-pictures").textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  proof.textContent = prove(window.cifarcnn.predict, bytes, {length}, {seconds});
}} catch (error) {{
  proof.textContent = JSON.stringify({{ error: String(error) }});
}}
"""
_IN_NODE = """
const {{ readFileSync }} = require("fs"), {{ runInThisContext }} = require("vm");
const [page, pictures] = process.argv.slice(-2);
const text = readFileSync(page, "utf8");
const data = /"application\\/json" id="network">(.*?)<\\/script>/.exec(text)[1];
// Where it is too old for the page, this ends it.
runInThisContext(/<script>(.*?)<\\/script>/s.exec(text)[1]);
{prove}
try {{
  const compute = runInThisContext("network").load(JSON.parse(data));
  const predict = (pixels) => [...compute(pixels).pop().data];
  const bytes = new Uint8Array(readFileSync(pictures));
  console.log(prove(predict, bytes, {length}, {seconds}));
}} catch (error) {{
  console.log(JSON.stringify({{ error: String(error) }}));
}}
"""


@dataclass(frozen=True)
class Proof:
    """What the JavaScript answered.

    Attributes:
        places: Of the images that it was asked about; None where it could not be run.
        probabilities: float32 ``(n, classes)``, those of these images.
        load_seconds: Up to the first answer, the browser running.
        images_per_second: After the first.
        note: What was run, and where.
    """

    places: Array | None
    probabilities: Array | None
    load_seconds: float | None
    images_per_second: float | None
    note: str


class _Unusable(Exception):
    """A program does not run the page, for a reason that is not the page's."""


def answer_by_javascript(page: Path, images: Array, classes: int) -> Proof:
    """Ask the page itself about some of the images.

    Args:
        page: The file, in a folder beside its later place.
        images: uint8 ``(n, height, width, 3)``, one at least.
        classes: How many probabilities an image gets.

    Raises:
        RunError: The script of the page fails.
    """
    most = max(min(_MOST_IMAGES, _MOST_BYTES // images[0].size, len(images)), 1)
    places = np.unique(np.linspace(0, len(images) - 1, most).astype(np.int64))
    chosen = np.ascontiguousarray(images[places])
    reasons = []
    for program, run in (
        (look_for_browser(), _run_browser),
        (shutil.which("node"), _run_node),
    ):
        if program is None:
            continue
        try:
            found = run(program, page, chosen)
        except (_Unusable, OSError) as error:
            reasons.append(f"{program} does not run it ({error})")
            continue
        return _read_proof(found, places, len(images), classes, program)
    reason = "; ".join(reasons) or (
        "no Chromium, Google Chrome, Microsoft Edge or Node.js was found"
    )
    note = (
        f"the JavaScript of the page was not run here: {reason}. Keras computed the "
        "layers and weights that the page holds; the page compares itself with the "
        "network whenever it is opened."
    )
    return Proof(None, None, None, None, note)


def _read_proof(
    found: dict[str, Any], places: Array, count: int, classes: int, program: str
) -> Proof:
    if "error" in found:
        raise RunError(f"its script fails in {program}: {found['error']}")
    # Numbers that are not finite are null in JSON.
    rows = np.array(found["rows"], np.float32).reshape(-1, classes)
    some = (
        f"all {count:,} pictures."
        if len(rows) == count
        else f"{len(rows):,} of the {count:,} pictures; for the others Keras computed "
        "what the page holds."
    )
    note = f"the JavaScript of the page was run by {program}, on {some}"
    return Proof(
        places[: len(rows)],
        rows,
        found["load_seconds"],
        found["images_per_second"],
        note,
    )


def _run_browser(browser: str, page: Path, images: Array) -> dict[str, Any]:
    script = _IN_BROWSER.format(**_arguments(images))
    pictures = base64.b64encode(images.tobytes()).decode("ascii")
    added = _ADDED.format(pictures=pictures, script=script)
    text = page.read_text(encoding="utf-8")
    text = text.replace("script-src ", f"script-src '{hash_script(script)}' ", 1)
    # Not in the folder of the page, whose name begins with a dot: a browser that came
    # as a snap reads no such folders.
    folder = visible_folder(page.parent.resolve())
    folder.mkdir()
    try:
        copy = folder / "page.html"
        copy.write_text(text.replace("</body>", added), encoding="utf-8")
        shown = _run([*browser_command(browser, folder), "--dump-dom", copy.as_uri()])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = re.search('<pre id="proof-answers">(.+?)</pre>', shown, re.DOTALL)
    if found is None:
        raise _Unusable("it shows no page")
    answers: dict[str, Any] = json.loads(html.unescape(found[1]))
    return answers


def _run_node(node: str, page: Path, images: Array) -> dict[str, Any]:
    pictures = page.with_name("pictures")
    pictures.write_bytes(images.tobytes())
    script = _IN_NODE.format(**_arguments(images))
    answers: dict[str, Any] = json.loads(
        _run([node, "-e", script, str(page), str(pictures)])
    )
    pictures.unlink()
    return answers


def _arguments(images: Array) -> dict[str, object]:
    prove = Path(__file__).parent.joinpath("web", "proof.js")
    return {
        "prove": prove.read_text(encoding="utf-8"),
        "length": images[0].size,
        "seconds": _SECONDS,
    }


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise _Unusable(f"it did not end within {_TIMEOUT} seconds") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise _Unusable(said[-1] if said else describe_end(done.returncode))
    return done.stdout
