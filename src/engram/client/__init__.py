"""The SDK: what talks to a server's API, for the command line, for attempts and for users."""
