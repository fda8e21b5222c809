"""Sources in, a split out: readers of every format, cleaning, leakage, dealing and the cache."""
