"""What run_all.py is made of: standard library only, and it parses on Python 3.8 so that an old one is told so."""
