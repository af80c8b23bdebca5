"""What this room needs of a source, to resolve a plan against it and to build what the plan names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tfx_savedmodel.saved_model.view import Shape, SignatureView
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.protocols import FunctionLike, ModelLike, Specs


class Materials(Protocol):
    """What a plan is resolved against and built of; each part is made when it is first asked for.

    `function` finds a tf.function of the loaded object, `made` calls a function of the module file. Both
    raise UsageError or UnsupportedModelError where there is none, or none that fits.
    """

    @property
    def signatures(self) -> Mapping[str, SignatureView]: ...

    @property
    def is_tf1(self) -> bool:
        """Whether the source is a TF1 SavedModel, whose signatures are no functions with arguments."""

    def load(self) -> None:
        """Load the source; what keeps it from being loaded is no mistake of the plan."""

    def takes_examples(self, key: str) -> bool:
        """Tell whether the source's signature parses serialized tf.Examples."""

    def tensor(self, name: str) -> tuple[str, Shape]:
        """Return the dtype and shape of a tensor of the source's graph.

        Raises:
          UsageError: there is none of that name.
        """

    def placeholders(self, tensors: Collection[str], fed: Collection[str]) -> list[str]:
        """Return the placeholders that tensors of the graph need beside those that are fed."""

    @property
    def nodes(self) -> Collection[str]:
        """The names of the nodes of a TF1 source's graph."""

    def missing_at_init(self, op: str) -> list[str]:
        """Return the placeholders that an op of the graph needs and no loader feeds at initialisation."""

    def ingredients(self) -> Ingredients: ...

    def signature(self, key: str) -> ModelLike: ...

    def function(self, path: str | None, specs: Specs | None) -> FunctionLike: ...

    def made(self, function: str, key: str, specs: Specs | None) -> FunctionLike: ...

    def vocabulary(self, name: str) -> Sequence[str]:
        """Return a vocabulary of the Transform graph.

        Raises:
          TransformGraphError: there is none of that name, or no Transform graph.
        """
