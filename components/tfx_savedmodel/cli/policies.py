"""What `--policy` names: a preset, a JSON file, or the JSON itself."""

from __future__ import annotations

from pathlib import Path

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.policies import Policy, read_policy, read_policy_file


def given_policy(policy: str) -> Policy:
    """Return the policy that the option names.

    Raises:
      UsageError: the file cannot be read.
      PolicyError: no such preset, or the mistakes in the document.
    """
    if _names_a_file(policy):
        return read_policy_file(read_text("--policy", policy), where=policy)
    return read_policy(policy, where="--policy")


def read_text(option: str, name: str) -> str:
    """Return the text of the file that an option names.

    Raises:
      UsageError: it cannot be read, or is not UTF-8.
    """
    try:
        return Path(name).read_text(encoding="utf-8-sig")  # some editors begin a file so
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        found = f"{name}: {reason}"
        raise UsageError("cannot read the file", where=option, found=found, wanted="a JSON file") from error


def _names_a_file(policy: str) -> bool:
    """Tell whether a file is meant: a preset's name has neither a folder nor an ending."""
    return "{" not in policy and ("." in policy or "/" in policy)
