"""Reports: what validation said, as JSON for programs and as one HTML page for people."""
