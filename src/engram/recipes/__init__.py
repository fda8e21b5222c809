"""The recipes that ship with Engram: data, not code. One YAML file each, known by its file name.

Every file begins with a comment that says where its data comes from, under which licence, and how to get it into place.
Relative paths in a shipped recipe start from the folder in which `engram` runs.
"""
