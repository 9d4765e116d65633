"""The reading of a delivery's body: in one pass, however long it is, and without guessing."""

from __future__ import annotations

import re._constants as opcodes
import re._parser
from collections.abc import Iterator
from typing import Any

import pytest

from domain.webhooks import webhook_body, webhook_fields
from domain.webhooks.webhook_message import WebhookMessage
from tests.domain.alerts import alert, refusal_of

LONG = 64 * 1024
PAIRS = b"".join(b'"%05x":1,' % number for number in range(LONG // 10))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{" * LONG, "not_one_object", id="braces"),
        pytest.param(b"{{" * (LONG // 2), "not_one_object", id="open placeholders"),
        pytest.param(b"{{" * (LONG // 2) + b"}}", "placeholder_unresolved", id="one placeholder in many"),
        pytest.param(b"{" + b'"a":1,' * (LONG // 6) + b"}", "key_twice", id="one key"),
        pytest.param(b"{" + PAIRS + b"}", "action_unknown", id="pairs"),
        pytest.param(b"{" + PAIRS + b'"a"}', "not_json", id="pairs and a broken one"),
        pytest.param(b"\\" * LONG, "not_one_object", id="backslashes"),
        pytest.param(b"{" + b"\\" * LONG + b"}", "not_json", id="backslashes in an object"),
        pytest.param(b'{"Action":"' + b"\\" * LONG + b'"}', "action_unknown", id="backslashes in a text"),
        pytest.param(b'{"Action":"' + b"\\" * (LONG - 1) + b'"}', "not_json", id="backslashes that open a text"),
        pytest.param(b'{"Action":' + b"\\" * LONG + b"}", "action_unknown", id="bare backslashes"),
        pytest.param(b'{"Action":"' + b"a" * LONG + b"}", "not_json", id="a text without an end"),
        pytest.param(b'{"Action":' + b", " * (LONG // 2) + b"}", "action_unknown", id="bare commas"),
        pytest.param(b'{"Action":1' + b",\n" * (LONG // 2) + b"1}", "not_json", id="commas and lines"),
        pytest.param(b'{"Action":PING' + b" " * LONG + b'"b":1}', "not_json", id="spaces"),
        pytest.param(b'{"' + b"a" * LONG + b'":1}', "not_json", id="a key"),
        pytest.param(b"{" + b'"' * LONG + b"}", "not_json", id="quotes"),
        pytest.param(b'{"a":' + b"[" * LONG + b"}", "not_json", id="brackets"),
        pytest.param(b'{"a":' * (LONG // 5) + b"}", "not_one_object", id="objects in objects"),
        pytest.param(b'{"a":"' + b"{" * LONG + b'"}', "action_unknown", id="braces in a text"),
        pytest.param(b"{" + PAIRS[:-1] + b"}", "action_unknown", id="pairs in valid JSON"),
        pytest.param(b'{"Action":PING,"Prix":' + b"1" * LONG + b"}", "not_a_number", id="digits"),
    ],
)
def test_a_long_body_is_refused_at_once(body, code):
    """The body is 64 KiB of anything. Work that grows with the square of the length would make this test hang."""
    assert refusal_of(body)[0] == code


def repetitions(pattern: Any) -> Iterator[Any]:
    """Yield the kind of each unbounded repetition in a parsed pattern."""
    for kind, said in pattern:
        if kind in {opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT} and said[1] > LONG:
            yield kind
        for part in said if isinstance(said, tuple | list) else [said]:
            for inner in part if isinstance(part, list) else [part]:
                if isinstance(inner, re._parser.SubPattern):
                    yield from repetitions(inner)


def test_no_pattern_goes_back_over_what_it_read():
    """Every unbounded repetition is possessive, so that a body is scanned once."""
    patterns = [
        value
        for module in (webhook_body, webhook_fields)
        for value in vars(module).values()
        if isinstance(value, re.Pattern)
    ]
    kinds = [kind for each in patterns for kind in repetitions(re._parser.parse(each.pattern, each.flags))]
    assert set(kinds) == {opcodes.POSSESSIVE_REPEAT}


@pytest.mark.parametrize("key", ["Symbol", "IndicateurName", "Comment", "Prix"])
@pytest.mark.parametrize("text", [r"\ud800", r"a\udfffb", r"\udc00\ud800", r"\u0000", r"EMA\u0000", "\0", "EMA\0"])
def test_what_is_no_text_is_refused(key, text):
    """Half a surrogate pair and NUL, escaped or raw, are refused: neither a table nor the log could store them."""
    assert refusal_of(alert(**{key: f'"{text}"'})) == ("not_json", None)
    if "\0" in text:
        assert refusal_of(alert(**{key: text})) == ("not_json", None)


def test_escaped_characters_are_read():
    """A whole surrogate pair is one character, and the usual escapes mean what they do in JSON."""
    message = WebhookMessage.parse(alert(IndicateurName=r'"\ud83d\ude00 \u00e9 \"x\" a\/b"'))
    assert message.indicator == '\U0001f600 é "x" a/b'
