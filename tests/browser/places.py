"""The addresses of the console's pages."""

PAGES = (
    "/", "/trade", "/portfolio", "/symbols", "/heartbeat", "/candles", "/webhooks", "/strategies", "/conditions",
    "/orders", "/alerts", "/reconciliations", "/latency", "/account", "/system", "/admin",
)  # fmt: skip
