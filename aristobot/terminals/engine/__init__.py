"""The engine terminal: decisions on events, and the judgement of alerts that did not come."""
