-- One-time links, and what was refused in each hour.

-- +goose Up

-- A link is deleted when it is used. A reset that was asked for an address that
-- nobody has is written too, without a member: so the request takes the same
-- time for every address.
CREATE TABLE link (
    id         TEXT   PRIMARY KEY,
    kind       TEXT   NOT NULL CHECK (kind IN ('reset', 'setup')),
    member_id  TEXT   REFERENCES member (id) ON DELETE CASCADE,
    token_hash TEXT   NOT NULL,
    token      BYTEA  NOT NULL, -- sealed: the letter is made when it is sent
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX link_token ON link (token_hash);
CREATE INDEX link_member ON link (member_id);
CREATE INDEX link_expiry ON link (expires_at);

-- Of refused_call the newest are kept, so a storm would push the hours before
-- it out; here all are counted.
CREATE TABLE refused_hour (
    key_id  TEXT   NOT NULL REFERENCES api_key (id),
    begins  BIGINT NOT NULL, -- start of the hour
    refused BIGINT NOT NULL,
    PRIMARY KEY (key_id, begins)
);
CREATE INDEX refused_hour_age ON refused_hour (begins);
