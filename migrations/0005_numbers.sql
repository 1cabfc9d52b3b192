-- How often what happened at which store on which day (UTC): what the page of numbers adds up. The
-- mail worker counts it off the timeline a few minutes later, so that no act pays for it; what is
-- younger than daily_upto is counted off the timeline itself when somebody looks.
CREATE TABLE daily_count (
    merchant_id TEXT NOT NULL,
    day BIGINT NOT NULL,                -- days since 1970-01-01
    store_id TEXT NOT NULL,             -- empty where no store is known
    what TEXT NOT NULL,
    hits BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, day, store_id, what)
);

-- Entries before this moment are counted. One row.
CREATE TABLE daily_upto (
    upto BIGINT NOT NULL
);
INSERT INTO daily_upto (upto) VALUES (0);

-- Email delivery: a merchant's latest mails.
CREATE INDEX outbox_merchant ON outbox (merchant_id, settled_at) WHERE settled_at IS NOT NULL;
