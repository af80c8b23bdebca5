"""The checks, one file each, named like the check."""
