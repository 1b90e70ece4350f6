-- What several gateway nodes on one database need.

-- +goose Up

ALTER TABLE authority DROP COLUMN holder; -- more than one process may write now
ALTER TABLE authority ADD COLUMN confirmed_rev BIGINT NOT NULL DEFAULT 0; -- up to here every node has applied, or has stopped

ALTER TABLE authority ADD COLUMN replay_epoch TEXT NOT NULL DEFAULT ''; -- which memory of seen requests counts
ALTER TABLE authority ADD COLUMN replay_since BIGINT NOT NULL DEFAULT 0; -- what was signed before may have been forgotten
ALTER TABLE authority ADD COLUMN oldest BIGINT NOT NULL DEFAULT 5; -- programs that know this version or a newer one can work with this database

-- A row for each start of a gateway. Rows are kept for a while after their end.
CREATE TABLE gateway_node (
    id          TEXT   PRIMARY KEY, -- new at each start
    name        TEXT   NOT NULL,    -- as the operator calls it
    state       TEXT   NOT NULL CHECK (state IN ('live', 'fenced', 'gone')),
    applied_rev BIGINT NOT NULL,
    renew_seq   BIGINT NOT NULL,    -- one more with each renewal of the lease
    lease_ms    BIGINT NOT NULL,
    remembers   TEXT   NOT NULL CHECK (remembers IN ('alone', 'shared')), -- which requests were seen
    started_at  BIGINT NOT NULL,
    last_seen   BIGINT NOT NULL     -- by the node's clock: for people, never for a decision
);
CREATE INDEX gateway_node_state ON gateway_node (state);

CREATE INDEX api_key_rev ON api_key (rev);
