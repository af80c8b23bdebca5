"""A repository of one's own to start from: looking at a CSV file, and the template made to fit it."""
