"""The tests, in three tiers by marker; a package, so that helpers are imported as `tests.…`."""
