-- Captchas already used, until they would have expired anyway. Kept by the time at which they expire,
-- so that those noted together lie together: by digest alone, each of a crowd dirtied a page of its
-- own. The time is part of what is signed, so the pair is as unique as the digest.
ALTER TABLE captcha_used RENAME TO captcha_used_by_digest;
DROP INDEX captcha_used_expires;
CREATE TABLE captcha_used (
    expires_at BIGINT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (expires_at, digest)
);
INSERT INTO captcha_used (expires_at, digest)
    SELECT expires_at, digest FROM captcha_used_by_digest;
DROP TABLE captcha_used_by_digest;
