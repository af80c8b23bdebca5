"""Models made to be looked at and never loaded: what scanners have to find, and what they must not take for it."""
