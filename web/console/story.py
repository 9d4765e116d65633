"""Stories: the whole history of a webhook, an order or a position, from the log itself."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from domain.refusals import NotFound
from web.context import By, InContext
from web.forms import platform as forms

router = APIRouter(prefix="/api/story", tags=["story"])


@router.get("/{stream}")
def tell(stream: UUID, by: By, context: InContext) -> forms.Story:
    """Return the story of a webhook, an order or a position, oldest event first.

    It tells what arrived, what was decided and why, what was sent, and what the exchange answered.
    """
    chapters = context.records.story(by.user, stream)
    if not chapters:
        raise NotFound("there is no such story")
    return forms.Story(items=[forms.Chapter(**vars(chapter)) for chapter in chapters])
