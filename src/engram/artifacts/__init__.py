"""Files and the store: manifests, what may be a payload, and publishing whole or not at all."""
