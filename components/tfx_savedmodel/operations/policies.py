"""Policies as the command line and the components read them."""

from __future__ import annotations

from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.policy_text import read_policy, read_policy_file, to_policy

__all__ = ["Policy", "read_policy", "read_policy_file", "to_policy"]
