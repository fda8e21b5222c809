"""Where the numbers of a training may go besides the journal: one file each, each a callback."""
