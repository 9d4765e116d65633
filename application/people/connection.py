"""Connection: testing whether an exchange answers and accepts the keys, and reading the rights of the keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal

from application.ports.errors import ExchangeError, RefusedByExchange
from application.ports.exchange import ExchangeClient
from application.ports.statements import Credentials
from domain.amounts import plain

Tell = Callable[[str], Awaitable[None]]
"""The callback that takes the name of the step that begins: `reaching`, `account` or `rights`."""


@dataclass(frozen=True)
class Verdict:
    """The result of a connection test. `answered` tells a refusal from silence; None means the exchange did not tell.

    Balances are free plus locked, by currency. `milliseconds` is the time that reading the account took.
    """

    ok: bool
    answered: bool
    code: str | None = None
    detail: str | None = None
    balances: dict[str, str] = field(default_factory=dict)
    may_trade: bool | None = None
    may_withdraw: bool | None = None
    address_bound: bool | None = None
    milliseconds: float | None = None


async def try_connection(exchange: ExchangeClient, credentials: Credentials, tell: Tell) -> Verdict:
    """Ask an exchange for its time, the account and the rights of its keys, and return the verdict.

    A failure of the exchange is part of the verdict and is never raised.
    """
    clock = asyncio.get_running_loop().time
    try:
        await tell("reaching")
        await exchange.server_time()
        await tell("account")
        began = clock()
        balances = await exchange.balances(credentials)
        milliseconds = round((clock() - began) * 1000, 1)
        await tell("rights")
        rights = await exchange.rights(credentials)
    except ExchangeError as error:
        answered = isinstance(error, RefusedByExchange)
        return Verdict(False, answered, error.code, str(error))
    held: dict[str, Decimal] = {name: balance.free + balance.locked for name, balance in balances.items()}
    return Verdict(
        ok=rights.may_trade is not False,
        answered=True,
        code="key_may_not_trade" if rights.may_trade is False else None,
        balances={name: plain(amount) for name, amount in sorted(held.items()) if amount},
        may_trade=rights.may_trade,
        may_withdraw=rights.may_withdraw,
        address_bound=rights.address_bound,
        milliseconds=milliseconds,
    )
