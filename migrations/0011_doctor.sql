-- What looks after mail: the doctor's findings, test mails, the probe.

-- What the doctor found about a merchant's sender domain. A row stands for as long as the same was
-- found; the two newest tell what changed.
CREATE TABLE domain_check (
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    domain TEXT NOT NULL,
    since_at BIGINT NOT NULL,           -- first found
    seen_at BIGINT NOT NULL,            -- last found
    result TEXT NOT NULL,               -- JSON
    PRIMARY KEY (merchant_id, domain, since_at)
);

-- Work that one process of many does: who holds it until when, and when it was last done.
CREATE TABLE chore (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    done_at BIGINT NOT NULL
);

-- A mail that staff sent to see how it arrives. It holds no customer's data and opens nothing.
CREATE TABLE test_mail (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    store_id TEXT NOT NULL REFERENCES store (id),
    staff_id TEXT NOT NULL,
    mark TEXT NOT NULL,                 -- what its link carries
    address_sealed BLOB NOT NULL,
    address_masked TEXT NOT NULL,
    comes_home BIGINT,                  -- since when it is expected at our own listener
    created_at BIGINT NOT NULL,
    made_at BIGINT,                     -- what its Date says
    returned_at BIGINT,
    result TEXT                         -- JSON
);
CREATE INDEX test_mail_merchant ON test_mail (merchant_id, created_at);

-- A store whose recovery is tried out all the time, by a practice customer of its own. One row while
-- it is switched on.
CREATE TABLE probe (
    store_id TEXT PRIMARY KEY REFERENCES store (id),
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    customer_id TEXT NOT NULL REFERENCES customer (id),
    since_at BIGINT NOT NULL,
    asked_at BIGINT,                    -- the run under way, or the last one
    recovery_id TEXT,
    ended_at BIGINT,
    steps TEXT NOT NULL,                -- JSON: what the last run took
    failed_at BIGINT                    -- since when it fails; null: the last one went well
);

-- Since when this is the customer of a probe: seen by nobody, counted nowhere.
ALTER TABLE customer ADD COLUMN probe_at BIGINT;
