"""The keys and input names of a resolved plan: can TensorFlow write them so that every loader shows the same?"""

from __future__ import annotations

from tfx_savedmodel.saved_model.argument_names import WANTED, is_argument_name, same_but_for_case, suggested
from tfx_savedmodel.saved_model.meta_graph import RESERVED_SIGNATURES
from tfx_savedmodel.signatures.builders import REWRITE, builder_of
from tfx_savedmodel.signatures.kinds import CLASSIFY, REGRESS
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature
from tfx_savedmodel.signatures.resolving import Resolving


def check_names(resolving: Resolving, resolved: ResolvedPlan) -> None:
    """Report keys and input names that TensorFlow would refuse, or write otherwise without a word.

    What is carried as it is stands already in the source, and a TF1 graph has names of any kind.
    """
    for key in sorted(set(resolving.plan.signatures) & set(RESERVED_SIGNATURES)):
        resolving.problem(f"signatures.{key}", "a key that belongs to the loaders", found=key, wanted="another key")
    if resolving.materials.is_tf1:
        return
    anew = builder_of(resolved, is_tf1=False) != REWRITE
    for key, signature in resolved.signatures.items():
        if anew or _renames(signature):
            _check_inputs(resolving, key, signature)


def _renames(signature: ResolvedSignature) -> bool:
    return any(name != item.source for name, item in signature.inputs.items())


def _check_inputs(resolving: Resolving, key: str, signature: ResolvedSignature) -> None:
    planned = key in resolving.plan.signatures
    where = f"signatures.{key}" if planned else "keep"
    of = "" if planned else f" of {key!r}"
    for name in sorted(signature.inputs):
        if not is_argument_name(name):
            resolving.problem(
                f"{where}.inputs.{name}" if planned else where,
                f"TensorFlow cannot write an input of this name{of}",
                found=name,
                wanted=WANTED,
                next_step=_other_name(signature, name, planned=planned),
            )
    for group in same_but_for_case(signature.inputs):
        resolving.problem(
            f"{where}.inputs" if planned else where,
            f"the names of inputs{of} differ only in case",
            found=", ".join(group),
            wanted="names that differ otherwise too: a graph tells no more of them apart",
            next_step=_other_name(signature, group[-1], planned=planned),
        )


def _other_name(signature: ResolvedSignature, name: str, *, planned: bool) -> str:
    """Say how the plan gives the input another name."""
    source = signature.inputs[name].source or name
    free = suggested(name, [other for other in signature.inputs if other != name])
    if not planned:
        return f'drop {signature.key!r}, and plan it as an alias of itself with "inputs": {{"{free}": "{source}"}}'
    if signature.receiver == "examples" or signature.method_name in (CLASSIFY, REGRESS):
        return f'say "input": "{free}"'
    if signature.kind in ("function", "module"):
        return f"name the argument, and its tf.TensorSpec, otherwise: {free}"
    return f'say "inputs": {{"{free}": "{source}"}}'
