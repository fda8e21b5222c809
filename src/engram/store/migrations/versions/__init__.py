"""The versions, oldest first by their chain of `down_revision`; the names begin with the number of the version."""
