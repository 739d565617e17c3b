"""What the package of a module is called for pip; imports nothing."""

_OTHERS = {"PIL": "pillow", "yaml": "pyyaml", "google": "protobuf"}


def pip_name(module: str) -> str:
    """The name to give to ``pip install``, of a module's own name."""
    return _OTHERS.get(module, module.replace("_", "-"))
