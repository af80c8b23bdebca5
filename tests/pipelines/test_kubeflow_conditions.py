"""What is said of a trigger condition that cannot be used, and when; what each comes to is in test_cel.py."""

from __future__ import annotations

import pytest

from pipelines.kubeflow.condition import parse_condition
from tests.pipelines.cel_cases import INPUT, whole
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$B.metadata['missing'] == 1.0", "no such key: missing"),
        ("inputs.artifacts['empty'].artifacts[0].uri == ''", "out of bounds: 0"),
        ("$B.metadata['list'][0.5] == 1.0", "out of bounds: 0.5"),
        ("$B.metadata['blessed']['a'] == 1.0", "nothing under 'a'"),
        ("$B.metadata['ok'] < 1.0", "bool True < float 1.0"),
        ("$B.metadata['none'] < 1.0", "NoneType None < float 1.0"),
        ("$B.metadata['blessed'] + 1 == 2", "float 1.0 + int 1"),
        ("-$B.metadata['ok'] == -1.0", "- of bool True"),
        ("$B.metadata['blessed'] && true", "neither true nor false"),
        ("$B.metadata['blessed']", "neither true nor false"),
        ("9223372036854775807 + 1 > 0", "integer overflow: 9223372036854775808"),
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
        ("$B.uri == 1.0", "string == double"),
        ("'a' + 1.0 == 'a'", "string + double"),
        ("-true", "- of bool"),
        ("1.0 && true", "&& of double"),
        ("inputs.secret", "no field 'secret'"),
        ("$B.metadata[1] == 1.0", "map(string, dyn)[int]"),
        ("-9223372036854775809 < 0", "-9223372036854775809 is no int of 64 bits"),
        ("1e309 > 1.0", "1e309 is no double"),
    ],
)
def test_a_condition_that_no_values_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match="rules of CEL") as raised:
        parse_condition(whole(text), "task a")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("size(inputs) > 1", "size"),
        ("$B.uri.startsWith('/models')", ".startsWith"),
        ("true ? true : false", "? true : false"),
        ("7 % 4 == 3", "% 4 == 3"),
        ("3 - 1 == 2", "-"),
        ("'a' in $P['list']", "in"),
        (r"'a\nb' == 'c'", r"'a\nb' == 'c'"),
        ("outputs.output_file == ''", "outputs"),
        ("$B.type == $B.type", "ArtifactTypeSchema == ArtifactTypeSchema"),
        ("$B.properties['a'].int_value == 1", "the field 'properties' of RuntimeArtifact"),
        ("(1.0 == 1.0", "its end"),
        ("", "its end"),
        ("(" * 500 + "true" + ")" * 500, "nested too deeply"),
    ],
)
def test_what_is_not_understood_is_named(text: str, found: str) -> None:
    with pytest.raises(UsageError, match="not understood") as raised:
        parse_condition(whole(text), "task a")
    assert found in raised.value.found and "task a" in raised.value.where


def test_a_row_of_terms_that_is_too_long_is_refused() -> None:
    condition = parse_condition(" && ".join(["true"] * 3000), "task a")
    with pytest.raises(UsageError, match="cannot be evaluated"):
        condition.holds(INPUT)
