-- The queue: fair between stores, patient with domains that do not take mail, and watched.
--
-- A mail is queued (never tried), leased (leased_until is ahead), deferred (reply says what kept it
-- from leaving), or it has ended. outcome says how: sent, failed, bounced, expired, suppressed,
-- cancelled, absorbed, nobody (src/mail/outbox/state.rs says what may follow what).

-- The receiving domain, known once the mail was made; the domain alone is no address.
ALTER TABLE outbox ADD COLUMN domain TEXT;
-- Staff had it sent again, as this mail.
ALTER TABLE outbox ADD COLUMN retried_as TEXT;

-- Each store is a lane of its own: a claim takes from the head of each.
DROP INDEX outbox_due;
CREATE INDEX outbox_lane ON outbox (priority, store_id, due_at) WHERE settled_at IS NULL;
-- Given up even while nothing can be sent.
CREATE INDEX outbox_expires ON outbox (expires_at) WHERE settled_at IS NULL;

-- Email delivery: what waits, and what has ended, newest first. The second carries all that its
-- filters and charts ask for, so that a million ended mails are read without touching them.
CREATE INDEX outbox_waiting ON outbox (merchant_id, due_at, id) WHERE settled_at IS NULL;
DROP INDEX outbox_merchant;
CREATE INDEX outbox_merchant ON outbox
    (merchant_id, settled_at, id, outcome, kind, store_id, domain, created_at)
    WHERE settled_at IS NOT NULL;

-- A receiving domain that keeps deferring. Until paused_until its mails are put back without a
-- connection; then one of them is the trial (under way until trial_until), and a domain that takes
-- it has no row any more. last_mail: the mail that failed last, for one mail alone pauses nothing.
CREATE TABLE mail_domain (
    domain TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_mail TEXT NOT NULL,
    failed_at BIGINT NOT NULL,
    paused_until BIGINT,
    trial_until BIGINT
);

-- A process that sends mail, as it says of itself every few seconds; gone when it stopped in order.
-- moved_at: when a mail last came to anything, or there was none to send. trouble: what keeps all
-- mail from leaving, such as a mail server that cannot be reached.
CREATE TABLE mail_process (
    id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    beat_at BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    under_way BIGINT NOT NULL,
    trouble TEXT
);
