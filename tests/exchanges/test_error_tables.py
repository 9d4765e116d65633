"""Every row of an exchange's error table has its kind and its reason, which is said in both languages."""

from __future__ import annotations

import json

import pytest

from adapters.alert_texts import WORDS
from adapters.exchanges.binance.errors import error_of as of_binance
from adapters.exchanges.bitget.errors import error_of as of_bitget
from tests.exchanges.error_tables import ROWS

READ = {"binance": of_binance, "bitget": of_bitget}


@pytest.mark.parametrize(
    ("exchange", "row"), ROWS, ids=[f"{exchange} {row[1]} {row[4][:30]}" for exchange, row in ROWS]
)
def test_a_row_is_read_as_what_it_stands_for(exchange, row):
    """A refusal is never taken for silence, nor silence or a limit for a refusal."""
    status, code, kind, reason, text = row
    body = {"code": int(code) if exchange == "binance" else code, "msg": text}
    error = READ[exchange](status, json.dumps(body).encode())
    assert (type(error), error.code, text in str(error)) == (kind, reason, True)
    assert code in str(error)


@pytest.mark.parametrize("reason", sorted({row[3] for _, row in ROWS}))
@pytest.mark.parametrize("language", WORDS)
def test_its_reason_has_words(language, reason):
    assert WORDS[language]["reasons"][reason]
