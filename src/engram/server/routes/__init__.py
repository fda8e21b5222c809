"""The API: one file for each noun."""
