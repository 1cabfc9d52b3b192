-- Mail that comes back.

-- Addresses that get no further mail: a mail to one came back for good, or its reader called it spam.
-- It ends when staff lift it or when the customer gets another address; the row stays as history.
CREATE TABLE suppression (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    customer_id TEXT NOT NULL REFERENCES customer (id),
    email_key TEXT NOT NULL,            -- as in customer
    outbox_id TEXT NOT NULL,            -- the mail that it was about
    reason TEXT NOT NULL CHECK (reason IN ('bounced', 'complained')),
    reply TEXT NOT NULL,                -- what the other side said; no address, no secret
    since BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT                       -- the member of staff; null: the address changed
);
CREATE UNIQUE INDEX suppression_one ON suppression (merchant_id, email_key) WHERE ended_at IS NULL;
CREATE INDEX suppression_list ON suppression (merchant_id, since, id) WHERE ended_at IS NULL;
CREATE INDEX suppression_past ON suppression (merchant_id, email_key, ended_at);

-- To which address a mail went, as a keyed digest: enough to see whether the record still has it when
-- the mail comes back, useless for everything else.
ALTER TABLE outbox ADD COLUMN recipient TEXT;

-- Reports of mail providers that were taken up, until they would be too old anyway: none counts twice.
CREATE TABLE hook_seen (
    digest BLOB PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX hook_seen_expires ON hook_seen (expires_at);
