"""The requests for a protection: the one that counts, those it has overtaken, and what was settled before them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from domain.orders.wish import Protection
from domain.protection.cover import NOTHING, Cover


@dataclass(frozen=True)
class Asked:
    """A request for a protection that a later one overtook before it was answered."""

    request: UUID
    protection: Protection | None
    """The protection it asked for; None once a buy has brought its own prices, so that it cannot be wanted again."""
    cover: Cover


@dataclass(frozen=True)
class Requests:
    """The wanted protection, and what is wanted again when the request that changed it is refused."""

    wanted: Protection | None = None
    cover: Cover = NOTHING
    settled: Protection | None = None
    """The protection that was wanted when no request was pending."""
    settled_cover: Cover = NOTHING
    """The cover of `settled`, adjusted for the buys and sales since."""
    newest: UUID | None = None
    """The request that counts: a webhook or a form. None while only a buy has brought a protection."""
    answered: UUID | None = None
    overtaken: tuple[Asked, ...] = ()
    """The unanswered requests that the newest has overtaken, oldest first."""

    @property
    def is_pending(self) -> bool:
        """True while the newest request has not been answered."""
        return self.newest != self.answered

    @property
    def former(self) -> tuple[Protection | None, Cover, UUID | None]:
        """The protection that is wanted again when the newest request is refused, its cover, and its own request.

        It is the one that the newest has overtaken, and its request awaits its answer again; or else the settled one,
        whose request is None.
        """
        last = self.overtaken[-1] if self.overtaken else None
        if last is None or last.protection is None:
            return self.settled, self.settled_cover, None
        return last.protection, last.cover, last.request

    @property
    def others(self) -> list[UUID] | None:
        """The overtaken requests, answered together with the one that overtook them; None when there are none."""
        return [one.request for one in self.overtaken] or None

    def knows(self, request: UUID) -> bool:
        """Return True when this request is the newest one, or one that it has overtaken."""
        return request in {self.newest, *(one.request for one in self.overtaken)}

    def asked(self, protection: Protection, cover: Cover, request: UUID | None, settled: Protection | None) -> Requests:
        """Return the requests after a new one, or after a buy that brings a protection: `request` is then None.

        What an entry brings stays even when the move that is pending now is refused: `settled` is then its protection.
        """
        now = self
        if not self.is_pending:
            now = replace(self, settled=self.wanted, settled_cover=self.cover)
        elif request is not None and self.newest is not None:
            now = replace(self, overtaken=(*self.overtaken, Asked(self.newest, self.wanted, self.cover)))
        if settled is not None:
            gone = tuple(replace(one, protection=None) for one in now.overtaken)
            now = replace(now, settled=settled, settled_cover=cover, overtaken=gone)
        return replace(now, wanted=protection, cover=cover, newest=self.newest if request is None else request)

    def grown(self, received: Decimal) -> Requests:
        """Return the requests after a buy of `received` (base): each cover extends by its share of it."""
        return replace(
            self,
            cover=self.cover.grown(received),
            settled_cover=self.settled_cover.grown(received),
            overtaken=tuple(replace(one, cover=one.cover.grown(received)) for one in self.overtaken),
        )

    def reduced(self, cover: Cover, settled_cover: Cover, held: Decimal, left: Decimal) -> Requests:
        """Return the requests after a sale that left `left` of what was held (base), with these covers."""
        return replace(
            self,
            cover=cover,
            wanted=cover.left_of(self.wanted),
            settled_cover=settled_cover,
            settled=settled_cover.left_of(self.settled),
            overtaken=tuple(replace(one, cover=one.cover.sold(held, left)) for one in self.overtaken),
        )

    def answered_by(self, request: UUID | None) -> Requests:
        """Return the requests once `request` was answered, and with it those it has overtaken."""
        return replace(self, answered=request, overtaken=())

    def refused(self, request: UUID | None, kept: Protection | None, cover: Cover, again: UUID | None) -> Requests:
        """Return the requests once `request` was refused and `kept` is wanted again.

        `again` is the overtaken request that asked for it: it waits for its own answer once more.
        """
        now = replace(self, wanted=kept, cover=cover, answered=request)
        if again is None:
            return replace(now, overtaken=())
        return replace(now, newest=again, overtaken=self.overtaken[:-1])
