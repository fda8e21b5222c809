"""Where attempts run: one contract, one file for each place."""
