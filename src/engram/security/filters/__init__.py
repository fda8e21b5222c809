"""Content filters in stages: limits, normalising, patterns, a classifier if one is installed, a decision."""
