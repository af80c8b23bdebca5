"""What may run in the place of a function."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tfx_savedmodel.saved_model.reachability import may_run

pytestmark = pytest.mark.unit


def test_what_may_run_in_place_of_functions_has_one_order() -> None:
    names = [f"f{number}" for number in range(8)]
    others = [f"{name}_gpu" for name in names]
    functions = {name: SimpleNamespace(name=name, implements=f"what {name[:2]}") for name in (*names, *others)}
    meta_graph: Any = SimpleNamespace(functions=functions, memo={}, gradients={})
    call: Any = SimpleNamespace(functions=tuple(reversed(names)), op="StatefulPartitionedCall")
    assert may_run(meta_graph, call) == [*reversed(names), *others]
