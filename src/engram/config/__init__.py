"""Recipes as files: YAML with positions → layers (profile, environment, --set) → a checked `Recipe`.

`load.py` tells the story; every other file is one step of it. The standard library and PyYAML only.
"""
