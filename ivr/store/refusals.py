"""What the record says instead of doing it."""


class Conflict(Exception):
    """Somebody else moved the call, took the exit, or a constraint refused: load again and step again."""


class Taken(Conflict):
    """The leg belongs to another CallSid, or the CallSid to another leg."""


class Unreachable(Exception):
    """The database is not there, or did not answer in time."""


class Silent(Unreachable):
    """The database has the question, and answered nothing for as long as somebody waited."""


class Misuse(Exception):
    """The database refused a statement for a reason no caller can cause. It names no value of the statement."""


def broken(constraint: str) -> Conflict:
    """Return the conflict a broken unique constraint means, by the constraint's name or column."""
    return Taken(constraint) if "call_sid" in constraint else Conflict(constraint)
