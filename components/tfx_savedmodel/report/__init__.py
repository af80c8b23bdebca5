"""Reports: what validation said, as JSON for programs, one HTML page for people, Markdown and JUnit XML for CI."""
