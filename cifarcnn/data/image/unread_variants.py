"""Rare variants of PNG and JPEG that are not read, by their headers."""

from __future__ import annotations

from cifarcnn.data.image.jpeg_segments import find_frame

# Of the process in the marker of a frame: ITU-T T.81, table B.1.
_PROCESSES = {
    "lossless JPEG": (0xC3, 0xC7, 0xCB, 0xCF),
    "hierarchical JPEG": (0xC5, 0xC6, 0xCD, 0xCE),
    "JPEG with arithmetic coding": (0xC9, 0xCA),
    "JPEG-LS picture": (0xF7,),
}


def describe_variant(data: bytes) -> str | None:
    """What to say of a file that Pillow has failed on; ``None``: it is no variant."""
    if data[12:16] == b"CgBI":
        return (
            "this is a PNG in Apple's own form (CgBI), as Xcode packs it into apps; "
            "convert it to an ordinary PNG: pngcrush -revert-iphone-optimizations, or "
            "take the picture from the app's sources."
        )
    frame = find_frame(data)
    if frame is None:
        return None
    kinds = [kind for kind, markers in _PROCESSES.items() if frame.marker in markers]
    if not kinds and frame.bits != 8:
        kinds = [f"JPEG with {frame.bits} bits per sample"]
    if not kinds and frame.components not in (1, 3, 4):
        kinds = [f"JPEG with {frame.components} components"]
    if not kinds:
        return None
    return f"this is a {kinds[0]}, which is not read; save it as an ordinary JPEG."
