"""Examples take as long as they take: a deadline would be a timing that a busy machine breaks."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
