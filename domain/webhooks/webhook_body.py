"""A webhook's body: reading a delivery as keys and texts, in the form in which alerts really arrive.

The values of `BarTime`, `Action` and `IndicateurName` may lack quotes, and numbers may have them. Anything ambiguous
(several objects, a duplicate key, an unresolved placeholder) is refused, never guessed.
"""

from __future__ import annotations

import json
import re
from typing import Any

from domain.refusals import Invalid

# Possessive quantifiers throughout: the bodies come from outside, and reading one must stay linear in its length.
_PAIR = re.compile(
    r"""\s*+"(?P<key>[^"\\]{1,64}+)"\s*+:\s*+"""
    r"""(?:"(?P<text>(?:[^"\\\r\n]|\\.)*+)"|(?P<bare>(?:[^",\r\n{}\[\]]|,(?!\s*+(?:"|\Z)))*+))\s*+"""
    r"""(?P<end>,(?=\s*+")|,?\s*+\Z)""",
    re.DOTALL,
)
_PLAIN_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"'})
_LONGEST_KEY = 64


def read(body: bytes) -> dict[str, str]:
    """Return the keys and values of a delivery, each value as text.

    Raises `Invalid` when it is not one flat object in UTF-8 or holds an unresolved placeholder.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("the body is not UTF-8", code="not_utf8") from None
    if not text.strip():
        raise Invalid("the body is empty", code="body_empty")
    if "\0" in text:
        raise Invalid("the body holds a NUL character", code="not_json")
    if (found := _placeholder(text)) is not None:
        raise Invalid(f"{found[:60]} was not filled in", code="placeholder_unresolved")
    pairs = _json_pairs(text)
    return _pairs(text.strip()) if pairs is None else pairs


def _placeholder(text: str) -> str | None:
    """Return the first `{{…}}` that TradingView did not fill in, None when there is none.

    It makes two searches instead of using a pattern, so that each scans the text once.
    """
    start = text.find("{{")
    end = text.find("}}", start) if start >= 0 else -1
    return text[start : end + 2] if end >= 0 else None


class _Pairs(list[tuple[str, Any]]):
    """The pairs of an object as the JSON reader found them, duplicate keys included."""


def _json_pairs(text: str) -> dict[str, str] | None:
    """Return the pairs of a valid flat JSON object; None for anything else, which is left to the tolerant reader.

    Raises `Invalid` for a duplicate key and for text that cannot be kept.
    """
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, _Pairs) or any(not _is_flat(key, value) for key, value in found):
        return None
    pairs = dict[str, str]()
    for key, value in found:
        if key in pairs:
            raise Invalid(f"{key} stands twice", code="key_twice", field=key)
        pairs[_checked(key)] = _checked(value) if isinstance(value, str) else json.dumps(value)
    return pairs


def _is_flat(key: str, value: object) -> bool:
    return 0 < len(key) <= _LONGEST_KEY and not isinstance(value, list)


def _pairs(text: str) -> dict[str, str]:
    """Return the pairs of a flat object whose values may lack quotes, or whose quotes may be curly.

    Raises `Invalid` for anything else and for a duplicate key.
    """
    if text.count("{") != 1 or not (text.startswith("{") and text.endswith("}")):
        raise Invalid("the body is not one flat JSON object", code="not_one_object")
    inner, position, pairs = text[1:-1].translate(_PLAIN_QUOTES).strip(), 0, dict[str, str]()
    while position < len(inner):
        match = _PAIR.match(inner, position)
        if match is None:
            raise Invalid(f"cannot read from {inner[position : position + 40].strip()!r}", code="not_json")
        key = match["key"]
        if key in pairs:
            raise Invalid(f"{key} stands twice", code="key_twice", field=key)
        pairs[key] = match["bare"] if match["text"] is None else _unescaped(match["text"])
        position = match.end()
    return pairs


def _unescaped(text: str) -> str:
    try:
        return _checked(str(json.loads(f'"{text}"', strict=False)))
    except ValueError:
        raise Invalid(f"cannot read {text[:40]!r}", code="not_json") from None


def _checked(text: str) -> str:
    """Return the text itself. Raises `Invalid` if no table or log could keep it: NUL, half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid(f"cannot read {text[:40]!r}", code="not_json") from None
    if "\0" in text:
        raise Invalid(f"cannot read {text[:40]!r}", code="not_json")
    return text
