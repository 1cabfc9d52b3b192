-- Guided tutorials: how far each member of staff has come, and the customer they practise on.

CREATE TABLE tutorial_progress (
    staff_id TEXT NOT NULL REFERENCES staff (id),
    tutorial TEXT NOT NULL,
    step BIGINT NOT NULL,               -- the one being looked at, from 0
    started_at BIGINT NOT NULL,
    ended_at BIGINT,                    -- closed or walked to the end; null: under way
    finished_at BIGINT,                 -- last walked to the end
    PRIMARY KEY (staff_id, tutorial)
);

-- Since when this is the customer that staff practise on: one a merchant, mailed to by nobody.
ALTER TABLE customer ADD COLUMN practice_at BIGINT;
CREATE UNIQUE INDEX customer_practice ON customer (merchant_id) WHERE practice_at IS NOT NULL;
