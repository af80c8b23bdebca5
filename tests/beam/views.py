"""A GraphView of signatures alone, made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, NodeView, SignatureView, VariablesView


def graph_view(
    signatures: Mapping[str, SignatureView], nodes: Mapping[str, NodeView] | None = None, contract: Any = None
) -> GraphView:
    """Return the view of a model that has these signatures and nodes, and nothing else."""
    meta_graph = MetaGraphView(
        tags=("serve",),
        signatures=signatures,
        nodes=nodes or {},
        functions={},
        ops={},
        init_ops=(),
        assets={},
        saver=None,
        tensorflow_version="2.15.1",
        is_tf2=True,
        graph_bytes=0,
        captured_assets={},
    )
    return GraphView(
        path=Path("model"),
        fault=None,
        format="pb",
        meta_graphs=(meta_graph,),
        files={},
        links={},
        read_variables=VariablesView,
        contract=contract,
    )
