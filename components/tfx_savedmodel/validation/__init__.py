"""Validation: checks, what they find, and the policy that makes a verdict of it."""
