"""What a Keras configuration would have Keras run or look up: marshalled code, classes, functions. All read as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.keras_names import is_part, may_be_part

#: Keys of built-in layers whose strings name a function or class, by their ends.
NAMED = ("activation", "initializer", "regularizer", "constraint")

#: What Keras takes for data, not for a class to be looked up.
_PLAIN = {
    "__tensor__",
    "__numpy__",
    "__bytes__",
    "__ellipsis__",
    "__slice__",
    "__keras_tensor__",
    "__tuple__",
    "__set__",
    "TensorShape",
    "TypeSpec",
    "CompositeTensor",
    "NDArray",
}
_LAMBDAS = {"Lambda", "__lambda__"}


@dataclasses.dataclass(frozen=True)
class Reference:
    """A class or function that a configuration names.

    `name` is its own name, `registered` the one it is registered under ("package>Name", or empty). `module` is
    None where the configuration names none, as in H5. `role` is the key that it stands under, for a plain string.
    """

    name: str
    place: str
    module: str | None = None
    registered: str = ""
    role: str = ""
    is_function: bool = False

    @property
    def is_of_keras(self) -> bool | None:
        """Whether the name is that of a part of models in Keras; None where only the installed Keras could tell."""
        # Keras takes either name, and so the one that was not looked at.
        own = ("", self.name, "function") if self.is_function else ("", self.name)
        if self.registered not in own:
            return False
        if self.module is None or (self.module == "builtins" and self.is_function):
            return None if may_be_part(self.name, is_function=self.is_function, role=self.role) else False
        return is_part(self.name, self.module, is_function=self.is_function)

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which an author may allow it, the most telling first."""
        dotted = f"{self.module}.{self.name}" if self.module and self.module != "builtins" else ""
        plain = self.name.rpartition(">")[2]
        telling = (self.registered if ">" in self.registered else "", self.name, plain, dotted)
        return tuple(dict.fromkeys(name for name in telling if name))


def lambdas(config: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (place, short description) for each marshalled Python function in a configuration.

    A Lambda layer whose function is only named is not among them: `references` yields that function.
    """
    if isinstance(config, Mapping):
        inner = config.get("config")
        if config.get("class_name") in _LAMBDAS and not _is_named_function(inner):
            name = inner.get("name", "") if isinstance(inner, Mapping) else ""
            yield place, f"a {config['class_name']} {name!r}" if name else f"a {config['class_name']}"
            return  # Whatever else is in it, it is refused or allowed as one.
        for key, value in config.items():
            if str(key).endswith("_type") and value == "lambda":
                yield place, f"a function in {str(key).removesuffix('_type')!r}"
            yield from lambdas(value, _below(place, key, value))
    elif isinstance(config, list):
        for index, value in enumerate(config):
            yield from lambdas(value, _below(place, index, value))


def read_files(config: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (place, file) for each vocabulary that loading would read from a path of the configuration's choosing."""
    if isinstance(config, Mapping):
        for key in ("vocabulary", "idf_weights"):
            if isinstance(config.get(key), str) and config[key]:
                yield place, f"{key} {config[key]!r}"
        for name, value in config.items():
            yield from read_files(value, _below(place, name, value))
    elif isinstance(config, list):
        for index, value in enumerate(config):
            yield from read_files(value, _below(place, index, value))


def references(config: Any, place: str = "") -> Iterator[Reference]:
    """Yield each class and function that deserialising a configuration would look up."""
    if isinstance(config, list):
        for index, value in enumerate(config):
            yield from references(value, _below(place, index, value))
    if not isinstance(config, Mapping):
        return
    name = config.get("class_name")
    if "class_name" in config and not _is_plain(config):
        yield _reference(config, str(name), place)
    inner = config.get("config")
    if isinstance(inner, Mapping) and "class_name" in config:
        yield from _named_functions(inner, place)
        for key, value in inner.items():
            if isinstance(value, str) and str(key).endswith(NAMED):
                yield Reference(value, _below(place, key, value), role=_role(str(key)), is_function=True)
    for key, value in config.items():
        yield from references(value, _below(place, key, value))


def _is_plain(config: Mapping[str, Any]) -> bool:
    """Tell data and marshalled code, which `lambdas` yields, from what is looked up.

    Where a module stands beside it, some Keras takes any class name for something to be imported.
    """
    name = config["class_name"]
    if config.get("module") not in (None, "", "builtins") or config.get("registered_name") not in (None, "", name):
        return False
    return isinstance(name, str) and (name in _PLAIN or name in _LAMBDAS)


def _reference(config: Mapping[str, Any], name: str, place: str) -> Reference:
    module = str(config["module"] or "") if "module" in config else None
    registered = str(config.get("registered_name") or "")
    inner = config.get("config")
    if name == "__typespec__":
        return Reference(str(config.get("spec_name")), place, module, registered)
    if name == "function" and isinstance(inner, str):
        return Reference(inner, place, module, "" if registered == "function" else registered, is_function=True)
    return Reference(name, place, module, registered)


def _is_named_function(inner: Any) -> bool:
    if not isinstance(inner, Mapping):
        return False
    function = inner.get("function")
    if isinstance(function, Mapping):
        return function.get("class_name") == "function"
    return inner.get("function_type") == "function" and isinstance(function, str)


def _named_functions(inner: Mapping[str, Any], place: str) -> Iterator[Reference]:
    """Yield the functions that a Lambda or a wrapped cell of Keras 2 names as plain strings, with their modules."""
    for key, value in inner.items():
        if isinstance(value, str) and inner.get(f"{key}_type") == "function":
            module = inner.get("module" if key == "function" else f"{key}_module")
            yield Reference(value, _below(place, key, None), str(module) if module else None, is_function=True)


def _role(key: str) -> str:
    return next(role for role in NAMED if key.endswith(role))


def _below(place: str, key: object, value: Any) -> str:
    """Return the place of a value: layers by their names, what merely wraps left out."""
    if key in ("config", "layers"):
        return place
    inner = value.get("config") if isinstance(value, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    step = str(name if isinstance(name, str) and isinstance(key, int) else key)
    return f"{place}/{step}" if place else step
