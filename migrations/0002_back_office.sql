-- The back office: staff who log in, what they did, and the reminder that they send.

-- The second factor (TOTP, RFC 6238). The key is sealed; a step is used once.
ALTER TABLE staff ADD COLUMN totp_sealed BLOB;
ALTER TABLE staff ADD COLUMN totp_confirmed_at BIGINT;
ALTER TABLE staff ADD COLUMN totp_step BIGINT;
CREATE INDEX staff_merchant ON staff (merchant_id);

-- One-time codes that stand in for a lost second factor, as SHA-256 digests.
CREATE TABLE staff_recovery_code (
    digest BLOB PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX staff_recovery_code_staff ON staff_recovery_code (staff_id);

-- A member of staff logged in with a browser. factor_at: when the second factor was given; null: it
-- has not been, and what needs it is refused.
CREATE TABLE staff_session (
    digest BLOB PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    device TEXT NOT NULL,
    factor_at BIGINT,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX staff_session_staff ON staff_session (staff_id) WHERE ended_at IS NULL;

-- Links for staff: enrolment (purpose enrol) and a forgotten password (purpose reset).
CREATE TABLE staff_token (
    digest BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    email_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    voided_at BIGINT
);
CREATE INDEX staff_token_staff ON staff_token (staff_id, purpose);

-- A member of staff forgot the password: the typed address, sealed until the mail worker has found
-- out whose it is. staff_id: who was mailed, which is what the limits count.
CREATE TABLE staff_recovery (
    id TEXT PRIMARY KEY,
    address_sealed BLOB,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    handled_at BIGINT,
    staff_id TEXT REFERENCES staff (id)
);
CREATE INDEX staff_recovery_waiting ON staff_recovery (created_at) WHERE handled_at IS NULL;
CREATE INDEX staff_recovery_staff ON staff_recovery (staff_id, handled_at) WHERE staff_id IS NOT NULL;

-- Who did what, in a chain per merchant: hash covers the entry and the hash before it. Appended in
-- the transaction of the act, never changed.
CREATE TABLE activity (
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    staff_id TEXT,
    actor TEXT NOT NULL,                -- name and role then, or "operator", "Doorkey"
    action TEXT NOT NULL,
    customer_id TEXT,
    store_id TEXT,
    source TEXT NOT NULL,               -- network address; empty where there is none
    alert BIGINT NOT NULL,              -- 1: stands on top until an administrator has read it
    detail TEXT NOT NULL,               -- small JSON without secrets and addresses
    hash BLOB NOT NULL,
    PRIMARY KEY (merchant_id, seq)
);
CREATE INDEX activity_at ON activity (merchant_id, at, seq);
CREATE INDEX activity_customer ON activity (merchant_id, customer_id, at, seq) WHERE customer_id IS NOT NULL;
CREATE INDEX activity_staff ON activity (merchant_id, staff_id, at, seq) WHERE staff_id IS NOT NULL;
CREATE INDEX activity_nobody ON activity (merchant_id, at, seq) WHERE staff_id IS NULL;
CREATE INDEX activity_action ON activity (merchant_id, action, at, seq);
CREATE INDEX activity_alert ON activity (merchant_id, seq) WHERE alert <> 0;

-- The end of each chain: taken and put back with every entry, so that entries queue up and a cut
-- tail is seen. seal is keyed and covers the other columns: nobody but the program can put the end
-- back. read_seq: alerts up to here have been read.
CREATE TABLE activity_head (
    merchant_id TEXT PRIMARY KEY REFERENCES merchant (id),
    seq BIGINT NOT NULL,
    hash BLOB NOT NULL,
    seal BLOB NOT NULL,
    read_seq BIGINT NOT NULL
);

-- What the envelope sends: temporary, link or current.
ALTER TABLE merchant ADD COLUMN reminder_mode TEXT NOT NULL DEFAULT 'temporary';
ALTER TABLE merchant ADD COLUMN current_consent_at BIGINT;
ALTER TABLE merchant ADD COLUMN current_consent_by TEXT;
ALTER TABLE merchant ADD COLUMN factor_required BIGINT NOT NULL DEFAULT 0;

-- A click on the envelope. mode is what was asked for, sent_mode what the mail carried.
CREATE TABLE reminder (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    customer_id TEXT NOT NULL REFERENCES customer (id),
    store_id TEXT NOT NULL REFERENCES store (id),
    staff_id TEXT NOT NULL REFERENCES staff (id),
    mode TEXT NOT NULL CHECK (mode IN ('temporary', 'link', 'current')),
    sent_mode TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX reminder_customer ON reminder (customer_id, created_at);
CREATE INDEX reminder_staff ON reminder (staff_id, created_at);

-- Who of the staff asked for a change of address; null: the customer did.
ALTER TABLE address_change ADD COLUMN staff_id TEXT;

-- No reminder until then: staff changed the address.
ALTER TABLE customer ADD COLUMN reminder_hold_until BIGINT;

-- Pages that stay open ask for what is new in any timeline.
CREATE INDEX timeline_at ON timeline (at);
