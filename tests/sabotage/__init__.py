"""For each check a model made to fail just that check, and a twin that passes."""
