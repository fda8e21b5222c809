"""Batches in, checkpoints out: the training loop that every torch kind shares."""
