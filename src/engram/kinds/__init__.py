"""One folder a kind: `card.py` says what it is, the rest what it does. Kinds never import kinds."""
