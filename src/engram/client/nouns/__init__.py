"""The nouns of the SDK, one file each; every operation is written once for both clients."""
