"""SavedModelValidator: checks a SavedModel, reports, and blesses it or not."""
