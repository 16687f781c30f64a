"""Who goes: run cards, candidates, assignment, and the reasons."""
