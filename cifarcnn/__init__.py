"""From a YAML description of a convolutional network to a judged Keras model.

::

    import cifarcnn

    config = cifarcnn.load_config("quickstart", {"training.epochs": 2})
    run = cifarcnn.train(config)
    print(run.evaluate().accuracy)

What stands here is loaded when it is first used, so that ``import cifarcnn`` costs
nothing.
"""

# Not from `typing`: with `python -m cifarcnn` this file runs before `__main__` can see
# to it that Python's own modules are found.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from cifarcnn.api import LoadedRun as LoadedRun
    from cifarcnn.api import build_model as build_model
    from cifarcnn.api import load_config as load_config
    from cifarcnn.api import load_run as load_run
    from cifarcnn.api import resume as resume
    from cifarcnn.api import train as train
    from cifarcnn.api import write_evaluation as write_evaluation

__all__ = [
    "LoadedRun",
    "build_model",
    "load_config",
    "load_run",
    "resume",
    "train",
    "write_evaluation",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module("cifarcnn.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
