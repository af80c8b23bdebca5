"""The report as Markdown: what is in it, and that nothing of the model's does anything."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.report import measured, samples
from tfx_savedmodel.report.markdown import MAX_CHARACTERS, code, prose, render_markdown
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding, Report, Upstream, Verdict, Waived

pytestmark = pytest.mark.unit

OURS = ("<details>", "<summary>", "</summary>", "</details>", "<code>", "</code>", "<sub>", "</sub>", "<!-- -->")

ATTACKS = (
    samples.HOSTILE,
    "@octocat please look",
    "closes #12, GH-13 and octo/cat#14",
    "https://evil.example www.evil.example octo@evil.example",
    "[click](https://evil.example) ![x](https://evil.example/x.png)",
    "a | b | c \\| d \\\\| e",
    "``` ` `` \\` `",
    "`<img src=x>` and `|`",
    "line\n\n# heading\n- item\n</details>\n<details open>",
    "*b* __b__ ~~s~~ $m$ :tada: &lt; &#64;octocat",
    "- item",
    "1. item",
    "+ item",
    "=====",
    "> quote",
    "| a |\n|---|\n| b |",
    "</summary></details><details>",
    "",
    " ",
    "`",
    "\\",
    "x" * 10_000,
)


def _parse(text: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def _leaves(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from _leaves(token.children) if token.children else iter([token])


def _built_of(attack: str) -> Report:
    """Return a report in which every text that can come from outside is the attack."""
    finding = Finding(attack, {attack: attack, "node": attack}, attack, attack, attack)
    check = CheckResult(
        attack, attack, CheckVerdict.FAIL, title=attack, findings=(finding,), waived=(Waived(finding, attack),)
    )
    broken = CheckResult(f"{attack}2", attack, CheckVerdict.ERROR, title=attack, reason=f"{attack}\n{attack}")
    skipped = CheckResult(f"{attack}3", attack, CheckVerdict.SKIP, title=attack, reason=attack)
    return Report(
        verdict=Verdict.NOT_BLESSED,
        model={"uri": attack, "fingerprint": attack},
        policy=attack,
        checks=(check, broken, skipped),
        upstream=(Upstream(attack, attack, False),),
        tool_version=attack,
        notes=(attack,),
    )


def _shape(report: Report) -> list[str]:
    """Return the document's skeleton: what there is, without its texts."""
    blocks = [token.type for token in _parse(render_markdown(report)) if token.type != "inline"]
    return [block for block in blocks if not block.startswith("paragraph")]


def test_the_verdict_comes_first_then_what_matters_then_the_rest() -> None:
    text = render_markdown(samples.failing())

    assert text.startswith("### ❌ Not blessed: SavedModel validation\n\nSM302 finite-outputs failed.")
    places = [
        text.index(part)
        for part in (
            "**12 passed, 1 failed, 1 warning, 2 skipped, 1 finding waived.**",
            "| ❌ | `SM302` finite-outputs | Every output is finite. | 2 findings |",
            "| ⚠️ | `SM107` explanation-contract |",
            "upstream `InfraBlessing`",
            "- given in vain: the waiver of SM113 matched nothing",
            "<summary><code>SM302 finite-outputs</code> 2 findings</summary>",
            "- probabilities holds NaN for 68 of 68 examples",
            "  - waived: the vocabulary is ours and reviewed",
            "13 other checks",
            "- ➖ `SM304` parity: no reference model was given",
        )
    ]
    assert places == sorted(places)


def test_what_leaves_the_verdict_open_matters_only_where_it_is_the_verdict() -> None:
    blocked = render_markdown(measured.distrusted())
    skipped = CheckResult("SM304", "parity", CheckVerdict.SKIP, reason="no reference")
    undecided = dataclasses.replace(samples.blessed(), verdict=Verdict.UNDECIDED, undecided_by=("SM304",))

    assert "| ➖ |" not in blocked
    assert "- ➖ `SM201` native-load: not run: SM120 failed" in blocked
    assert "| ➖ | `SM304` parity |  | no reference |" in render_markdown(
        dataclasses.replace(undecided, checks=(*undecided.checks, skipped))
    )


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_nothing_from_outside_is_more_than_text(attack: str) -> None:
    document = render_markdown(_built_of(attack))
    tokens = list(_leaves(_parse(document)))

    assert not attack.strip() or _shape(_built_of(attack)) == _shape(_built_of("harmless"))
    assert not {token.type for token in tokens} & {"link_open", "image", "em_open", "s_open"}
    for token in tokens:
        if token.type == "html_inline":
            assert token.content in OURS
        elif token.type == "html_block":
            rest = re.sub(r"</?(?:details|summary|code)>", "", token.content)
            assert "<" not in rest
        elif token.type == "text":
            assert not re.search(r"@\w|#\d|\bGH-|://|www\.|:\w+:", token.content), token.content


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if len(attack) < 200])
def test_texts_are_read_back_as_they_were(attack: str) -> None:
    plain = " ".join(attack.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").split())
    (span,) = [token for token in _leaves(_parse(f"a{code(attack)}")) if token.type == "code_inline"]
    assert span.content == (plain or " ")

    read = "".join(token.content for token in _leaves(_parse(f"x {prose(attack)}")) if token.type != "html_inline")
    assert read.removeprefix("x").replace("`", "").split() == plain.replace("`", "").split()


def test_a_table_keeps_its_columns_whatever_the_titles_are() -> None:
    for attack in ATTACKS:
        rows = [token for token in _parse(render_markdown(_built_of(attack))) if token.type == "td_open"]
        assert len(rows) == 4 * 2


def test_a_comment_is_never_longer_than_github_takes() -> None:
    long = Finding("m" * 5000, {"node": "n" * 5000}, "f" * 5000, "w" * 5000, "x" * 5000)
    checks = tuple(
        CheckResult(f"SM{number}", "c" * 500, CheckVerdict.FAIL, title="t" * 500, findings=(long,) * 99)
        for number in range(101, 160)
    )
    text = render_markdown(dataclasses.replace(samples.failing(), checks=checks))

    assert len(text) <= MAX_CHARACTERS
    assert "more checks: report.json has them" in text
    assert "- and 89 more: report.json has them" in text
    assert text.count("<details>") == text.count("</details>")


def test_every_verdict_has_a_document() -> None:
    assert render_markdown(samples.blessed()).startswith("### ✅ Blessed")
    assert "MemoryError: cannot allocate 2.1 GB in the loader's process" in render_markdown(samples.undecided())
    nothing = dataclasses.replace(samples.blessed(), verdict=Verdict.NOTHING_CHECKED, checks=(), upstream=())
    assert "No check came to an answer" in render_markdown(nothing)
