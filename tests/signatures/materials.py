"""A source made by hand, for plans to be resolved against without TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_savedmodel.errors import TransformGraphError, UnsupportedModelError
from tfx_savedmodel.saved_model.view import Shape, SignatureView, TensorSpec
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.kinds import PREDICT

Specs = Mapping[str, tuple[str, Shape]]


@dataclasses.dataclass
class FakeFunction:
    """A function of which only names, dtypes and shapes are known."""

    inputs: Specs
    outputs: Specs
    described: str = "a function made by hand"
    call: Any = None
    concrete: Any = None
    function: Any = None


@dataclasses.dataclass
class FakeMaterials:
    """`examples` are keys of signatures that parse serialized examples."""

    signatures: Mapping[str, SignatureView]
    model: FakeFunction = dataclasses.field(
        default_factory=lambda: FakeFunction({"bill": ("float32", (None, 1))}, {"scores": ("float32", (None, 3))})
    )
    functions: Mapping[str, FakeFunction] = dataclasses.field(default_factory=dict)
    vocabularies: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    examples: Sequence[str] = ()
    is_tf1: bool = False
    nodes: Sequence[str] = ()

    def missing_at_init(self, op: str) -> list[str]:
        return ["x:0"] if op.endswith("_of_x") else []

    def load(self) -> None:
        pass

    def takes_examples(self, key: str) -> bool:
        return key in self.examples

    def ingredients(self) -> Ingredients:
        # A spec of the schema's: the one made of the inputs would import TensorFlow.
        return Ingredients(self.model, None, {}, None)

    def signature(self, key: str) -> FakeFunction:
        view = self.signatures[key]
        return FakeFunction(*({n: (s.dtype, s.shape) for n, s in each.items()} for each in (view.inputs, view.outputs)))

    def tensor(self, name: str) -> tuple[str, Shape]:
        raise AssertionError("no graph")

    def placeholders(self, tensors: Any, fed: Any) -> list[str]:
        return []

    def function(self, path: str | None, specs: Any) -> FakeFunction:
        if path not in self.functions:
            raise UnsupportedModelError("no such function", found=str(path), wanted=", ".join(sorted(self.functions)))
        return self.functions[path]

    def made(self, function: str, key: str, specs: Any) -> FakeFunction:
        return self.function(function, specs)

    def vocabulary(self, name: str) -> Sequence[str]:
        if name not in self.vocabularies:
            raise TransformGraphError("no such vocabulary", found=name)
        return self.vocabularies[name]


def signature(key: str, inputs: Specs, outputs: Specs, method_name: str = PREDICT) -> SignatureView:
    """Return a signature of a source."""

    def tensors(specs: Specs) -> dict[str, TensorSpec]:
        return {name: TensorSpec(f"{name}:0", dtype, shape) for name, (dtype, shape) in specs.items()}

    return SignatureView(key, method_name, tensors(inputs), tensors(outputs))
