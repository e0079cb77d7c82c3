"""What admins do with what callers get: ask why a call goes where it goes, compare versions, publish one, go back.

Commands and what they say, over `content`, `proof` and the record; no caller waits for any of it.
"""
