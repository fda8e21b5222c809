"""Sources in, a split out: readers, cleaning, leakage, dealing and the cache. Parsing is the standard library's."""
