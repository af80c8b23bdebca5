"""What a plan is resolved against and built of, put together from the source and what is given beside it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tfx_savedmodel.errors import TransformGraphError, UsageError
from tfx_savedmodel.saved_model.parsing import parsing_spec
from tfx_savedmodel.saved_model.view import GraphView, Shape, SignatureView
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.plan import Plan
from tfx_savedmodel.signatures.protocols import Specs
from tfx_savedmodel.sources.functions import TracedFunction, function_of, traced
from tfx_savedmodel.sources.graph_tensors import GraphTensors
from tfx_savedmodel.sources.module_file import ModuleFile
from tfx_savedmodel.sources.schema import feature_spec
from tfx_savedmodel.sources.source import ModelFunction, TrainedModel
from tfx_savedmodel.sources.transform import TransformGraph


@dataclasses.dataclass(frozen=True)
class ExportMaterials:
    """The source and what is given beside it; `open` loads the source, which the caller has judged.

    `view` is the source where it is a SavedModel, whose signatures are known without loading it.
    `rewritten_by` names the builder of an edit of it: "session" where a session made the SavedModel.
    """

    plan: Plan
    open: Callable[[ExportMaterials], TrainedModel]
    view: GraphView | None = None
    transform: TransformGraph | None = None
    schema: Any | None = None
    module: ModuleFile | None = None
    rewritten_by: str = "rewrite"
    _made: dict[str, Any] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def source(self) -> TrainedModel:
        """The opened source."""
        return self.open(self)

    @property
    def is_loaded(self) -> bool:
        """Whether the source was opened."""
        return "source" in self.__dict__

    @functools.cached_property
    def signatures(self) -> Mapping[str, SignatureView]:
        if self.view is None:
            return {}
        meta_graph = self.view.meta_graph()
        return meta_graph.signatures if meta_graph else {}

    @property
    def is_tf1(self) -> bool:
        meta_graph = self.view.meta_graph() if self.view is not None else None
        return meta_graph is not None and not meta_graph.is_tf2

    def takes_examples(self, key: str) -> bool:
        meta_graph = self.view.meta_graph() if self.view else None
        if meta_graph is None or key not in meta_graph.signatures:
            return False
        signature = meta_graph.signatures[key]
        if len(signature.inputs) != 1:
            return False
        ((name, spec),) = signature.inputs.items()
        return spec.dtype == "string" and parsing_spec(meta_graph, signature, name) is not None

    @functools.cached_property
    def _ingredients(self) -> Ingredients:
        exclude = self.plan.exclude_features
        return Ingredients(
            model=self.source.model,
            transform=self.transform,
            schema_spec=feature_spec(self.schema, exclude) if self.schema is not None else None,
            schema=self.schema,
            exclude=exclude,
        )

    @functools.cached_property
    def _graph(self) -> GraphTensors:
        assert self.view is not None
        return GraphTensors(self.view)

    def tensor(self, name: str) -> tuple[str, Shape]:
        return self._graph.find(name)

    def placeholders(self, tensors: Collection[str], fed: Collection[str]) -> list[str]:
        return self._graph.placeholders(tensors, fed)

    @property
    def nodes(self) -> Collection[str]:
        meta_graph = self.view.meta_graph() if self.view else None
        return meta_graph.nodes if meta_graph is not None else ()

    def missing_at_init(self, op: str) -> list[str]:
        meta_graph = self.view.meta_graph() if self.view else None
        return self._graph.placeholders([op], meta_graph.assets if meta_graph else ())

    def load(self) -> None:
        _ = self.source.root

    def ingredients(self) -> Ingredients:
        return self._ingredients

    def signature(self, key: str) -> ModelFunction:
        return self.source.signature(key)

    def function(self, path: str | None, specs: Specs | None) -> TracedFunction:
        place = f"function:{path}:{specs}"
        if place not in self._made:
            self._made[place] = function_of(self.source.root, path, specs, self.source.described)
        return self._made[place]  # type: ignore[no-any-return]

    def made(self, function: str, key: str, specs: Specs | None) -> TracedFunction:
        if self.module is None:
            raise no_module(f"a signature made by {function!r}")
        place = f"module:{function}:{key}"
        if place not in self._made:
            self._made[place] = traced(self._chosen(function, key), specs, f"{self.module.where}, {function}")
        return self._made[place]  # type: ignore[no-any-return]

    def _chosen(self, function: str, key: str) -> Any:
        """Return what a function of the module made for a key; it is called once, for all its keys."""
        assert self.module is not None
        place = f"called:{function}"
        if place not in self._made:
            self._made[place] = self.module.call(function, {"model": self.source.root, **self.given_to_users})
        made = self._made[place]
        if not isinstance(made, Mapping):
            return made
        if key not in made:
            raise UsageError(
                "the function made nothing for this signature",
                where=f"{self.module.where}, {function}",
                found=", ".join(sorted(map(str, made))) or "an empty dictionary",
                wanted=key,
                next_step="return the function under the signature's key",
            )
        return made[key]

    @property
    def given_to_users(self) -> dict[str, Any]:
        """What functions of the module file may take beside the model."""
        return users(self.transform, self.schema)

    def vocabulary(self, name: str) -> Sequence[str]:
        if self.transform is None:
            raise TransformGraphError(
                "no Transform graph",
                found=f"a vocabulary {name!r}",
                wanted="the Transform graph that made it",
                next_step="give --transform-graph, or the classes as file or labels",
            )
        return self.transform.vocabulary(name)


def users(transform: TransformGraph | None, schema: Any | None) -> dict[str, Any]:
    """Return what functions of the module file may take."""
    schema = schema if schema is not None else transform.schema if transform else None
    return {"transform_graph": transform.output if transform else None, "schema": schema}


def no_module(asked: str) -> UsageError:
    """Return the error of a plan that asks for a function where no module file was given."""
    return UsageError(
        "no module file",
        found=asked,
        wanted="the module file that has this function",
        next_step="give --module FILE.py, or module_file=…",
    )
