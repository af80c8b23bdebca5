"""`validate`: a SavedModel through the checks of a policy; a report with a verdict out."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.operations.beside_model import Inputs, policy_notes
from tfx_savedmodel.operations.contracts import ModelOrContract
from tfx_savedmodel.operations.given import GivenBeside
from tfx_savedmodel.operations.judging_examples import example_notes, judge_examples
from tfx_savedmodel.operations.judging_loads import judge_loads
from tfx_savedmodel.operations.local_mistakes import refuse_local_mistakes
from tfx_savedmodel.operations.selection import Selection
from tfx_savedmodel.operations.selection import select as select_checks
from tfx_savedmodel.operations.stopwatch import EXAMPLES, GRAPH, INPUTS, LIBRARIES, LOADS, Stopwatch
from tfx_savedmodel.saved_model.facts import model_facts
from tfx_savedmodel.saved_model.read_model import read_model
from tfx_savedmodel.saved_model.remote import WEIGHTS, Staging
from tfx_savedmodel.saved_model.view import KERAS, GraphView
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.policy_text import to_policy
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Report, Upstream, Verdict
from tfx_savedmodel.validation.runner import GATES, NO_GRAPH, blocked, run_graph_checks, skipped
from tfx_savedmodel.versions import __version__

if TYPE_CHECKING:
    import apache_beam as beam

    from tfx_savedmodel.validation.loading.observe import LoaderHost

__all__ = ["CheckVerdict", "Policy", "Report", "Upstream", "Verdict", "validate"]

PathLike = str | os.PathLike[str]


def validate(
    model: PathLike,
    *,
    examples: PathLike | Sequence[PathLike] | None = (),
    examples_format: str = "auto",
    splits: str | Sequence[str] = (),
    sample: str | float | None = None,
    sample_seed: int = 0,
    batch_size: int | None = None,
    data_view: PathLike | None = None,
    schema: PathLike | None = None,
    transform_graph: PathLike | None = None,
    reference: PathLike | None = None,
    baseline: ModelOrContract | None = None,
    plan: Any | None = None,
    target: str | None = None,
    policy: Policy | Mapping[str, Any] | str = "default",
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    tags: Sequence[str] | None = None,
    upstream: Sequence[Upstream] = (),
    make_pipeline: Callable[[], beam.Pipeline] | None = None,
    beam_args: Sequence[str] = (),
    host: LoaderHost | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check a SavedModel and say whether it is blessed.

    Args:
      model: a SavedModel directory, a Keras file (of which only the file and its code are judged), or a TFX Model
        artifact's directory. Remote paths are staged to local disk;
        the weights only where something loads the model.
      examples: a pattern, or patterns, of files of examples, for the checks SM3xx; or the directory of an Examples
        artifact.
      examples_format: what the files hold: "example", "sequence-example" or "tensor" (TFRecords of tf.Examples,
        tf.SequenceExamples, serialized TensorProtos), "parquet", "json" (lines of TensorFlow Serving's REST form);
        "auto" tells by the first file, but for tensors.
      splits: of an Examples artifact; by default `eval`.
      sample: run so many examples (an integer), or such a fraction of them (a float up to 1.0): the same ones on any
        runner. By default all.
      sample_seed: another one makes another sample.
      batch_size: how many examples are run together; None finds by measuring which size is fastest.
      data_view: the directory of a TFX DataView, which decodes TFRecords of anything ("proto") to tensors.
      schema, transform_graph: what the examples' features are, and how the model's come of them.
      reference: a SavedModel whose outputs the model's must equal (SM304).
      baseline: a model that clients use today, its contract as the JSON file that `inspect` prints, or what `inspect`
        returns; what breaks its clients is a fault (SM106).
      plan: the signature plan that the model must keep to (SM105); by default the one it carries.
      target: the oldest TensorFlow that is to load the model, "tf-1.15" or "tf-2.7" (SM110); by default the one
        that it was exported for.
      policy: a Policy, a preset's name, or a policy as a mapping or JSON text.
      select, ignore: beginnings of check codes; `select` replaces what the policy requires.
      tags: the MetaGraph's tags; by default those of the policy's SM102, `serve`.
      upstream: blessings of others; one that is not blessed blocks.
      make_pipeline, beam_args: the Beam pipeline, or the arguments to make one with.
      host: a running LoaderHost; whoever checks many models saves TensorFlow's import for each.
      progress: is told what happens, a short line each time.

    What is given has to be there, also where no selected check looks at it; the report's `notes` say so then.

    Raises:
      UnreadableModelError: no sign of a model at `model`, or no SavedModel at `reference` or `baseline`.
      UsageError: a remote path that cannot be fetched, a target that is not known.
      PolicyError, PlanError, ExamplesError, SchemaError, TransformGraphError: what was given.
    """
    watch = Stopwatch()
    names = (splits,) if isinstance(splits, str) else splits
    of_examples = (examples_format, names, sample, sample_seed, data_view, batch_size)
    inputs = Inputs(examples, schema, transform_graph, reference, baseline, plan, target, *of_examples)
    chosen = to_policy(policy).narrowed(select, ignore)
    # Mistakes in the policy and in what lies on this disk are told before anything is fetched, or imported for long.
    with watch.spend(INPUTS):
        refuse_local_mistakes(model, inputs, select_checks(chosen, {}).codes)
    wanted = tuple(tags or chosen.parameters.get("SM102", {}).get("tags", ("serve",)))
    with Staging() as stage:
        with watch.spend(INPUTS):
            told = inputs.parameters(stage, wanted)
        selection = select_checks(chosen, {"SM102": {"tags": wanted}, **told})
        # Who gives examples or a reference wants them looked at: nothing seen of them is no blessing.
        chosen = chosen.requiring(inputs.required())
        weighs = selection.model or selection.examples or any(check.reads_weights for check in selection.graph)
        hollow = () if weighs else WEIGHTS
        with watch.spend(INPUTS):
            staged = inputs.staged(stage, selection.codes, wanted, hollow, watch.spend(LIBRARIES))
            graph = read_model(stage.any_model(model, hollow=hollow), wanted)
        given = GivenBeside(
            **staged,
            make_pipeline=make_pipeline,
            beam_args=tuple(beam_args),
            host=host,
            progress=progress or (lambda line: None),
            watch=watch,
        )
        if graph.format == KERAS:
            # It has no graph whose ops SM120 could judge; SM121 judges its code.
            chosen = dataclasses.replace(chosen, optional=(*chosen.optional, "SM120"))
        found = _run(graph, selection, chosen, given)
        results = stage.named([chosen.settle(result) for result in found])
        facts = stage.named(model_facts(graph))
    spent = watch.parts()
    return Report(
        verdict=chosen.judge(results, upstream),
        model=facts,
        policy=chosen.name,
        checks=tuple(results),
        upstream=tuple(upstream),
        seconds=sum(spent.values()),
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        tool_version=__version__,
        undecided_by=tuple(result.code for result in results if chosen.leaves_open(result)),
        notes=(*policy_notes(chosen, graph, found), *inputs.notes(selection.codes), *example_notes(results)),
        spent=spent,
    )


def _run(graph: GraphView, selection: Selection, policy: Policy, given: GivenBeside) -> list[CheckResult]:
    given.progress("reading the graph")
    with given.watch.spend(GRAPH):
        results = run_graph_checks(selection.graph, graph)
    loading = [*selection.model, *selection.examples]
    if not loading:
        return _ordered(results, selection)
    if graph.format == KERAS:
        # Nothing was seen of how it runs: it is not blessed by a policy that wants that.
        return _ordered([*results, *(skipped(check, NO_GRAPH, blocked=True) for check in loading)], selection)
    reason = None
    if not policy.trusted:
        gates = [*results, *run_graph_checks(selection.gates, graph)]
        reason = blocked(gates) or _blocked_reference(given)
    if reason is None and graph.meta_graph() is None:
        reason = f"not run: {graph.fault}"
    if reason is not None:
        return _ordered([*results, *(skipped(check, reason, blocked=True) for check in loading)], selection)
    with given.watch.spend(LOADS):
        of_loads, seen = judge_loads(graph, selection, policy, given)
    with given.watch.spend(EXAMPLES):
        of_examples = judge_examples(graph, selection, policy, given, seen)
    return _ordered([*results, *of_loads, *of_examples], selection)


def _blocked_reference(given: GivenBeside) -> str | None:
    """The reference is loaded too, so it is judged too."""
    if given.reference is None:
        return None
    gates = select_checks(Policy(select=GATES), {}).graph
    reason = blocked(run_graph_checks(gates, given.reference))
    return f"the reference model is {reason}" if reason else None


def _ordered(results: Sequence[CheckResult], selection: Selection) -> list[CheckResult]:
    return sorted(results, key=lambda result: selection.order.index(result.code))
