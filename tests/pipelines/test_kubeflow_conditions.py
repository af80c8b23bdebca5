"""Trigger conditions: each comes to what cel-go 0.30, with which Kubeflow's driver reads them, makes of it."""

from __future__ import annotations

import pytest

from pipelines.kubeflow.condition import parse_condition
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.unit

BLESSING = {
    "name": "artifacts/7",
    "type": {"schemaTitle": "tfx.InfraBlessing"},
    "uri": "/models/7",
    "metadata": {
        "blessed": 1.0,
        "half": 0.5,
        "ok": True,
        "no": False,
        "verdict": "BLESSED",
        "none": None,
        "parts": {"train": 0.0},
        "list": [1.0, "a"],
    },
}
INPUT = {
    "inputs": {
        "artifacts": {"blessing": {"artifacts": [BLESSING]}, "empty": {"artifacts": []}},
        "parameterValues": {"steps": 150.0, "on": True, "list": [1.0, "a"]},
    }
}
#: What `B` and `P` stand for in the conditions below.
LONG = {
    "B": "inputs.artifacts['blessing'].artifacts[0]",
    "P": "inputs.parameter_values",
}


def whole(text: str) -> str:
    return text.replace("B.", f"{LONG['B']}.").replace("P[", f"{LONG['P']}[")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # As TFX writes them.
        ("(B.metadata['blessed'] == 1.0)", True),
        ("!((B.metadata['blessed'] < 1.0))", True),
        ("(B.metadata['blessed'] > 0.5) && (B.uri == '/models/7')", True),
        ("((B.metadata['blessed'] > 2.0) || (B.uri == ('/models' + '/7')))", True),
        ("(B.metadata['blessed'] == -1e+00)", False),
        ("P['steps'] >= 150 && P['on']", True),
        # A number is never true or false, and what is of two types is never the same.
        ("B.metadata['ok'] == 1.0", False),
        ("B.metadata['ok'] != 1.0", True),
        ("B.metadata['blessed'] == true", False),
        ("B.metadata['ok'] == true", True),
        ("B.metadata['ok']", True),
        ("P['on'] == 1", False),
        ("B.metadata['blessed'] == '1'", False),
        ("B.metadata['verdict'] == 1.0", False),
        ("B.metadata['none'] == 1.0", False),
        ("B.metadata['list'] == 1.0", False),
        ("B.metadata['parts'] != 1.0", True),
        ("B.metadata['list'] == P['list']", True),
        # Numbers of metadata are doubles, and are compared with either.
        ("B.metadata['blessed'] == 1", True),
        ("B.metadata['half'] + B.metadata['half'] == 1", True),
        ("B.metadata['blessed'] + 1.0 == 2.0", True),
        ("1 + 1 == 2", True),
        ("9007199254740993 == 9007199254740992", False),
        ("-B.metadata['blessed'] == -1.0", True),
        # What has an order.
        ("B.metadata['no'] < B.metadata['ok']", True),
        ("B.metadata['verdict'] < 'C'", True),
        ("1 < 2 == true", True),
        # Fields and places.
        ("B.metadata['parts'].train == 0.0", True),
        ("B.metadata.blessed == 1.0", True),
        ("B.metadata['list'][1] == 'a'", True),
        ("B.metadata['list'][0.0] == 1.0", True),
        ("B.name == 'artifacts/7'", True),
        ("B.type.schema_title == 'tfx.InfraBlessing'", True),
        ("B.type.instance_schema == ''", True),
        # && binds closer than ||. Whichever side decides, the other may fail.
        ("true || false && false", True),
        ("false && B.metadata['missing'] == 1.0", False),
        ("B.metadata['missing'] == 1.0 && false", False),
        ("B.metadata['missing'] == 1.0 || true", True),
        ("B.metadata['blessed'] && false", False),
        ("!!true", True),
    ],
)
def test_a_condition_holds_or_not(text: str, wanted: bool) -> None:
    assert parse_condition(whole(text), "task a").holds(INPUT) is wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("B.metadata['missing'] == 1.0", "no such key: missing"),
        ("B.metadata['missing'] == 1.0 || false", "no such key: missing"),
        ("inputs.artifacts['no'].artifacts[0].uri == ''", "no such key: no"),
        ("inputs.artifacts['empty'].artifacts[0].uri == ''", "out of bounds: 0"),
        ("B.metadata['list'][-1] == 'a'", "out of bounds: -1"),
        ("B.metadata['list'][0.5] == 1.0", "out of bounds: 0.5"),
        ("B.metadata['blessed']['a'] == 1.0", "nothing under 'a'"),
        ("B.metadata['ok'] < 1.0", "bool True < float 1.0"),
        ("B.metadata['blessed'] > '1'", "float 1.0 > str '1'"),
        ("B.metadata['none'] < 1.0", "NoneType None < float 1.0"),
        ("B.metadata['blessed'] + 1 == 2", "float 1.0 + int 1"),
        ("B.metadata['ok'] + 1.0 == 2.0", "bool True + float 1.0"),
        ("-B.metadata['ok'] == -1.0", "- of bool True"),
        ("B.metadata['blessed'] && true", "neither true nor false"),
        ("!B.metadata['blessed']", "neither true nor false"),
        ("B.metadata['blessed']", "neither true nor false"),
        ("'a'", "neither true nor false"),
    ],
)
def test_a_condition_that_cannot_be_evaluated_says_so(text: str, said: str) -> None:
    condition = parse_condition(whole(text), "task a")
    with pytest.raises(UsageError) as raised:
        condition.holds(INPUT)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # What is known to be of two types is refused before anything runs, as there.
        ("1.0 == 1", "double == int"),
        ("1 < 1.5", "int < double"),
        ("B.uri == 1.0", "string == double"),
        ("B.metadata['blessed'] + 1.0 == 2", "double == int"),
        ("true == 1", "bool == int"),
        ("(B.uri == 'a') == 1.0", "bool == double"),
        ("1 < 2 < 3", "bool < int"),
        ("'a' + 1.0 == 'a'", "string + double"),
        ("-true", "- of bool"),
        ("!1.0", "! of double"),
        ("1.0 && true", "&& of double"),
        ("inputs.secret", "no field 'secret'"),
        ("B.uri.metadata == 1.0", "string has no field 'metadata'"),
        ("B.metadata[1] == 1.0", "map(string, dyn)[int]"),
        ("inputs.artifacts['blessing'].artifacts[0.0].uri == ''", "list(RuntimeArtifact)[double]"),
    ],
)
def test_a_condition_that_no_values_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match="rules of CEL") as raised:
        parse_condition(whole(text), "task a")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "size(inputs) > 1",
        "true ? true : false",
        "outputs.output_file == ''",
        "(1.0 == 1.0",
        "1.0 1.0",
        "'it's'",
        "",
        "1.",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not understood"):
        parse_condition(text, "task a")
