"""Trace a resolved plan's signatures as functions over a loaded model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfx_savedmodel.signatures.finishing import finished
from tfx_savedmodel.signatures.kinds import Function, Module
from tfx_savedmodel.signatures.made_functions import specs_of
from tfx_savedmodel.signatures.materials import Materials
from tfx_savedmodel.signatures.protocols import FunctionLike, ModelLike
from tfx_savedmodel.signatures.receiving import Receiver
from tfx_savedmodel.signatures.resolved import DERIVED, KEPT, ResolvedPlan, ResolvedSignature

Tensors = Mapping[str, Any]

#: The attribute of an exported object that holds the Transform layer.
TRANSFORM_ATTRIBUTE = "tfx_savedmodel_transform"


class TraceBuilder:
    """Makes a concrete function for each signature of a resolved plan.

    Whoever saves the functions must make `tracked` an attribute of the saved object, or its tables stay
    uninitialised.
    """

    def __init__(self, resolved: ResolvedPlan, materials: Materials) -> None:
        self._resolved = resolved
        self._materials = materials
        self._receiver: Receiver | None = None
        self._traced: dict[str, Any] = {}

    def build(self) -> dict[str, Any]:
        """Return the concrete functions by signature key."""
        functions: dict[str, Any] = {}
        for key, signature in self._resolved.signatures.items():
            shared = signature.of if signature.kind == "alias" and _is_whole(signature) else None
            if shared in functions and not signature.of_source and self._same(signature, shared):
                functions[key] = functions[shared]
            else:
                functions[key] = self._function(signature)
        return functions

    def aliases(self) -> dict[str, Any]:
        """Return the plan's function aliases: alias -> all traces of the function, for tf.saved_model.SaveOptions."""
        aliases = {}
        for alias, key in self._resolved.plan.function_aliases.items():
            function = self._made(key).function
            # A restored function is no tf.function to SaveOptions, its traces are.
            aliases[alias] = list(getattr(function, "concrete_functions", ())) or function
        return aliases

    @property
    def tracked(self) -> Any | None:
        """The Transform layer, once a signature needed it."""
        return self._receiver.layer if self._receiver else None

    def _same(self, signature: ResolvedSignature, key: str | None) -> bool:
        base = self._resolved.signatures[key or ""]
        return set(signature.inputs) == set(base.inputs) and set(signature.outputs) == set(base.outputs)

    def _function(self, signature: ResolvedSignature) -> Any:
        """Return a function that has a trace already as it is, else trace one."""
        if _is_whole(signature) and signature.kind in ("function", "module"):
            made = self._made(signature.key)
            if set(made.outputs) == set(signature.outputs):
                return made.concrete
        return self._trace(signature)

    def _made(self, key: str) -> FunctionLike:
        part = self._resolved.plan.signatures[key]
        if isinstance(part, Function):
            return self._materials.function(part.path, specs_of(part.inputs))
        assert isinstance(part, Module)
        return self._materials.made(part.function, key, specs_of(part.inputs))

    def _trace(self, signature: ResolvedSignature) -> Any:
        import tensorflow as tf

        body = self._body(signature)
        specs = {
            name: tf.TensorSpec(item.shape, tf.as_dtype(item.dtype), name=name)
            for name, item in sorted(signature.inputs.items())
        }

        def function(inputs: Tensors) -> dict[str, Any]:
            results = body(inputs)
            return {name: tf.identity(results[name], name=_scope(name)) for name in sorted(signature.outputs)}

        function.__name__ = _scope(signature.key)
        self._traced[signature.key] = tf.function(function, autograph=False).get_concrete_function(specs)
        return self._traced[signature.key]

    def _body(self, signature: ResolvedSignature) -> Callable[[Tensors], Tensors]:
        if signature.kind in (KEPT, *DERIVED):
            return self._standing(signature)
        if signature.kind in ("function", "module"):
            made = self._made(signature.key)
            return lambda inputs: _renamed(signature, made.call(inputs))
        if signature.kind == "preprocess":
            fed = self._resolved.signatures[signature.of or ""]
            return lambda inputs: {
                new: tensor
                for old, tensor in self._received(signature, inputs).items()
                for new, item in fed.inputs.items()
                if item.source == old
            }
        model: ModelLike = self._materials.ingredients().model
        if signature.kind == "model":
            return lambda inputs: _renamed(signature, model.call(_sources(signature, inputs)))
        return lambda inputs: _renamed(signature, model.call(self._received(signature, inputs)))

    def _standing(self, signature: ResolvedSignature) -> Callable[[Tensors], Tensors]:
        """Return what a kept or derived signature does: call what it stands on, and name tensors again."""
        of = signature.of or signature.key
        if signature.of_source:
            base: Callable[[Tensors], Tensors] = self._materials.signature(of).call
        else:
            # A call of the trace that is there: the model is not traced again.
            base = self._traced.get(of) or self._body(self._resolved.signatures[of])

        def call(inputs: Tensors) -> Tensors:
            return finished(signature, base(_sources(signature, inputs)))

        return call

    def _received(self, signature: ResolvedSignature, inputs: Tensors) -> Tensors:
        if self._receiver is None:
            self._receiver = Receiver(self._materials.ingredients())
        if signature.receiver == "examples":
            return self._receiver.from_examples(next(iter(inputs.values())))
        return self._receiver.from_features(_sources(signature, inputs))


def _is_whole(signature: ResolvedSignature) -> bool:
    """Whether no input or output has another name than in what the signature is made of."""
    return all(name == item.source for name, item in [*signature.inputs.items(), *signature.outputs.items()])


def _sources(signature: ResolvedSignature, inputs: Tensors) -> dict[str, Any]:
    return {item.source: inputs[name] for name, item in signature.inputs.items()}


def _renamed(signature: ResolvedSignature, results: Tensors) -> dict[str, Any]:
    return {name: results[item.source] for name, item in signature.outputs.items() if item.source}


def _scope(name: str) -> str:
    plain = "".join(char if char.isalnum() and char.isascii() else "_" for char in name)
    return plain if plain[:1].isalpha() else f"s_{plain}"
