"""Small data sets that we wrote ourselves: samples to learn and test with, never evidence about production."""
