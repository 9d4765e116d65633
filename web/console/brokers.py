"""Brokers: testing, connecting, changing and removing accounts on exchanges."""

from __future__ import annotations

import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from application.people import brokers
from application.people.users import brokers_with_open_orders
from application.ports.requests import Action, Answer, GatewayAway, Request
from application.ports.statements import Credentials
from application.trading import halts
from domain.people.broker import Exchange, Limits, StopStyle, Usage, Venue
from domain.refusals import Invalid
from domain.webhooks.gates import Gates
from projections.brokers import all_brokers, brokers_in_use
from web.context import AskedAt, By, Context, InContext, books
from web.forms import brokers as forms
from web.forms import values
from web.live.topics import Topic

router = APIRouter(prefix="/api", tags=["brokers"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
C = TypeVar("C", bound=StrEnum)
REQUESTER = "Mon Compte"


def broker_rows(context: Context, cursor: Any, rows: list[dict[str, Any]]) -> list[forms.Broker]:
    """Return brokers with the number of their pairs, and the progress of loading them at this moment."""
    cursor.execute("SELECT exchange, venue, count(*) AS pairs FROM service.markets GROUP BY exchange, venue")
    pairs = {(row["exchange"], row["venue"]): row["pairs"] for row in cursor.fetchall()}
    return [_form(context, row, pairs.get((row["exchange"], row["venue"]), 0)) for row in rows]


def _form(context: Context, row: dict[str, Any], pairs: int) -> forms.Broker:
    loading = context.platform.loading(row["exchange"], row["venue"])
    limits = forms.Limits(
        currency=row["limit_currency"], per_order=row["limit_per_order"], per_day=row["limit_per_day"]
    )
    under_way = None if loading is None else forms.Loading(done=loading[0], total=loading[1])
    return forms.Broker(**row, limits=limits, pairs=pairs, loading=under_way)


@router.get("/exchanges")
def list_exchanges(_: By, context: InContext) -> forms.Exchanges:
    """List the exchanges that the gateway supports, with the fields of their keys and their capabilities.

    The venue `live` is listed only when the environment allows live trading.
    """
    return forms.Exchanges(
        items=[
            forms.Exchange(
                name=entry.name, label=entry.label, fields=[*entry.fields],
                venues=[venue for venue in entry.venues if venue is not Venue.LIVE or context.platform.live_allowed],
                order_types=[*entry.order_types], times_in_force=[*entry.times_in_force], requests=entry.requests,
                **vars(entry.capabilities),
            )
            for entry in context.platform.exchanges
        ]
    )  # fmt: skip


@router.get("/brokers")
def list_brokers(by: By, context: InContext) -> forms.Brokers:
    """List the user's brokers, the default one first. Removed ones are left out."""
    with books(context, by.user) as cursor:
        return forms.Brokers(items=broker_rows(context, cursor, brokers_in_use(cursor)))


@router.put("/brokers/{number}/gates", status_code=204)
def set_gates(number: Number, gates: values.Gates, by: By, context: InContext) -> None:
    """Choose the gates with which new streams of webhooks begin at a broker. Streams that exist keep theirs."""
    brokers.set_gates(context.records.store, by.user, number, Gates(**gates.model_dump()))


# --- trying ------------------------------------------------------------------------------------------------------


def _chosen(kind: type[C], said: str, field: str) -> C:
    try:
        return kind(said)
    except ValueError:
        raise Invalid(f"{field} is one of {[*map(str, kind)]}", code=f"{field}_unknown", field=field) from None


def _keys(context: Context, exchange: Exchange, given: forms.Keys) -> Credentials:
    """Return the keys with the fields that the exchange needs.

    Raises `Invalid`, naming the field, when one is missing or malformed. A passphrase may be of several words.
    """
    entry = context.platform.entry_of(exchange)
    said = {"key": given.key.strip(), "secret": given.secret.strip(), "passphrase": (given.passphrase or "").strip()}
    for field in entry.fields:
        if not said[field]:
            raise Invalid(f"{entry.label} needs a {field}", code=f"{field}_missing", field=field)
        word = said[field].replace(" ", "") if field == "passphrase" else said[field]
        if not word.isascii() or not word.isprintable() or " " in word:
            raise Invalid(f"this is no {field}", code="key_malformed", field=field)
    return Credentials(said["key"], said["secret"], said["passphrase"] or None)


def _venue(context: Context, said: str) -> Venue:
    venue = _chosen(Venue, said, "venue")
    if venue is Venue.LIVE and not context.platform.live_allowed:
        raise Invalid("live trading needs ARISTOBOT_LIVE=true", code="live_not_allowed", field="venue")
    return venue


def _ask(context: Context, user: int, params: dict[str, Any]) -> Iterator[Answer]:
    return context.platform.gateway.ask(Request(user, Action.TEST_CONNECTION, params, REQUESTER, time.time()))


def _trial(context: Context, given: forms.Trial) -> dict[str, Any]:
    exchange = _chosen(Exchange, given.exchange, "exchange")
    sealed = context.people.vault.seal(_keys(context, exchange, given.keys))
    return {"exchange": exchange, "venue": _venue(context, given.venue), "sealed": sealed}


def _told(answers: Iterator[Answer]) -> Iterator[forms.Step]:
    """Yield the steps as they begin, and then the verdict, also when the gateway is away."""
    try:
        for answer in answers:
            if answer.progress is not None:
                yield forms.Step(step=answer.progress)
            else:
                yield forms.Step(verdict=_verdict(answer))
    except GatewayAway as away:
        yield forms.Step(verdict=forms.Verdict(ok=False, code=away.code, detail=str(away)))


def _verdict(answer: Answer) -> forms.Verdict:
    if answer.data is None:
        return forms.Verdict(ok=False, code=answer.code, detail=answer.error)
    return forms.Verdict(**{name: value for name, value in answer.data.items() if name != "answered"})


class Lines(StreamingResponse):
    """One JSON object per line."""

    media_type = "application/x-ndjson"


LINES: dict[int | str, dict[str, Any]] = {
    200: {"model": forms.Step, "description": "One JSON object per line, the last one with the verdict."}
}


def _lines(steps: Iterator[forms.Step]) -> Lines:
    return Lines(step.model_dump_json() + "\n" for step in steps)


@router.post("/brokers/test", response_class=Lines, responses=LINES)
def try_keys(given: forms.Trial, by: By, context: InContext) -> Lines:
    """Test keys before they are kept, by a real call to the exchange through the gateway.

    The response is one JSON object per line: each step as it begins, and the verdict last. Nothing is recorded.
    """
    return _lines(_told(_ask(context, by.user, _trial(context, given))))


@router.post("/brokers/{number}/test", response_class=Lines, responses=LINES)
def try_broker(number: Number, by: By, context: InContext) -> Lines:
    """Test a broker with its stored keys, and record the outcome.

    The response is one JSON object per line: each step as it begins, and the verdict last.
    """
    brokers.broker_of(context.records.store, by.user, number)

    def steps() -> Iterator[forms.Step]:
        for step in _told(_ask(context, by.user, {"broker_id": number})):
            if step.verdict is not None:
                detail = step.verdict.code or ""
                brokers.record_test(context.records.store, by.user, number, ok=step.verdict.ok, detail=detail)
            yield step

    return _lines(steps())


def _tried(context: Context, user: int, params: dict[str, Any], *, insist: bool) -> str:
    """Test keys that are to be kept. Return the code of the fault that leaves them unproven, empty for no fault.

    `insist` accepts keys that may withdraw, and keys about which the exchange gave no answer; without it, both raise
    `Invalid`. Keys that the exchange refuses always raise `Invalid`.
    """
    try:
        *_, answer = _ask(context, user, params)
    except GatewayAway as away:
        if not insist:
            raise Invalid(str(away), code=away.code, field="insist") from away
        return away.code
    told = answer.data or {}
    code = told.get("code") or answer.code
    if not told.get("ok"):
        if told.get("answered", False) or not insist:
            detail = str(told.get("detail") or answer.error or "")
            raise Invalid(detail, code=code or "no_answer", field="key" if told.get("answered") else "insist")
        return code or "no_answer"
    if told["may_withdraw"] and not insist:
        raise Invalid("this key may withdraw: make one that may only trade", code="key_may_withdraw", field="insist")
    return ""


# --- connecting and changing -------------------------------------------------------------------------------------


@router.post("/brokers", status_code=201)
def connect(given: forms.NewBroker, by: By, context: InContext) -> forms.Connected:
    """Connect an account on an exchange once its keys are proven.

    Its pairs are then loaded in the background. `insist` accepts keys that may withdraw, or about which the exchange
    gives no answer; keys that the exchange refuses are never accepted.
    """
    exchange, venue = _chosen(Exchange, given.exchange, "exchange"), _venue(context, given.venue)
    keys = _keys(context, exchange, given.keys)
    brokers.check_name(context.records.store, by.user, given.name)
    fault = _tried(context, by.user, _trial(context, given), insist=given.insist)
    broker = brokers.connect_broker(
        context.records.store, context.people.vault, by.user, exchange, venue, given.name, keys
    )
    brokers.record_test(context.records.store, by.user, broker.number, ok=not fault, detail=fault)
    return forms.Connected(number=broker.number)


@router.put("/brokers/{number}/credentials", status_code=204)
def change_keys(number: Number, given: forms.NewKeys, by: By, context: InContext) -> None:
    """Replace a broker's keys once the new ones are proven. Its history stays.

    While orders are open this needs `insist`, because the new keys must belong to the same account.
    """
    broker = brokers.broker_of(context.records.store, by.user, number)
    keys = _keys(context, broker.exchange, given.keys)
    if not given.insist and number in brokers_with_open_orders(context.records.store):
        raise Invalid(
            "orders are open: these keys have to be of the same account", code="keys_with_open_orders", field="insist"
        )
    sealed = {"exchange": broker.exchange, "venue": broker.venue, "sealed": context.people.vault.seal(keys)}
    fault = _tried(context, by.user, sealed, insist=given.insist)
    brokers.change_credentials(context.records.store, context.people.vault, by.user, number, keys)
    brokers.record_test(context.records.store, by.user, number, ok=not fault, detail=fault)


@router.put("/brokers/{number}", status_code=204)
def change(number: Number, given: forms.Change, by: By, context: InContext) -> None:
    """Change a broker's name, usage, limits, stop style or oldest accepted bar. Omitted fields stay as they are."""
    limits = given.limits
    brokers.change_broker(
        context.records.store,
        by.user,
        number,
        name=given.name,
        usage=None if given.usage is None else _chosen(Usage, given.usage, "usage"),
        limits=None if limits is None else Limits(limits.currency.strip().upper(), limits.per_order, limits.per_day),
        stop_style=None if given.stop_style is None else _chosen(StopStyle, given.stop_style, "stop_style"),
        oldest_bar=given.oldest_bar,
    )


@router.put("/brokers/{number}/default", status_code=204)
def make_default(number: Number, by: By, context: InContext) -> None:
    """Make this broker the user's default, which the console proposes first."""
    brokers.make_default(context.records.store, by.user, number)


@router.post("/brokers/{number}/markets", status_code=202)
def load_markets(number: Number, by: By, context: InContext) -> forms.Pairs:
    """Load a broker's pairs anew and return their number. The live socket shows the progress."""
    brokers.broker_of(context.records.store, by.user, number)
    asked = Request(by.user, Action.LOAD_MARKETS, {"broker_id": number}, REQUESTER, time.time())
    answers = [answer for answer in context.platform.gateway.ask(asked) if answer.success is not None]
    if answers[-1].data is None:
        raise GatewayAway(answers[-1].error or "", code=answers[-1].code)
    return forms.Pairs(count=answers[-1].data["count"], shared=answers[-1].data["shared"])


@router.delete("/brokers/{number}", status_code=204)
def remove(number: Number, by: By, context: InContext) -> None:
    """Remove a broker: its keys are destroyed, its history stays.

    This is refused while the broker has orders that have not ended.
    """
    brokers.remove_broker(context.records.store, context.people.vault, by.user, number)


@router.post("/brokers/{number}/stop", status_code=204)
def stop(number: Number, by: By, context: InContext) -> None:
    """Halt automatic trading on this broker until it is resumed."""
    halts.halt(context.records.store, by.user, number)


@router.post("/brokers/{number}/resume", status_code=204)
def resume(number: Number, asked_at: AskedAt, by: By, context: InContext) -> None:
    """Resume automatic trading on this broker.

    It stays halted while automatic trading is halted for all of the user's brokers.
    """
    halts.resume(context.records.store, by.user, number, asked_at=asked_at)


TOPIC = Topic("brokers", all_brokers, broker_rows, key="number")
