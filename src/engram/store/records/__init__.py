"""What is stored, one file a noun: the record, and the functions that make, find, list and change it.

Every function takes the open transaction of `Database.read` or `Database.write` first. `visible_to` hides what belongs
to other users: for who asks, it is not there.
"""
