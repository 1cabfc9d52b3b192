-- One schema for SQLite and PostgreSQL. Columns are TEXT, BIGINT and BLOB (written BYTEA for
-- PostgreSQL by src/db.rs). Times are UTC microseconds. A state is a nullable time. Ids are UUIDv7
-- as text. Every row of a merchant carries merchant_id, so that every query can be scoped by it.

-- The business. Owns stores, one customer file, staff.
CREATE TABLE merchant (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One storefront of a merchant. Everything that differs in look and wording is data, never script.
CREATE TABLE store (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    base_url TEXT NOT NULL UNIQUE,
    access TEXT NOT NULL CHECK (access IN ('public', 'protected')),
    language TEXT NOT NULL,
    accent TEXT NOT NULL,               -- #rrggbb
    prompt TEXT,                        -- wording of "Forgot your password?"; null: the language's own
    sender TEXT NOT NULL,               -- From address of its mails
    link_ttl BIGINT,                    -- seconds; null: link.ttl
    cart_cookie TEXT,                   -- name of the shop's cart cookie, carried by the return ticket
    logo BLOB,
    logo_type TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (merchant_id, id)
);

-- Goes up with every change to a store; running processes reload their copy when it moves.
CREATE TABLE revision (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO revision (name, value) VALUES ('store', 1);

-- A record in the merchant's customer file. No secret stands here: see credential.
CREATE TABLE customer (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    number TEXT NOT NULL,
    email TEXT NOT NULL,                -- confirmed address, as the customer wrote it
    email_key TEXT NOT NULL,            -- the same with ASCII letters folded: what is compared
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    company TEXT NOT NULL,
    phone TEXT NOT NULL,
    -- The folded names and number, and the folded address once more, that staff search by, as
    -- bytes: those sort alike on every database, whatever its collation.
    last_key BLOB NOT NULL,
    first_key BLOB NOT NULL,
    company_key BLOB NOT NULL,
    number_key BLOB NOT NULL,
    email_search BLOB NOT NULL,
    language TEXT,
    home_store_id TEXT NOT NULL REFERENCES store (id),
    created_at BIGINT NOT NULL,
    blocked_at BIGINT,                  -- staff closed the account
    frozen_at BIGINT,                   -- the customer said "this wasn't me"; a recovery link reopens
    hold_until BIGINT,                  -- "this wasn't me" holds back recovery mails until then
    UNIQUE (merchant_id, email_key),
    UNIQUE (merchant_id, number)
);

CREATE INDEX customer_last ON customer (merchant_id, last_key, first_key, id);
CREATE INDEX customer_company ON customer (merchant_id, company_key, id);
CREATE INDEX customer_number ON customer (merchant_id, number_key, id);
CREATE INDEX customer_email ON customer (merchant_id, email_search, id);

-- The password, apart from every table that a page reads. version goes up with each change, and
-- sessions hang on it.
CREATE TABLE credential (
    customer_id TEXT PRIMARY KEY REFERENCES customer (id),
    password_hash TEXT,
    version BIGINT NOT NULL,
    set_at BIGINT
);

-- A logged-in browser at one store. digest is the SHA-256 of the cookie.
CREATE TABLE session (
    digest BLOB PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    merchant_id TEXT NOT NULL,
    store_id TEXT NOT NULL REFERENCES store (id),
    customer_id TEXT NOT NULL REFERENCES customer (id),
    credential_version BIGINT NOT NULL,
    device TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX session_customer ON session (customer_id) WHERE ended_at IS NULL;

-- What the popup submits: a store and a typed address. Exists before anyone knows whether a
-- customer does. address_sealed is deleted once the mail worker has handled it; the return ticket
-- (return_to, cart_sealed, language) stays until the link is dead.
CREATE TABLE recovery (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    store_id TEXT NOT NULL REFERENCES store (id),
    reference TEXT NOT NULL,
    address_sealed BLOB,
    return_to TEXT NOT NULL,
    cart_sealed BLOB,
    language TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    handled_at BIGINT
);
CREATE INDEX recovery_created ON recovery (created_at);

-- A customer who registers, until the address is confirmed. Same rule: sealed, then deleted.
CREATE TABLE registration (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    store_id TEXT NOT NULL REFERENCES store (id),
    reference TEXT NOT NULL,
    address_sealed BLOB,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    password_hash TEXT,
    return_to TEXT NOT NULL,
    language TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    handled_at BIGINT
);
CREATE INDEX registration_created ON registration (created_at);

-- A change of address, pending until the new mailbox confirms it, undoable from the old one.
CREATE TABLE address_change (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    store_id TEXT NOT NULL REFERENCES store (id),
    customer_id TEXT NOT NULL REFERENCES customer (id),
    old_email TEXT NOT NULL,
    new_email TEXT NOT NULL,
    language TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    ended_at BIGINT                     -- replaced, undone or expired
);
CREATE INDEX address_change_customer ON address_change (customer_id);

-- Every mailed link. digest is the SHA-256 of its token; purpose and store are part of the lookup.
CREATE TABLE token (
    digest BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    store_id TEXT NOT NULL REFERENCES store (id),
    customer_id TEXT REFERENCES customer (id),
    email_key TEXT NOT NULL,            -- the address it was mailed to
    subject_id TEXT NOT NULL,           -- the row that it is about, by purpose
    outbox_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    voided_at BIGINT
);
CREATE INDEX token_customer ON token (customer_id, purpose);
CREATE INDEX token_outbox ON token (outbox_id);
CREATE INDEX token_expires ON token (expires_at);

-- Mail to be sent: what kind and about which row, never a secret, never a body.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    store_id TEXT NOT NULL REFERENCES store (id),
    customer_id TEXT REFERENCES customer (id),
    priority BIGINT NOT NULL,           -- 0: a person waits for it; 1: a notice
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease TEXT,
    leased_until BIGINT,
    minted_at BIGINT,                   -- a mail was made for customer_id: what the limits count
    settled_at BIGINT,
    outcome TEXT,                       -- sent, absorbed, nobody, failed, expired
    reply TEXT                          -- the mail server's last answer
);
CREATE INDEX outbox_due ON outbox (priority, due_at) WHERE settled_at IS NULL;
CREATE INDEX outbox_customer ON outbox (customer_id, minted_at) WHERE customer_id IS NOT NULL;
CREATE INDEX outbox_store ON outbox (store_id, minted_at) WHERE minted_at IS NOT NULL;
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;

-- Everything that happened to a customer's access, in order. detail is small JSON without secrets.
CREATE TABLE timeline (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    customer_id TEXT NOT NULL REFERENCES customer (id),
    store_id TEXT,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX timeline_customer ON timeline (customer_id, at);

-- Hits in a window. bucket is a keyed digest: what is counted cannot be read back.
CREATE TABLE counter (
    bucket TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX counter_expires ON counter (expires_at);

-- Captchas already used, until they would have expired anyway.
CREATE TABLE captcha_used (
    digest BLOB PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX captcha_used_expires ON captcha_used (expires_at);

-- A person who works in the back office.
CREATE TABLE staff (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('administrator', 'agent', 'viewer')),
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

-- The staff password, apart like the customers'.
CREATE TABLE staff_credential (
    staff_id TEXT PRIMARY KEY REFERENCES staff (id),
    password_hash TEXT NOT NULL,
    set_at BIGINT NOT NULL
);
