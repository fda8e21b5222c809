"""The shapes that OpenAI's clients speak; one file for each concern."""
