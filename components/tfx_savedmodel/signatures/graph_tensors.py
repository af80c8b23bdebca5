"""Resolving the signatures that name tensors of a TF1 graph."""

from __future__ import annotations

from collections.abc import Mapping

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.signatures.kinds import DTYPES, Tensors
from tfx_savedmodel.signatures.made_functions import problem_of
from tfx_savedmodel.signatures.resolved import ResolvedSignature, ResolvedTensor
from tfx_savedmodel.signatures.resolving import Resolving


def resolve_tensors(resolving: Resolving, key: str, part: Tensors) -> ResolvedSignature | None:
    """Return a signature over tensors by name; each must be there, and the outputs must need no other input."""
    where = f"signatures.{key}"
    if not resolving.materials.is_tf1:
        resolving.problem(
            where,
            "tensors are named of the graph of a TF1 SavedModel",
            found="a source without such a graph",
            wanted="a SavedModel that TF1 wrote, or a function",
            next_step="plan kind function with the path of a tf.function, or an alias with the outputs that are wanted",
        )
        return None
    if not part.outputs:
        resolving.problem(f"{where}.outputs", "no output is named", wanted="at least one tensor")
    inputs = _side(resolving, f"{where}.inputs", part.inputs)
    outputs = _side(resolving, f"{where}.outputs", part.outputs)
    twice = sorted({name for name in part.inputs.values() if list(part.inputs.values()).count(name) > 1})
    if twice:
        resolving.problem(f"{where}.inputs", "a tensor is fed under two names", found=", ".join(twice), wanted="one")
    lacking = resolving.materials.placeholders(list(part.outputs.values()), list(part.inputs.values()))
    if len(outputs) == len(part.outputs) and lacking:
        resolving.problem(
            f"{where}.inputs",
            "the outputs need placeholders that are no input",
            found=", ".join(lacking),
            wanted="each of them as an input",
            next_step=f'add to inputs: "{lacking[0].partition(":")[0]}": "{lacking[0]}"',
        )
    return ResolvedSignature(key, part.kind, inputs, outputs, part.method_name, of_graph=True)


def _side(resolving: Resolving, where: str, names: Mapping[str, str]) -> dict[str, ResolvedTensor]:
    found = {}
    for name, tensor in names.items():
        try:
            dtype, shape = resolving.materials.tensor(tensor)
        except UsageError as error:
            resolving.problems.append(problem_of(error, f"{where}.{name}"))
            continue
        if dtype not in DTYPES:
            message, wanted = (
                "no client can send or read such a tensor",
                "values, as a ReadVariableOp or a lookup gives them",
            )
            resolving.problem(f"{where}.{name}", message, found=f"{tensor}: {dtype}", wanted=wanted)
        found[name] = ResolvedTensor(tensor, dtype, shape)
    return found
