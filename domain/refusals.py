"""The tree of refusals: an act that is impossible in this state raises one and leaves no trace.

    Refused
    ├── Impossible      the object's state does not allow the act
    ├── Invalid         the input is not acceptable in itself (a field, a format, a range)
    ├── NotFound        the object does not exist, or it belongs to another user
    ├── Taken           a name, a number or a place is already taken
    └── Conflict        another process was faster: load again and check whether the act is still due

A *request* that is refused (funds, limits, an exchange's rule) is not one of these: it is a fact and is recorded.
"""


class Refused(Exception):
    """A refused act. `code` names the reason for programs, `field` the input that caused it."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.field = field


class Impossible(Refused):
    """An act that the object's state does not allow."""

    code = "impossible"


class Invalid(Refused):
    """An input that is not acceptable in itself."""

    code = "invalid"


class NotFound(Refused):
    """An object that does not exist or belongs to another user: the two look alike on purpose."""

    code = "not_found"


class Taken(Refused):
    """A name, a number or a place that is already taken."""

    code = "taken"


class Conflict(Refused):
    """An append to a stream to which another process appended first."""

    code = "conflict"
