"""The user's module: loaded from a file or by its dotted name, and asked for its functions."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UsageError

#: By resolved path and content: Keras 2 lets a class be registered once in a process.
_loaded: dict[tuple[str, str], ModuleFile] = {}


class ModuleFile:
    """A user's module, loaded.

    Its siblings can be imported as it imports them where it was written; the module itself gets a name
    of its own, so that two module files called `model.py` do not meet.
    """

    def __init__(self, module: Any, where: str) -> None:
        self.module = module
        self.where = where

    def get(self, name: str) -> Any:
        """Return an attribute of the module.

        Raises:
          UsageError: there is none of that name.
        """
        value = getattr(self.module, name, None)
        if value is None:
            raise UsageError(
                f"the module has no {name!r}",
                where=self.where,
                found=", ".join(self._own()) or "no functions or classes of its own",
                wanted=name,
                next_step="define it in the module, or name one that is there",
            )
        return value

    def parameters(self, name: str) -> Mapping[str, inspect.Parameter]:
        """Return the parameters of a function of the module; none where Python cannot tell them.

        Raises:
          UsageError: there is none of that name.
        """
        try:
            return inspect.signature(self.get(name)).parameters
        except (TypeError, ValueError):
            return {}

    def call(self, name: str, given: Mapping[str, Any]) -> Any:
        """Call a function of the module with those of `given` that its parameters name.

        Raises:
          UsageError: no such function, a parameter that is not among `given` and has no default, or the
            function raised; the original exception is its cause.
        """
        function = self.get(name)
        if not callable(function):
            raise UsageError(f"{name!r} is no function", where=self.where, found=type(function).__name__)
        arguments = _arguments(function, name, given, self.where)
        try:
            return function(**arguments)
        except Exception as error:
            raise _raised(error, f"{name} of the module failed", self.where) from error

    def _own(self) -> list[str]:
        return sorted(
            name
            for name, value in vars(self.module).items()
            if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == self.module.__name__
        )


def load_module(name: str | os.PathLike[str]) -> ModuleFile:
    """Load a module file, or import a module by its dotted name (TFX installs module files as wheels).

    Raises:
      UsageError: no such file or module, or it raised; file and line are said.
    """
    text = os.fspath(name)
    path = Path(text)
    if path.suffix == ".py" or path.is_file():
        return _load_file(path)
    try:
        return ModuleFile(importlib.import_module(text), text)
    except ModuleNotFoundError as error:
        if error.name is None or (text != error.name and not text.startswith(f"{error.name}.")):
            raise _raised(error, "the module cannot be imported", text) from error
        raise UsageError(
            "no such module",
            where=text,
            found="neither a file nor an installed module",
            wanted="a Python file, or the dotted name of a module",
            next_step="check the name",
        ) from error
    except Exception as error:
        raise _raised(error, "the module cannot be imported", text) from error


def _load_file(path: Path) -> ModuleFile:
    if not path.is_file():
        raise UsageError("no such module file", where=str(path), wanted="a Python file", next_step="check the path")
    path = path.resolve()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    key = (str(path), digest)
    if key in _loaded:
        return _loaded[key]
    name = f"tfx_savedmodel_module_{path.stem}_{hashlib.sha256(str(key).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError("not a Python file", where=str(path), wanted="a file whose name ends with .py")
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs: dataclasses and pickle look their module up there.
    sys.modules[name] = module
    # It stays on the path: a function may import a sibling when it is called.
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _raised(error, "the module file cannot be loaded", str(path)) from error
    _loaded[key] = ModuleFile(module, str(path))
    return _loaded[key]


def _arguments(function: Any, name: str, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    unknown = [
        parameter.name
        for parameter in parameters
        if parameter.name not in given
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    positional = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_ONLY]
    if unknown or positional:
        raise UsageError(
            f"{name} of the module takes what cannot be given to it",
            where=where,
            found=f"parameter {', '.join(unknown or positional)}",
            wanted=f"parameters among {', '.join(sorted(given)) or 'none'}, or with defaults",
            next_step="rename the parameter, or give it a default",
        )
    return {parameter.name: given[parameter.name] for parameter in parameters if parameter.name in given}


def _raised(error: Exception, message: str, where: str) -> UsageError:
    """Say what user code raised, and at which of its own lines."""
    if isinstance(error, SyntaxError):
        place = f"{error.filename}:{error.lineno}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if _is_users(frame.filename, where)]
        place = f"{own[-1].filename}:{own[-1].lineno}" if own else where
    return UsageError(
        message,
        where=place,
        found=f"{type(error).__name__}: {error}",
        wanted="a module that loads and functions that return",
        next_step="mend the module",
    )


def _is_users(filename: str, where: str) -> bool:
    return filename == where or (Path(filename).parent == Path(where).parent and Path(where).suffix == ".py")
