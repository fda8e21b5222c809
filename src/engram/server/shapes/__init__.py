"""What the API answers, a file a noun: the models from which its description is made."""
