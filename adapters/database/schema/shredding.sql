-- When everything that a forgotten person left in the database's files was removed, too.
ALTER TABLE vault.person_keys ADD COLUMN shredded_at timestamptz;

-- The name of a channel is its owner's own word: it is sealed together with the address from here on.
ALTER TABLE vault.channels ALTER COLUMN name DROP NOT NULL;
