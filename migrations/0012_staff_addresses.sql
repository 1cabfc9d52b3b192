-- An address of staff is taken at one merchant, not at all of them: whoever works for two has two
-- accounts, and no merchant learns from an invitation that is refused who works for another.
--
-- The unique column stays, for SQLite drops no constraint without building the table anew, which
-- seven others refer to. What must be unique moves into it: the merchant and the address.
ALTER TABLE staff RENAME COLUMN email_key TO login_key;
ALTER TABLE staff ADD COLUMN email_key TEXT NOT NULL DEFAULT '';
UPDATE staff SET email_key = login_key, login_key = merchant_id || ' ' || login_key;
CREATE INDEX staff_email ON staff (email_key);
