"""The editor over the API: strategies, the versions of their code, and drafts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from application.strategies import editor
from domain.candles.anchor import HISTORY
from domain.refusals import Impossible, NotFound
from domain.strategies.strategy import TEMPLATE, Strategy
from projections.strategies import all_strategies, code_of, versions_of
from web.context import By, InContext, books
from web.forms import strategies as forms
from web.live.topics import Topic, as_they_are
from web.strategies.checks import at_once, checked, form_of

router = APIRouter(prefix="/api/strategies", tags=["strategies"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("")
def list_strategies(by: By, context: InContext) -> forms.Strategies:
    """List the user's strategies, those changed last first."""
    with books(context, by.user) as cursor:
        kept = [row for row in all_strategies(cursor) if not row["deleted"]]
    return forms.Strategies(items=[forms.Strategy(**row) for row in kept])


@router.post("", status_code=201)
def create(given: forms.NewStrategy, by: By, context: InContext) -> forms.StrategyCreated:
    """Create a strategy, whose editor begins with the template."""
    made = editor.create_strategy(context.records.store, by.user, given.name, given.description, given.timeframe)
    return forms.StrategyCreated(number=made.number)


@router.get("/{number}")
def open_strategy(number: Number, by: By, context: InContext) -> forms.OpenStrategy:
    """Open a strategy: its newest code, and what was written since and not saved."""
    strategy = editor.strategy_of(context.records.store, by.user, number)
    newest, draft = strategy.newest, context.records.drafts.find(by.user, number)
    return forms.OpenStrategy(
        **{name: getattr(strategy, name) for name in ("number", "name", "description", "timeframe")},
        version=len(strategy.versions),
        history=HISTORY if newest is None else newest.history,
        valid=None if newest is None else newest.valid,
        code=strategy.code or TEMPLATE,
        draft=None if draft is None else forms.KeptStrategyDraft(**vars(draft)),
    )


@router.patch("/{number}", status_code=204)
def change(number: Number, given: forms.StrategyChange, by: By, context: InContext) -> None:
    """Change a strategy's name, description or timeframe. Omitted fields stay as they are."""
    editor.change_strategy(context.records.store, by.user, number, **given.model_dump())


@router.delete("/{number}", status_code=204)
def delete(number: Number, by: By, context: InContext) -> None:
    """Delete a strategy and its draft. Its versions stay in the log, where only its author's key opens them."""
    editor.delete_strategy(context.records.store, by.user, number)
    context.records.drafts.drop(by.user, number)


@router.put("/{number}/draft")
def keep_draft(number: Number, given: forms.WrittenDraft, by: By, context: InContext) -> forms.DraftKept:
    """Keep what was written and not saved yet. It is refused when another window has written something else since."""
    editor.check_owner(context.records.store, by.user, number)
    saved_at = context.records.drafts.keep(by.user, number, given.code, given.based_on, given.history, given.seen)
    if saved_at is None:
        raise Impossible("another draft was written since", code="draft_changed", field="seen")
    return forms.DraftKept(saved_at=saved_at)


@router.delete("/{number}/draft", status_code=204)
def drop_draft(number: Number, by: By, context: InContext) -> None:
    """Throw the draft of a strategy away."""
    editor.check_owner(context.records.store, by.user, number)
    context.records.drafts.drop(by.user, number)


@router.get("/{number}/versions")
def list_versions(number: Number, by: By, context: InContext) -> forms.StrategyVersions:
    """List the versions of a strategy, newest first."""
    editor.check_owner(context.records.store, by.user, number)
    with books(context, by.user) as cursor:
        found = versions_of(cursor, Strategy.create_id(number))
    return forms.StrategyVersions(items=[forms.StrategyVersion(**row) for row in found])


@router.get("/{number}/versions/{version}")
def show_version(number: Number, version: Number, by: By, context: InContext) -> forms.VersionCode:
    """Return the code of one version, to compare it or to begin with it again."""
    editor.check_owner(context.records.store, by.user, number)
    with books(context, by.user) as cursor:
        row = code_of(cursor, Strategy.create_id(number), version)
    if row is None:
        raise NotFound(f"there is no version {version}")
    return forms.VersionCode(**{name: row[name] for name in forms.VersionCode.model_fields})


@router.post("/{number}/versions", status_code=201)
def save(number: Number, given: forms.NewVersion, by: By, context: InContext) -> forms.SavedVersion:
    """Check code and save it as a new version. Its draft is thrown away once it is saved.

    Code with a fault is refused, and stays a draft.
    """
    strategy = editor.strategy_of(context.records.store, by.user, number)
    with at_once.one_of(by.user):
        found = checked(context, given.code, strategy.timeframe, given.history, given)
    version = editor.save_code(context.records.store, by.user, number, given.code, given.history, given.based_on, found)
    context.records.drafts.drop(by.user, number, given.code)
    return forms.SavedVersion(version=version.number, check=form_of(found))


@router.post("/{number}/versions/{version}/check")
def check_version(number: Number, version: Number, by: By, context: InContext) -> forms.CodeCheck:
    """Check a saved version again, and record the outcome: what was valid once need not be valid for ever."""
    strategy = editor.strategy_of(context.records.store, by.user, number)
    kept = show_version(number, version, by, context)
    with at_once.one_of(by.user):
        found = checked(context, kept.code, strategy.timeframe, kept.history, forms.Place())
    editor.judge_version(context.records.store, by.user, number, version, found)
    return form_of(found)


TOPIC = Topic("strategies", all_strategies, as_they_are(forms.Strategy), key="number")
