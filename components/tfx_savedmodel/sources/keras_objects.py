"""Which code a Keras file asks for, refused or allowed by name, and found in the author's module."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError, UsageError
from tfx_savedmodel.saved_model.keras_code import Reference, lambdas, read_files, references
from tfx_savedmodel.saved_model.keras_files import KerasFile
from tfx_savedmodel.saved_model.keras_ops import touching_calls
from tfx_savedmodel.sources.keras_library import the_keras
from tfx_savedmodel.sources.module_file import ModuleFile

#: What Keras 2 calls a layer of its own without exporting it, and old names that Keras still takes.
_UNEXPORTED = {
    "BatchNormalizationV1",
    "BatchNormalizationV2",
    "ClassMethod",
    "CuDNNGRU",
    "CuDNNLSTM",
    "Functional",
    "InstanceMethod",
    "InstanceProperty",
    "Model",
    "ModuleWrapper",
    "Policy",
    "PolicyV1",
    "Sequential",
    "SlicingOpLambda",
    "TFOpLambda",
    "TensorFlowOpLayer",
    "linear",
    "normal",
    "one",
    "uniform",
    "zero",
}
#: The package under which Keras 2 registers optimizers of its own, and authors what they give no package.
_CUSTOM = "Custom>"
_NAMESPACES = {
    "activation": ("activations", "layers"),
    "initializer": ("initializers",),
    "regularizer": ("regularizers",),
    "constraint": ("constraints",),
}
_ALL = ("layers", "models", "initializers", "regularizers", "constraints", "activations", "losses", "metrics")
_OTHERS = ("optimizers", "dtype_policies", "mixed_precision", "random", "experimental")


def judged_config(file: KerasFile, *, compiled: bool = False) -> dict[str, Any]:
    """Return what loading a file would deserialise: without `compiled`, not what it was compiled with."""
    config = {name: value for name, value in (file.config or {}).items() if name != "compile_config"}
    return {**config, "compiled with": file.training_config} if compiled and file.training_config else config


@dataclasses.dataclass(frozen=True)
class Advice:
    """What can be done about a Keras file that is refused, in the words of whoever takes it.

    `build` says what to do where a file cannot be loaded, or has weights only.
    """

    verb: str
    names: str
    code: str
    build: str


#: For models that a signature plan is for.
OF_PLANS = Advice(
    verb="export",
    names="and --module FILE.py, or source.custom_objects in the plan, if you wrote them",
    code="--allow Lambda, or source.allow_lambda in the plan, if you wrote it",
    build="name a function of the module file that builds the model (source.model_fn), and give its weights",
)

FindCustom = Callable[[Mapping[str, Any]], Iterable[Reference]]


def refuse_code(
    config: Mapping[str, Any],
    where: str,
    allowed: Collection[str],
    *,
    allow_lambda: bool,
    advice: Advice = OF_PLANS,
    find_custom: FindCustom | None = None,
) -> None:
    """Let a configuration pass that asks for no code but Keras's own and what is allowed by name.

    `find_custom` gives what is not Keras's own, by default `custom_references`.

    Raises:
      UnsafeModelError: it holds marshalled Python, names classes or functions that are not allowed, reads
        files, or calls functions of TensorFlow that do; every one of them is listed with its place.
      UnreadableModelError: the configuration is too deep to be read.
    """
    try:
        code = [] if allow_lambda else [f"{what} at {place or 'the model'}" for place, what in lambdas(config)]
        files = [f"{what} at {place or 'the model'}" for place, what in read_files(config)]
        calls = [f"{what} at {place or 'the model'}" for place, what in touching_calls(config)]
        found = (find_custom or custom_references)(config)
        custom = [item for item in found if not _is_allowed(item, allowed)]
    except RecursionError as error:
        raise UnreadableModelError(
            "the Keras configuration cannot be read", where=where, found="nesting without an end"
        ) from error
    names = [f"{item.names[0]} at {item.place or 'the model'}" for item in custom]
    if not (code or files or names or calls):
        return
    steps = []
    if names:
        flags = " ".join(f"--allow {name!r}" for name in dict.fromkeys(item.names[0] for item in custom))
        steps.append(f"{flags} {advice.names}")
    if code:
        steps.append(f"{advice.code}; or replace each Lambda by a layer")
    if files:
        steps.append("save the model with its vocabulary in it")
    if calls:
        steps.append("call such functions outside of the model")
    kinds = (("Python code that loading would unpack", code), ("custom classes or functions", names))
    more = (
        ("files that loading would read", files),
        ("functions of TensorFlow that are not known to compute only", calls),
    )
    held = [kind for kind, items in (*kinds, *more) if items]
    raise UnsafeModelError(
        f"the model asks for {', '.join(held)}",
        where=where,
        found="; ".join(dict.fromkeys([*code, *names, *files, *calls])),
        wanted="Keras's own layers, and what is allowed by name",
        next_step="; ".join(steps),
    )


def refuse_lambdas(config: Any, where: str) -> None:
    """Let a part of a configuration pass that holds no marshalled Python code, names no files and calls what computes.

    Raises:
      UnsafeModelError: it does.
    """
    found = [*lambdas(config), *read_files(config), *touching_calls(config)]
    if found:
        raise UnsafeModelError(
            "loading the model would unpack Python code, read files, or call what may do more than compute",
            where=where,
            found="; ".join(what for _, what in found),
            wanted="layers that are described by their configuration alone",
            next_step='--allow Lambda (allow=["Lambda"] in Python), if you wrote it; or replace each by a built-in or '
            "registered layer, and save the model again",
        )


def custom_references(config: Mapping[str, Any]) -> Iterator[Reference]:
    """Yield each class and function of a configuration that is not of the installed Keras."""
    for item in references(config):
        known = item.is_of_keras is not False and (item.is_of_keras or _is_known(item))
        if not known and not _is_registered_by_keras(item):
            yield item


def custom_objects(config: Mapping[str, Any], allowed: Collection[str], module: ModuleFile | None) -> dict[str, Any]:
    """Return the allowed objects under every name by which Keras looks them up.

    Raises:
      UsageError: a name is neither in the module file, nor importable, nor registered with Keras.
    """
    found = {name: _resolved(name, module) for name in allowed}
    objects: dict[str, Any] = {name: value for name, value in found.items() if "." not in name}
    for item in custom_references(config):
        for name in allowed:
            if _is_allowed(item, (name,)):
                objects[item.registered or item.name] = objects[item.name] = found[name]
    return objects


def _is_allowed(item: Reference, allowed: Collection[str]) -> bool:
    own = item.name.rpartition(">")[2]
    return any(
        name in item.names or (">" not in name and "." in name and name.rpartition(".")[2] == own) for name in allowed
    )


def _resolved(name: str, module: ModuleFile | None) -> Any:
    plain = name.rpartition(">")[2]
    if module is not None and "." not in plain and hasattr(module.module, plain):
        return getattr(module.module, plain)
    registered = the_keras().utils.get_custom_objects().get(name)
    if registered is not None:
        return registered
    owner, _, attribute = plain.rpartition(".")
    if owner:
        try:
            value = getattr(importlib.import_module(owner), attribute, None)
        except ImportError as error:
            raise _missing(name, f"{type(error).__name__}: {error}") from error
        if value is not None:
            return value
    elif hasattr(the_keras().layers, plain):
        return getattr(the_keras().layers, plain)
    if module is not None and not owner:
        return module.get(plain)
    raise _missing(name, f"{owner} has none" if owner else "no module file")


def _missing(name: str, found: str) -> UsageError:
    return UsageError(
        f"the allowed object {name!r} cannot be found",
        where="custom objects",
        found=found,
        wanted="a class or function of the module file, or an importable dotted name such as mypkg.layers.Attention",
        next_step="give --module FILE.py that defines or imports it",
    )


def _is_registered_by_keras(item: Reference) -> bool:
    """Tell whether a name without a module is one that Keras 2 registered for a class of its own: "Custom>Adam" in H5.

    An author's class that is registered by the same name takes its place, and is the author's.
    """
    if item.module is not None or item.registered not in ("", item.name) or not item.name.startswith(_CUSTOM):
        return False
    registered = the_keras().utils.get_custom_objects().get(item.name)
    return str(getattr(registered, "__module__", "")).partition(".")[0] in ("keras", "tf_keras")


def _is_known(item: Reference) -> bool:
    if item.name in _UNEXPORTED:
        return True
    if item.role:
        # A class that is known in this place, by its own name or its old one in small letters.
        return any(_has(space, item.name) for space in _NAMESPACES[item.role])
    return any(_has(space, item.name) for space in (*_ALL, *_OTHERS))


@functools.cache
def _names_of(keras: Any, space: str) -> frozenset[str]:
    helpers = {"get", "serialize", "deserialize"}  # they would look up or build whatever else is named
    return frozenset(name for name in dir(getattr(keras, space, None)) if name[0] != "_" and name not in helpers)


def _has(space: str, name: str) -> bool:
    names = _names_of(the_keras(), space)
    return name in names or "".join(part.title() for part in name.split("_")) in names
