-- Up to when each account's past has been looked at, and what it held then. It goes with the account's keys.
CREATE TABLE service.sweeps (
    broker   integer PRIMARY KEY REFERENCES vault.credentials ON DELETE CASCADE,
    at       timestamptz NOT NULL,
    balances jsonb NOT NULL
);
