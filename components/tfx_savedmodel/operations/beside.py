"""What an export has beside its graph: explanation metadata and warm-up requests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.exporting import tags_of
from tfx_savedmodel.operations.materials import ExportMaterials
from tfx_savedmodel.saved_model.reader import EXPLANATION_FILE, read_saved_model
from tfx_savedmodel.saved_model.view import SignatureView
from tfx_savedmodel.saved_model.warmup_requests import FILE as WARMUP_FILE
from tfx_savedmodel.signatures.baselines import Statistic
from tfx_savedmodel.signatures.explanation import write_explanation
from tfx_savedmodel.signatures.plan import Plan
from tfx_savedmodel.signatures.resolved import ResolvedPlan
from tfx_savedmodel.signatures.warmup import write_warmup
from tfx_savedmodel.sources.examples import first_examples
from tfx_savedmodel.sources.vocabularies import small_vocabularies

#: Examples that are read where only baselines are made of them.
_FOR_BASELINES = 1000


@dataclasses.dataclass(frozen=True)
class Beside:
    """Statistics by feature, and local files of examples."""

    statistics: Mapping[str, Statistic] | None
    examples: tuple[str, ...]

    def check(self, plan: Plan) -> None:
        """Raise UsageError where the plan asks for what cannot be made without them."""
        if plan.warmup is not None and not self.examples:
            raise UsageError(
                "no examples",
                where="warmup",
                found="a plan with warmup",
                wanted="examples to make the requests of",
                next_step="give --examples GLOB, or examples=…",
            )

    def write(self, materials: ExportMaterials, resolved: ResolvedPlan, staged: Path) -> tuple[str, ...]:
        """Write what the plan asks for; return notes."""
        notes: tuple[str, ...] = ()
        if resolved.plan.explanation is not None:
            notes += self._explain(materials, resolved, staged / EXPLANATION_FILE)
        if resolved.plan.warmup is not None:
            file = staged / WARMUP_FILE
            examples = first_examples(self.examples, resolved.plan.warmup.requests)
            notes += write_warmup(
                file,
                resolved,
                examples,
                ingredients=materials.ingredients,
                takes_examples=materials.takes_examples,
            ).notes
        return notes

    def _explain(self, materials: ExportMaterials, resolved: ResolvedPlan, file: Path) -> tuple[str, ...]:
        statistics = self.statistics
        examples = first_examples(self.examples, _FOR_BASELINES) if self.examples and not statistics else []
        known = materials.transform is not None or materials.schema is not None or statistics or examples
        return write_explanation(
            file,
            resolved,
            # Without any of these inputs are what they are, and nothing need be loaded.
            ingredients=materials.ingredients if known else None,
            takes_examples=materials.takes_examples,
            vocabularies=small_vocabularies(materials.transform) if materials.transform is not None else None,
            statistics=statistics,
            examples=examples,
            written=_written(materials, resolved, file.parent),
        ).notes


def _written(materials: ExportMaterials, resolved: ResolvedPlan, staged: Path) -> SignatureView | None:
    """Return the explained signature as it was written, where the export is a TF1 graph."""
    assert resolved.plan.explanation is not None
    meta_graph = read_saved_model(staged, tags_of(resolved, materials.view)).meta_graph()
    if meta_graph is None or meta_graph.is_tf2:
        return None
    return meta_graph.signatures[resolved.plan.explanation.signature]
