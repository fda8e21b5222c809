"""The heavy process: starts attempts, answers predictions, holds no truth."""
