"""The check protocol: one check is one frozen dataclass in one file, its fields its parameters.

Its docstring is its page: first line the title, then `Why:` and `Remedy:` paragraphs. `check` (or
`judge`) yields findings: none is PASS; `raise Skip("why")` skips; any other exception is ERROR.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.result import Finding

if TYPE_CHECKING:
    import numpy as np


class Skip(Exception):
    """Raised by a check that cannot be made here; the text says why, `measurements` what was seen all the same."""

    def __init__(self, reason: str, measurements: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.measurements = dict(measurements or {})


@dataclasses.dataclass(frozen=True)
class Check:
    """What all checks have: a code (`SM103`), a name (`required-signatures`), a page."""

    code: ClassVar[str] = ""
    name: ClassVar[str] = ""

    @classmethod
    def title(cls) -> str:
        """Return the docstring's first line."""
        return (cls.__doc__ or "").strip().splitlines()[0].strip()

    @classmethod
    def page(cls) -> dict[str, str]:
        """Return the docstring by heading: `title`, `what`, `why`, `remedy`."""
        sections = {"title": cls.title(), "what": "", "why": "", "remedy": ""}
        current = "what"
        for line in (cls.__doc__ or "").strip().splitlines()[1:]:
            text = line.strip()
            for heading in ("why", "remedy"):
                if text.lower().startswith(heading + ":"):
                    current, text = heading, text[len(heading) + 1 :].strip()
            sections[current] = f"{sections[current]} {text}".strip()
        return sections


@dataclasses.dataclass(frozen=True)
class GraphCheck(Check):
    """A check that needs the graph alone (SM1xx): nothing is loaded, run or unpickled."""

    judges_unreadable: ClassVar[bool] = False
    """Whether the check has something to say where the graph file cannot be parsed."""
    judges_keras_files: ClassVar[bool] = False
    """Whether the check has something to say of a Keras file, which has no graph."""

    @property
    def reads_weights(self) -> bool:
        """Whether the check reads the variables' bytes as it is set: of a remote model they are fetched then."""
        return False

    def check(self, graph: GraphView) -> Iterator[Finding]:
        raise NotImplementedError

    def measurements(self, graph: GraphView) -> Mapping[str, Any]:
        return {}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a signature answered to made-up inputs: arrays by output, those of several parts as "NAME[0]" and so on.

    `inputs` says which inputs it was asked with, `digest` is that of their names, dtypes, shapes and bytes; `again` has
    the outputs that were others when it was asked the same a second time.
    """

    inputs: str
    digest: str
    outputs: Mapping[str, np.ndarray[Any, Any]]
    again: Mapping[str, np.ndarray[Any, Any]]


@dataclasses.dataclass(frozen=True)
class LoadObservation:
    """What one loader did with a model, in a process of its own.

    `loader` is "native", "tf2" or "tf1"; `outcome` "ok", "refused", "crashed", "timeout",
    "memory" or "unavailable" (this machine cannot tell); `error` the loader's own words;
    `signatures` {key: SignatureView.to_json()} as that loader gives them; `runs` the synthetic runs, one mapping
    each with `signature`, `batch`, and `error` (with `died` where the process ended), `skipped`, or `inputs` (what
    it was asked with); `answers` what was kept of them, by signature and batch; `seconds` the load time and
    `peak_bytes` the process's peak resident memory, beyond what it began with; `library_seconds` what opening
    TensorFlow took before, once for all loads of a host.
    """

    loader: str
    outcome: str
    error: str = ""
    signatures: Mapping[str, Any] | None = None
    runs: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0
    peak_bytes: int = 0
    answers: Mapping[tuple[str, int], Answer] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    library_seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """What model checks judge: the graph, and each loader's observation by its name."""

    graph: GraphView
    tags: tuple[str, ...]
    observations: Mapping[str, LoadObservation]


@dataclasses.dataclass(frozen=True)
class ModelCheck(Check):
    """A check of what the loaders did (SM2xx); `loaders` names those it needs."""

    loaders: ClassVar[tuple[str, ...]] = ()
    runs: ClassVar[str] = ""
    """Which of `loaders` run the signatures for it: "" none, "first" the first that loads, "all" each."""

    def check(self, model: LoadedModel) -> Iterator[Finding]:
        raise NotImplementedError

    def measurements(self, model: LoadedModel) -> Mapping[str, Any]:
        return {}


@dataclasses.dataclass(frozen=True)
class Gradients:
    """What a signature's output says of n rows, and how that changes with its inputs.

    Of each row one number is looked at: element `targets` (int64 [n]) of the output's row, flattened;
    `values` (float64 [n]) are these numbers. For each name asked for, `points` are its values [n, …], and
    `by` the gradients there (float64, of that shape), None where nothing leads from it to the output.
    """

    values: np.ndarray[Any, Any]
    targets: np.ndarray[Any, Any]
    points: Mapping[str, np.ndarray[Any, Any]]
    by: Mapping[str, np.ndarray[Any, Any] | None]


class ExamplesRun(Protocol):
    """One batch of examples on a worker; each signature is run at most once, whoever asks.

    `rerun`, `seconds` of chosen rows and `gradients` cost a run each: a check looks at the first few
    batches of a shard with them (`ordinal`).
    """

    @property
    def size(self) -> int:
        """Number of examples in the batch."""

    @property
    def ordinal(self) -> int:
        """Which batch of its shard it is, from 0."""

    @property
    def graph(self) -> GraphView:
        """The model's graph."""

    @property
    def signatures(self) -> Sequence[str]:
        """Keys of the signatures that these examples can feed."""

    @property
    def refused(self) -> Mapping[str, str]:
        """Signatures that cannot be fed, each with the reason (a missing feature, say)."""

    def inputs(self, signature: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """Return what the signature is fed, by input name; batch dimension first."""

    def outputs(self, signature: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """Return the signature's outputs by name; raises RunFailed if it does not run."""

    @property
    def reference(self) -> ExamplesRun | None:
        """The reference model's run of the same batch, where one was given."""

    def call(self, signature: str, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Mapping[str, np.ndarray[Any, Any]]:
        """Run a signature on other inputs than the examples' own (the explanation chain)."""

    def rerun(self, signature: str, rows: np.ndarray[Any, Any] | None = None) -> Mapping[str, np.ndarray[Any, Any]]:
        """Run the signature again on the whole batch, or on these rows (int64 [n]) in this order.

        Raises RunFailed if it does not run.
        """

    def seconds(self, signature: str, rows: np.ndarray[Any, Any] | None = None) -> float | None:
        """Return the wall time of the batch's own run, or of a run of these rows (int64 [n]).

        None where the batch was picked out of a larger one, so that there was no run of its own.
        Raises RunFailed if the signature does not run.
        """

    def gradients(
        self,
        signature: str,
        output: str,
        inputs: Mapping[str, np.ndarray[Any, Any]],
        by: Sequence[str],
        targets: np.ndarray[Any, Any] | None = None,
    ) -> Gradients:
        """Differentiate an output by some of the inputs, at given inputs [n, …].

        `targets` chooses an element of each row's answer; by default the largest. In a TF1 model `by` may
        name tensors of the graph, which take their values from `inputs` where these name them too.
        Raises RunFailed if it cannot be done.
        """

    @property
    def renamed_outputs(self) -> Mapping[str, str]:
        """The policy's pairs: the name of one of the model's outputs -> the reference's."""

    def position(self, row: int) -> Mapping[str, Any]:
        """Return where row `row` of the batch came from: `file`, and `record` counted from 0."""

    def example(self, row: int) -> Mapping[str, str]:
        """Return the features of row `row` in short, for a person to read."""


class RunFailed(Exception):
    """A signature failed on a batch; the text is the loader's own.

    `reasons` has one text for each row where every row is known to fail by itself; it is empty
    where the batch was refused as a whole.
    """

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)


@dataclasses.dataclass(frozen=True)
class ExampleCheck(Check):
    """A check over real examples (SM3xx), shaped like a Beam CombineFn.

    `measure` looks at one batch and returns a partial, `merge` adds two partials (associative and
    commutative; partials are plain picklable data), `judge` makes findings of the total.
    `measurements` is what the report shows of the total.
    """

    def measure(self, run: ExamplesRun) -> Any:
        raise NotImplementedError

    def measure_fault(self, fault: Mapping[str, Any]) -> Any:
        """Return a partial for what kept examples from being run, or None to ignore it.

        `fault` has a `reason`, and `file` and `record` where a record cannot be read; without
        `file` it is the model that cannot be loaded. With `died` the model ended its process there:
        `died` says how ("timeout", "memory", a signal; empty where it was not tried any more), `lost`
        how many examples from that record on were not run, `signature` which one was running. With `halved`
        a batch of so many examples from that record on was too large for memory; its halves were run, nothing is lost.
        """
        return None

    def merge(self, a: Any, b: Any) -> Any:
        raise NotImplementedError

    def judge(self, total: Any) -> Iterator[Finding]:
        raise NotImplementedError

    def measurements(self, total: Any) -> Mapping[str, Any]:
        return {}
