"""The command line, one file per verb; it starts fast because a verb is imported when it is called."""
