"""The paper exchange: a matching engine on loopback that speaks the exchanges' native APIs, for practice and tests."""
