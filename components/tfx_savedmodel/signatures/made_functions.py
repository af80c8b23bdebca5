"""Resolving the signatures that are functions of the loaded object, or made by the module file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tfx_savedmodel.errors import Problem, TfxSavedModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.signatures.kinds import Function, Module, TensorSpec
from tfx_savedmodel.signatures.protocols import FunctionLike, Specs
from tfx_savedmodel.signatures.receivers import tensors
from tfx_savedmodel.signatures.resolved import ResolvedSignature
from tfx_savedmodel.signatures.resolving import Resolving


def resolve_function(resolving: Resolving, key: str, part: Function) -> ResolvedSignature | None:
    def find() -> FunctionLike:
        return resolving.materials.function(part.path, specs_of(part.inputs))

    return _resolve(resolving, key, part, find)


def resolve_module(resolving: Resolving, key: str, part: Module) -> ResolvedSignature | None:
    def make() -> FunctionLike:
        return resolving.materials.made(part.function, key, specs_of(part.inputs))

    return _resolve(resolving, key, part, make)


def specs_of(inputs: Mapping[str, TensorSpec] | None) -> Specs | None:
    """Return a plan's specs as plain data."""
    if inputs is None:
        return None
    return {name: (spec.dtype, spec.shape) for name, spec in inputs.items()}


def problem_of(error: TfxSavedModelError, where: str) -> Problem:
    """Return what an error says as a mistake at a place of the plan."""
    message = f"{error.message} ({error.where})" if error.where else error.message
    return Problem(where, message, error.found, error.wanted, error.next_step)


def _resolve(
    resolving: Resolving, key: str, part: Function | Module, find: Callable[[], FunctionLike]
) -> ResolvedSignature | None:
    where = f"signatures.{key}"
    if resolving.materials.is_tf1:
        resolving.problem(
            where,
            "a TF1 SavedModel has a graph and no functions",
            found=f"kind {part.kind}",
            wanted="a kind that goes by tensors",
            next_step="plan kind tensors, which names tensors of the graph",
        )
        return None
    resolving.materials.load()
    try:
        function = find()
    except (UsageError, UnsupportedModelError) as error:
        resolving.problems.append(problem_of(error, where))
        return None
    known = tensors(function.outputs)
    outputs = resolving.outputs(f"{where}.outputs", part.outputs, known, "the function has no such output")
    return ResolvedSignature(key, part.kind, tensors(function.inputs), outputs, part.method_name)
