-- Invitations have an id, by which the admin withdraws one: its code is shown only once, and its hash to nobody.
ALTER TABLE service.invitations ADD COLUMN id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid();
