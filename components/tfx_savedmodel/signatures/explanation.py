"""`explanation_metadata.json`: what an explainer attributes, and to which inputs.

It is bound to `xai_model`, or to the only signature of a model that has one. In TF2 its tensor names
are the signature's own names, in TF1 the graph's tensors. One output is explained. Each input has a
modality ("numeric" for floats, else "categorical") and an encoding: "indicator" with a name for each
index where the input is a one-hot vector of a raw feature, else "identity". `group_name` is the raw
feature that an input comes of, so that attributions add up by raw feature.
Source: explain_metadata.py of explainable-ai-sdk 1.3.3.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import Problem
from tfx_savedmodel.saved_model.view import SignatureView
from tfx_savedmodel.signatures.baselines import MOST_BASELINES, Statistic, from_examples, typical_example
from tfx_savedmodel.signatures.encodings import Encoding, find_encodings
from tfx_savedmodel.signatures.feeding import Feed, feed_of
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature, ResolvedTensor

#: The key by which explainers find the model, and the one that they take where there is no other.
XAI_MODEL = "xai_model"
SERVING_DEFAULT = "serving_default"

_FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclasses.dataclass(frozen=True)
class ExplanationResult:
    """The document that was written, and notes on what it cannot say."""

    metadata: Mapping[str, Any]
    notes: tuple[str, ...]


def explanation_problems(resolved: ResolvedPlan) -> list[Problem]:
    """Return what keeps the plan's explanation from being made: signature, output, inputs."""
    asked = resolved.plan.explanation
    if asked is None:
        return []
    signature = resolved.signatures.get(asked.signature)
    if signature is None:
        wanted = ", ".join(sorted(resolved.signatures)) or "a signature"
        next_step = f"plan {XAI_MODEL!r} with kind model"
        return [Problem("explanation.signature", "no such signature", asked.signature, wanted, next_step)]
    problems = [_found_by_explainers(resolved, signature), _explained(signature), *_output(signature, asked.output)]
    return [problem for problem in problems if problem is not None]


def explained_output(resolved: ResolvedPlan) -> str:
    """Return the exported name of the output that is explained; the plan has no problem."""
    asked = resolved.plan.explanation
    assert asked is not None
    return asked.output or next(iter(resolved.signatures[asked.signature].outputs))


def write_explanation(
    file: Path,
    resolved: ResolvedPlan,
    *,
    ingredients: Callable[[], Ingredients] | None = None,
    takes_examples: Callable[[str], bool] = lambda key: False,
    vocabularies: Mapping[str, Sequence[str]] | None = None,
    statistics: Mapping[str, Statistic] | None = None,
    examples: Sequence[bytes] = (),
    written: SignatureView | None = None,
) -> ExplanationResult:
    """Write the metadata of the signature and output that the plan names.

    Args:
      file: where to.
      resolved: a plan with an explanation, and without problems.
      ingredients: the model and the features. None where there is no Transform graph, no statistics and
        no example: then inputs are what they are, and there are no baselines.
      takes_examples: whether the signature of the source with this key parses serialized examples.
      vocabularies: words by name, in the order of their indices, that one-hot inputs may stand for.
      statistics: by raw feature; the baseline is the example that is typical by them.
      examples: serialized tf.Examples; without statistics the baselines are some of them.
      written: the signature as it was written, where the export is a TF1 graph.

    Raises:
      ExamplesError: statistics or examples do not become the model's inputs.
    """
    asked = resolved.plan.explanation
    assert asked is not None
    signature = resolved.signatures[asked.signature]
    notes = _without_gradient(signature)
    baselines: Mapping[str, list[Any]] = {}
    encodings: Mapping[str, Encoding] = {}
    if ingredients is not None:
        feed = feed_of(resolved, signature.key, ingredients, takes_examples)
        if isinstance(feed, str):
            notes.append(f"explanation: no baselines and no groups for {signature.key!r}: {feed}")
        else:
            chosen = _chosen(ingredients, statistics, examples)
            baselines = from_examples(ingredients, feed, chosen) if chosen else {}
            encodings, more = _encodings(ingredients(), feed, vocabularies or {}, chosen)
            notes += more
    metadata = explanation_metadata(
        signature, explained_output(resolved), baselines=baselines, encodings=encodings, written=written
    )
    text = json.dumps(metadata, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    file.unlink(missing_ok=True)  # it may be a hard link to the source's
    file.write_text(text + "\n", encoding="utf-8")
    return ExplanationResult(metadata, tuple(notes))


def explanation_metadata(
    signature: ResolvedSignature,
    output: str,
    *,
    baselines: Mapping[str, Sequence[Any]] | None = None,
    encodings: Mapping[str, Encoding] | None = None,
    written: SignatureView | None = None,
) -> dict[str, Any]:
    """Return the JSON document.

    Args:
      signature: the explained signature.
      output: the explained output's exported name.
      baselines: by exported input name, at most 10, as many for each input, each of one instance's shape.
      encodings: by exported input name, where something is known of it.
      written: the signature as it is written in a TF1 graph.
    """
    counts = {len(values) for values in (baselines or {}).values()}
    assert len(counts) <= 1 and max(counts, default=0) <= MOST_BASELINES, counts
    encodings, baselines = encodings or {}, baselines or {}
    names = {name: name for name in signature.inputs}
    explained = output
    if written is not None:
        names = {name: spec.tensor for name, spec in written.inputs.items()}
        explained = written.outputs[output].tensor
    return {
        "inputs": {
            name: _input(names[name], item, encodings.get(name, Encoding()), baselines.get(name))
            for name, item in sorted(signature.inputs.items())
        },
        "outputs": {output: {"output_tensor_name": explained}},
        "framework": "tensorflow2" if written is None else "Tensorflow",
        "tags": ["tfx_savedmodel"],
    }


def _input(name: str, item: ResolvedTensor, encoding: Encoding, baselines: Sequence[Any] | None) -> dict[str, Any]:
    numeric = item.dtype in _FLOATS and encoding.names is None
    found: dict[str, Any] = {
        "input_tensor_name": name,
        "encoding": "identity" if encoding.names is None else "indicator",
        "modality": "numeric" if numeric else "categorical",
    }
    if encoding.names is not None:
        found["index_feature_mapping"] = list(encoding.names)
    if encoding.feature is not None:
        found["group_name"] = encoding.feature
    if baselines:
        found["input_baselines"] = list(baselines)
    return found


def _found_by_explainers(resolved: ResolvedPlan, signature: ResolvedSignature) -> Problem | None:
    alone = len(resolved.signatures) == 1 and signature.key == SERVING_DEFAULT
    if signature.key == XAI_MODEL or alone:
        return None
    return Problem(
        "explanation.signature",
        "an explainer would not take this signature",
        found=f"{signature.key!r} among {', '.join(sorted(resolved.signatures))}",
        wanted=f"{XAI_MODEL!r}, or {SERVING_DEFAULT!r} as the only signature",
        next_step=f"name {XAI_MODEL!r}, which the plan has"
        if XAI_MODEL in resolved.signatures
        else f"plan {XAI_MODEL!r} as an alias of {signature.key!r}",
    )


def _explained(signature: ResolvedSignature) -> Problem | None:
    if any(item.dtype in _FLOATS for item in signature.inputs.values()):
        return None
    return Problem(
        "explanation.signature",
        "nothing that attributions could be made for",
        found=", ".join(f"{name}: {item.dtype}" for name, item in sorted(signature.inputs.items())) or "no inputs",
        wanted="at least one input of floats",
        next_step=f"plan {XAI_MODEL!r} with kind model, and xai_preprocess before it",
    )


def _output(signature: ResolvedSignature, output: str | None) -> list[Problem]:
    where, names = "explanation.output", ", ".join(sorted(signature.outputs))
    if output is None and len(signature.outputs) != 1:
        return [Problem(where, "it cannot be told which output is explained", f"{signature.key!r} has {names}", "one")]
    if output is not None and output not in signature.outputs:
        return [Problem(where, f"{signature.key!r} has no such output", output, names)]
    chosen = output or next(iter(signature.outputs))
    dtype = signature.outputs[chosen].dtype
    if dtype not in _FLOATS:
        return [Problem(where, "the output is no score", f"{chosen}: {dtype}", "an output of floats")]
    return []


def _without_gradient(signature: ResolvedSignature) -> list[str]:
    names = [f"{name} ({item.dtype})" for name, item in sorted(signature.inputs.items()) if item.dtype not in _FLOATS]
    if not names:
        return []
    return [
        f"explanation: {', '.join(names)} has no gradient: sampled Shapley explains it, integrated gradients does not, "
        "and the check SM107 does not pass such a model: encode it before, in xai_preprocess"
    ]


def _chosen(
    ingredients: Callable[[], Ingredients], statistics: Mapping[str, Statistic] | None, examples: Sequence[bytes]
) -> list[bytes]:
    if statistics is not None:
        return [typical_example(statistics, ingredients().raw_spec)]
    return list(examples)


def _encodings(
    ingredients: Ingredients, feed: Feed, vocabularies: Mapping[str, Sequence[str]], examples: Sequence[bytes]
) -> tuple[dict[str, Encoding], list[str]]:
    if feed.way != "model" or ingredients.transform is None:
        return {}, []
    found, notes = find_encodings(ingredients, vocabularies, examples[0] if examples else None)
    return {exported: found[name] for exported, name in feed.names.items() if name in found}, notes
