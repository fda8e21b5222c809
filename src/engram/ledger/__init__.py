"""What happened, and the proofs of it: Merkle log, signed checkpoints, certificates and their verification."""
