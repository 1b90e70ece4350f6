-- What lets the operator look at the gateway nodes in a browser.

-- +goose Up

-- A row is a link that waits to be opened, and then the session of the browser
-- that opened it. Of either token only the hash is here. Gateway nodes have no
-- right to this table.
CREATE TABLE operator_session (
    id         TEXT    PRIMARY KEY,
    token_hash TEXT    NOT NULL, -- of the link; of the cookie from its opening on
    is_open    BOOLEAN NOT NULL,
    ip         TEXT    NOT NULL, -- of the browser
    created_at BIGINT  NOT NULL,
    ends_at    BIGINT  NOT NULL
);
CREATE UNIQUE INDEX operator_session_token ON operator_session (token_hash);
CREATE INDEX operator_session_end ON operator_session (ends_at);
