"""A short program that uses an exported file, without cifarcnn."""

from __future__ import annotations

from pathlib import Path

from cifarcnn.export.file_format import Description, FileFormat

_EXAMPLE = '''"""Says what is on a photo: python THIS_FILE photo.png"""

import json
import sys
from pathlib import Path

import numpy as np
{imports}
from PIL import Image, ImageOps

file = Path(__file__).with_name({file!r})
photo = ImageOps.exif_transpose(Image.open(sys.argv[1]))
if photo.mode.startswith("I;16"):
    photo = Image.fromarray((np.asarray(photo) / 257).round().astype(np.uint8))
clear = Image.new("RGBA", photo.size, "white")
photo = Image.alpha_composite(clear, photo.convert("RGBA")).convert("RGB")
image = np.asarray({fitted})  # uint8: normalization is inside
{body}
print(names[row.argmax()], f"{{row.max():.1%}}")
'''


# As predict and the training resize.
_FILTER = "Image.Resampling.LANCZOS"


def write_example(file_format: FileFormat, description: Description, file: Path) -> str:
    """The text of the program.

    Args:
        file_format: Of the file.
        description: Of the network.
        file: The exported file, which the program lies beside.
    """
    size = (description.width, description.height)
    fitted = {
        "crop": f"ImageOps.fit(photo, {size}, {_FILTER})",
        "pad": f"ImageOps.pad(photo, {size}, {_FILTER})",
        "stretch": f"photo.resize({size}, {_FILTER})",
    }[description.resize]
    text = _EXAMPLE.format(
        imports=file_format.example_imports,
        file=file.name,
        fitted=fitted,
        body=file_format.example.strip("\n"),
    )
    if "json." not in text:
        text = text.replace("import json\n", "")
    return text
