"""Artifact to answers: open what was exported, gather requests into batches, and measure a load."""
