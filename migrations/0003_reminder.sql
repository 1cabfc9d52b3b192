-- What the envelope sends.

-- A temporary password that was mailed, beside the customer's own: one use, within the hour. Its hash
-- has the salt of the customer's own where there is one, so that a log-in compares with both by one
-- computation. It dies with the credential and the address that it was made for.
CREATE TABLE temporary_password (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    customer_id TEXT NOT NULL REFERENCES customer (id),
    reminder_id TEXT NOT NULL REFERENCES reminder (id),
    outbox_id TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    credential_version BIGINT NOT NULL,
    email_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    voided_at BIGINT
);
CREATE INDEX temporary_password_customer ON temporary_password (customer_id, created_at);
CREATE INDEX temporary_password_expires ON temporary_password (expires_at);

-- The address that the record had when staff clicked: a reminder goes there or nowhere.
ALTER TABLE reminder ADD COLUMN email_key TEXT NOT NULL DEFAULT '';
-- "This wasn't me" on the reminder.
ALTER TABLE reminder ADD COLUMN stopped_at BIGINT;
CREATE INDEX reminder_merchant ON reminder (merchant_id, created_at);
