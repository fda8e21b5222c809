"""Records to batches: one step per file, each a pure function of text."""
