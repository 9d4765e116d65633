"""The rows of the exchanges' error tables that an order, a question or a key can meet, and what each stands for.

Sources: developers.binance.com/docs/binance-spot-api-docs/errors and bitget.com/api-doc/spot/error-code/restapi.
"""

from __future__ import annotations

from application.ports.errors import NoAnswer, NotAccepted, OrderNotFound, RefusedByExchange

KINDS = {
    "refused": RefusedByExchange, "not_found": OrderNotFound, "not_carried_out": NotAccepted, "nothing": NoAnswer,
}  # fmt: skip
_BINANCE = """
400  -2010  refused          insufficient_funds     Account has insufficient balance for requested action.
400  -2010  refused          client_order_id_taken  Duplicate order sent.
400  -2010  refused          would_take             Order would immediately match and take.
400  -2010  refused          would_trigger          Order would trigger immediately.
400  -2010  refused          market_closed          Market is closed.
400  -2010  refused          order_type_refused     This order type is not supported for this symbol.
400  -2010  refused          too_many_resting       Filter failure: MAX_NUM_ORDERS
400  -2010  refused          refused_by_exchange    A new sentence.
400  -1013  refused          too_many_resting       Filter failure: MAX_NUM_ALGO_ORDERS
400  -1013  refused          filter_failed          Filter failure: LOT_SIZE
400  -1013  refused          filter_failed          Filter failure: PRICE_FILTER
400  -1013  refused          filter_failed          Filter failure: ICEBERG_PARTS
400  -1013  refused          notional_refused       Filter failure: NOTIONAL
400  -1013  refused          price_too_far          Filter failure: PERCENT_PRICE_BY_SIDE
400  -1013  refused          market_lot_exceeded    Filter failure: MARKET_LOT_SIZE
400  -1111  refused          precision_refused      Parameter 'quantity' has too much precision.
400  -1121  refused          symbol_unknown         Invalid symbol.
400  -1116  refused          order_type_refused     Invalid orderType.
400  -1115  refused          parameter_refused      Invalid timeInForce.
400  -1117  refused          parameter_refused      Invalid side.
400  -1120  refused          parameter_refused      Invalid interval.
400  -1100  refused          parameter_refused      Illegal characters found in parameter 'price'.
400  -1101  refused          parameter_refused      Too many parameters; expected '9' and received '10'.
400  -1102  refused          parameter_refused      Mandatory parameter 'price' was not sent.
400  -1103  refused          parameter_refused      An unknown parameter was sent.
400  -1104  refused          parameter_refused      Not all sent parameters were read.
400  -1105  refused          parameter_refused      Parameter 'price' was empty.
400  -1106  refused          parameter_refused      Parameter 'price' sent when not required.
400  -1114  refused          parameter_refused      TimeInForce parameter sent when not required.
400  -1127  refused          parameter_refused      More than 24 hours between startTime and endTime.
400  -1134  refused          parameter_refused      strategyType was less than 1000000.
400  -1220  refused          parameter_refused      The symbol's status does not match the requested symbolStatus.
400  -2038  refused          amendment_refused      This order cannot be amended.
400  -2039  refused          parameter_refused      Client order ID and order ID do not match.
400  -2026  refused          order_archived         Order was canceled or expired with no executed qty over 90 days ago.
400  -1022  refused          signature_refused      Signature for this request is not valid.
401  -2014  refused          key_refused            API-key format invalid.
401  -2015  refused          key_refused            Invalid API-key, IP, or permissions for action.
401  -1002  refused          key_refused            You are not authorized to execute this request.
400  -9999  refused          refused_by_exchange    A code that nobody knows.
400  -2011  not_found        order_not_found        Unknown order sent.
400  -2013  not_found        order_not_found        Order does not exist.
400  -1021  not_carried_out  clock_skewed           Timestamp for this request is outside of the recvWindow.
429  -1003  not_carried_out  rate_limited           Too much request weight used.
418  -1003  not_carried_out  rate_limited           Way too much request weight used; IP banned until 1.
429  -1015  not_carried_out  too_many_orders        Too many new orders; current limit is 100 orders per TEN_SECONDS.
400  -1007  nothing          no_answer              Timeout waiting for response from backend server.
400  -1006  nothing          no_answer              An unexpected response was received from the message bus.
504  -1007  nothing          no_answer              Timeout waiting for response from backend server.
400  -1000  nothing          no_answer              An unknown error occurred while processing the request.
400  -1001  nothing          no_answer              Internal error; unable to process your request.
408  -9999  nothing          no_answer              Request Timeout
503  -1008  nothing          no_answer              Server is currently overloaded.
400  -1016  nothing          no_answer              This service is no longer available.
"""
_BITGET = """
43012 40754 45002 25202                          refused          insufficient_funds
43118 40786 45034 50060 25212                    refused          client_order_id_taken
40034 40102 42016 25100                          refused          symbol_unknown
40808                                            refused          precision_refused
45110 43027 43010 43006 22034 25207 25208        refused          notional_refused
43008 43009 45035 45115 25244                    refused          price_too_far
43005 43128 25211                                refused          too_many_resting
43115 45043 41114 50027                          refused          market_closed
40019 40020 40017 43011 00171 00172 40305 40304  refused          parameter_refused
40079                                            refused          parameter_refused
40009 40003 40002                                refused          signature_refused
40006 40037 40012 40036 40014 40018 40038        refused          key_refused
40001 40011                                      refused          key_refused
40099                                            refused          environment_refused
40085                                            refused          account_unified
40084                                            refused          account_classic
99999                                            refused          refused_by_exchange
43001 40109 31007 43004 40768 80011 40819 43020  not_found        order_not_found
43025 45057 43033 25204 43026 22001 45031 45055  not_found        order_not_found
50062                                            not_found        order_not_found
40008 40005 40078                                not_carried_out  clock_skewed
429 45129 25004 70228                            not_carried_out  rate_limited
40010 40725 45001 40015 40200 40910 25001 25000  nothing          no_answer
50031 80002 40908 25003 43059 45023 49040 40604  nothing          no_answer
50008 00000                                      nothing          no_answer
"""
Row = tuple[int, str, type[Exception], str, str]


def _rows() -> list[tuple[str, Row]]:
    found: list[tuple[str, Row]] = []
    for line in _BINANCE.strip().splitlines():
        status, code, kind, reason, text = line.split(maxsplit=4)
        found.append(("binance", (int(status), code, KINDS[kind], reason, text)))
    for line in _BITGET.strip().splitlines():
        *codes, kind, reason = line.split()
        found += [("bitget", (400, code, KINDS[kind], reason, "because")) for code in codes]
    return found


ROWS = _rows()
