-- Keys that sign mail (DKIM, RFC 6376; Ed25519: RFC 8463), for each merchant and sender domain. They
-- come in pairs, one of each algorithm under one name. A pair is made, its records are published, it
-- signs, another takes its place, and a week later it goes. The name of a record is the domain's and
-- not the merchant's: two merchants who send from one domain have records side by side.

CREATE TABLE dkim_key (
    id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    domain TEXT NOT NULL,               -- of a sender's address, folded
    pair TEXT NOT NULL,                 -- what the two selectors begin with
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('rsa-sha256', 'ed25519-sha256')),
    private_sealed BLOB,                -- PKCS #8, sealed; null: retired, nobody can sign with it
    public_key TEXT NOT NULL,           -- as it stands in the record behind p=
    created_at BIGINT NOT NULL,
    active_at BIGINT,                   -- signs since then; null: its record is to be published
    retired_at BIGINT,                  -- signs no more since then
    UNIQUE (domain, selector)
);

-- One pair signs, one at most waits to take its place.
CREATE UNIQUE INDEX dkim_key_signing ON dkim_key (merchant_id, domain, algorithm)
    WHERE active_at IS NOT NULL AND retired_at IS NULL;
CREATE UNIQUE INDEX dkim_key_waiting ON dkim_key (merchant_id, domain, algorithm)
    WHERE active_at IS NULL AND retired_at IS NULL;

-- Goes up with every change to what signs, as it does for stores.
INSERT INTO revision (name, value) VALUES ('dkim', 1);
