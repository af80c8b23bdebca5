"""A pull request in a made repository: every command of its workflow is run, in an environment made from the wheel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require_tool
from tests.templates.changes import read_rows, remove_signature, write_rows
from tests.templates.conftest import call, make
from tests.templates.workflow import Ran, run_job

pytestmark = [pytest.mark.tfx, pytest.mark.full]

RUN, CONTRACT, TELL = (
    "run the pipeline on the data in this repository",
    "the model keeps the contract that is committed",
    "tell the reviewer",
)
STEPS = ["make install", "make lint", "make test", RUN, CONTRACT, TELL]
PullRequest = Callable[[Callable[[Path], None]], contextlib.AbstractContextManager[Callable[[], Ran]]]


def git(repository: Path, *arguments: str) -> str:
    person = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    done = call("git", *person, *arguments, cwd=repository)
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


@pytest.fixture(scope="module")
def job(made: Path) -> dict[str, Any]:
    import yaml

    (job,) = yaml.safe_load((made / ".github" / "workflows" / "pull-request.yml").read_text())["jobs"].values()
    return dict(job)


@pytest.fixture(scope="module")
def pull_request(made: Path, ran: str, job: dict[str, Any]) -> PullRequest:
    """Make a branch with a change; what it gives runs the job on what the branch then holds."""
    require_tool("git", "apt-get install git")
    git(made, "init", "--quiet", "--initial-branch=main")
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "--message", "Begin")
    git(made, "remote", "add", "origin", str(made))
    git(made, "fetch", "--quiet", "origin")

    @contextlib.contextmanager
    def branch(change: Callable[[Path], None]) -> Iterator[Callable[[], Ran]]:
        def run() -> Ran:
            git(made, "commit", "--quiet", "--all", "--message", "Change")
            return run_job(made, job, base="main")

        git(made, "checkout", "--quiet", "-b", "change")
        change(made)
        try:
            yield run
        finally:
            git(made, "checkout", "--quiet", "--force", "main")
            git(made, "branch", "--quiet", "-D", "change")

    return branch


def make_rooms_integers(made: Path) -> None:
    """Fill the missing rooms and write them without fractions: their tensor becomes an int64."""
    path = made / "data" / "examples.csv"
    write_rows(path, [{**row, "rooms": str(int(float(row["rooms"] or 3)))} for row in read_rows(path)])


def test_signature_that_is_removed_is_blocked_until_the_contract_is_changed_too(
    made: Path, pull_request: PullRequest
) -> None:
    served = made / "build" / "serving" / "houses"
    pushed = sorted(served.iterdir())
    with pull_request(remove_signature) as run:
        ran = run()
        assert list(ran.codes) == STEPS
        assert ran.failed == [RUN, CONTRACT], ran.said
        assert "SM106 breaking-change" in ran.said
        assert "Breaking: 1" in ran.said
        assert "serve_raw" in ran.summary
        assert sorted(served.iterdir()) == pushed
        assert len(ran.uploads) == 2 and all(path.exists() for path in ran.uploads)
        done = make(made, "contract")
        assert done.returncode == 0, done.stdout
        ran = run()
        assert ran.failed == [], ran.said
        assert len(sorted(served.iterdir())) == len(pushed) + 1
        before, after = ran.summary.split("### What this pull request changes in contract.json")
        assert "serve_raw" in after and "serve_raw" not in before


def test_type_that_is_changed_is_blocked(pull_request: PullRequest) -> None:
    with pull_request(make_rooms_integers) as run:
        ran = run()
    assert list(ran.codes) == STEPS
    assert ran.failed == [RUN, CONTRACT], ran.said
    assert "SM106 breaking-change" in ran.said
    assert "rooms" in ran.summary and "int64" in ran.summary


def test_harmless_change_passes(pull_request: PullRequest) -> None:
    def change(made: Path) -> None:
        (made / "README.md").write_text(f"{(made / 'README.md').read_text()}\nMore.\n")

    with pull_request(change) as run:
        ran = run()
    assert (list(ran.codes), ran.failed) == (STEPS, []), ran.said
    assert ran.summary.count("No change that a client could see") == 2
