-- Settings that staff change: what a store says, to whom and in whose name.

-- The languages that a store speaks, as en,de; null: all.
ALTER TABLE store ADD COLUMN languages TEXT;

-- The name beside the sender's address; null: the store's.
ALTER TABLE store ADD COLUMN sender_name TEXT;

-- Fewest characters of a new password; null: eight.
ALTER TABLE store ADD COLUMN password_min BIGINT;

-- Changes with the logo, so that browsers may keep it for good.
ALTER TABLE store ADD COLUMN logo_version TEXT;
UPDATE store SET logo_version = '1' WHERE logo IS NOT NULL;

-- A store's own text of a mail in a language. Without a row the usual text goes out.
CREATE TABLE mail_wording (
    store_id TEXT NOT NULL REFERENCES store (id),
    kind TEXT NOT NULL,
    language TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (store_id, kind, language)
);
