"""Model to files that the ecosystem's own loaders open, and the checks that the files are the evaluated model."""
