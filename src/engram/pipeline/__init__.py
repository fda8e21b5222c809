"""The story of a run: `run.py` tells it on one page; each other file is one thing that it needs."""
