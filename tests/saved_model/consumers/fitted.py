"""Small models made by hand, and what becomes of them when they are made to fit an older TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.saved_model.attribute_values import FLOAT, shape
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.saved_model.consumers.fit import fit_to_consumer
from tfx_savedmodel.saved_model.consumers.judgement import lacks
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model

X = node("x", "Placeholder", dtype=FLOAT)
Y = node("y", "Identity", "x", T=FLOAT)
SERVES_Y = {"serve": {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}}


def handle(name: str = "v", **attributes: Any) -> Any:
    return node(name, "VarHandleOp", dtype=FLOAT, shape=shape(2), **attributes)


class Fitted:
    """A model saved, made to fit, written and parsed again."""

    def __init__(
        self, directory: Path, consumer: str, *nodes: Any, change: Any = None, also: Any = (), **model: Any
    ) -> None:
        save(directory, [X, *nodes], **{"signatures": SERVES_Y, **model})
        if change is not None:
            proto = parse_saved_model(directory, "saved_model.pb")
            change(proto.meta_graphs[0])
            (directory / "saved_model.pb").write_bytes(proto.SerializeToString())
        fit = fit_to_consumer(directory, ("serve",), consumer, also=also)
        assert fit is not None
        fit.write()
        self.done = fit.fitted
        self.meta_graph = parse_saved_model(directory, "saved_model.pb").meta_graphs[0]
        self.nodes = {item.name: item for item in self.meta_graph.graph_def.node}
        self.functions = {item.signature.name: item for item in self.meta_graph.graph_def.library.function}
        found = read_saved_model(directory).meta_graph()
        assert found is not None
        assert list(lacks(found, consumer)) == []

    def body(self, function: str) -> dict[str, Any]:
        return {item.name: item for item in self.functions[function].node_def}
