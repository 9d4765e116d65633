-- The last full look at each account: when it began, and what the account held. Deleted with the account's keys.
CREATE TABLE service.sweeps (
    broker   integer PRIMARY KEY REFERENCES vault.credentials ON DELETE CASCADE,
    at       timestamptz NOT NULL,
    balances jsonb NOT NULL
);
