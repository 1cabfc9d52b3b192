-- Reminders that carry the customer's own password: copies that only the mail process can open.

-- Names this installation, so that a copy or a key of another one is never taken for its own.
CREATE TABLE installation (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
);

-- The key that copies are sealed with: the public half (X25519). tag: HMAC-SHA-256 under the
-- installation's secret, so that whoever can write to the database alone cannot put in a key of
-- their own. The private half is in a file that only the mail process reads.
CREATE TABLE seal_key (
    id TEXT PRIMARY KEY,
    one BIGINT NOT NULL UNIQUE CHECK (one = 1),
    public BLOB NOT NULL,
    tag BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

-- The merchants whose customers' passwords are sealed. Every copy hangs on this row and on its key,
-- and goes with either: a copy cannot be left behind, not even by a log-in at that very moment.
CREATE TABLE sealing (
    merchant_id TEXT PRIMARY KEY REFERENCES merchant (id),
    since BIGINT NOT NULL
);

-- HPKE (RFC 9180): encapped is the encapsulated key, ciphertext has one size for all passwords.
CREATE TABLE sealed_password (
    customer_id TEXT PRIMARY KEY REFERENCES customer (id),
    merchant_id TEXT NOT NULL REFERENCES sealing (merchant_id) ON DELETE CASCADE,
    credential_version BIGINT NOT NULL,
    key_id TEXT NOT NULL REFERENCES seal_key (id) ON DELETE CASCADE,
    encapped BLOB NOT NULL,
    ciphertext BLOB NOT NULL,
    sealed_at BIGINT NOT NULL
);
CREATE INDEX sealed_password_merchant ON sealed_password (merchant_id);
CREATE INDEX sealed_password_key ON sealed_password (key_id);

-- The password was mailed then: at the next log-in the customer is asked to choose a new one.
ALTER TABLE credential ADD COLUMN mailed_at BIGINT;

-- The copy of a registration that is not confirmed yet, sealed for the customer it becomes.
CREATE TABLE sealed_registration (
    registration_id TEXT PRIMARY KEY REFERENCES registration (id) ON DELETE CASCADE,
    merchant_id TEXT NOT NULL REFERENCES sealing (merchant_id) ON DELETE CASCADE,
    key_id TEXT NOT NULL REFERENCES seal_key (id) ON DELETE CASCADE,
    encapped BLOB NOT NULL,
    ciphertext BLOB NOT NULL
);
CREATE INDEX sealed_registration_merchant ON sealed_registration (merchant_id);
CREATE INDEX sealed_registration_key ON sealed_registration (key_id);
