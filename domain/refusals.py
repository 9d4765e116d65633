"""The tree of refusals: an act that is impossible in this state raises one and leaves no trace.

    Refused
    ├── Impossible      the thing is not in a state in which that can be done
    ├── Invalid         what was given is not acceptable in itself (a field, a format, a range)
    ├── NotFound        there is no such thing, or it belongs to somebody else
    ├── Taken           a name, a number or a place is taken already
    └── Conflict        somebody else was faster: load again and ask whether it still has to be done

A *request* that is refused (funds, limits, an exchange's rule) is not one of these: it is a fact and is recorded.
"""


class Refused(Exception):
    """What was asked cannot be done. `code` names the reason for programs, `field` the input that caused it."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.field = field


class Impossible(Refused):
    """The thing is not in a state in which that can be done."""

    code = "impossible"


class Invalid(Refused):
    """What was given is not acceptable in itself."""

    code = "invalid"


class NotFound(Refused):
    """There is no such thing, or it belongs to somebody else: the two are told alike on purpose."""

    code = "not_found"


class Taken(Refused):
    """A name, a number or a place is taken already."""

    code = "taken"


class Conflict(Refused):
    """Another process appended to the same stream first."""

    code = "conflict"
