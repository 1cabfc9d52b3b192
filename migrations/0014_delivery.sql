-- Email delivery stays fast with a million mails, whatever it is filtered by: what is rare is found
-- without reading through what is not. The merchant is part of the first column, as an expression:
-- among indexes that all begin with it, SQLite takes the one that holds the most columns, and reads
-- through all of it.
CREATE INDEX outbox_domain ON outbox ((merchant_id || ' ' || domain), settled_at, id)
    WHERE settled_at IS NOT NULL;
CREATE INDEX outbox_trouble ON outbox
    ((merchant_id || ' ' || outcome), settled_at, id, kind, store_id, domain)
    WHERE settled_at IS NOT NULL AND outcome NOT IN ('sent', 'absorbed', 'nobody');
CREATE INDEX outbox_rare ON outbox
    ((merchant_id || ' ' || kind), settled_at, id, outcome, store_id, domain)
    WHERE settled_at IS NOT NULL AND kind NOT IN ('recovery', 'password_changed');
-- What is old is found by merchant, too.
DROP INDEX outbox_settled;
