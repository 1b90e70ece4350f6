-- One set for SQLite and PostgreSQL. Only TEXT, BIGINT, BOOLEAN and BYTEA;
-- times are microseconds since 1970 in UTC, 0 means never. Forward only.

-- +goose Up

-- The one row that every writer takes first. On PostgreSQL that orders the
-- writers, so the numbers of keys and activities have no gaps and no forks.
CREATE TABLE authority (
    id            BIGINT PRIMARY KEY CHECK (id = 1),
    incarnation   BIGINT NOT NULL, -- one more after a restore from a backup
    rev           BIGINT NOT NULL, -- one more with each change of a key
    holder        TEXT   NOT NULL, -- the process that may write; a former one is fenced out
    activity_seq  BIGINT NOT NULL, -- number of the newest activity
    activity_hash TEXT   NOT NULL, -- and its hash: the head of the chain
    activity_seal BYTEA  NOT NULL, -- the head once more, sealed: nobody without the keyset can forge it
    seal_check    BYTEA  NOT NULL  -- tells whether the keyset in use is the one of this database
);

CREATE TABLE account (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_name ON account (name);

CREATE TABLE member (
    id            TEXT   PRIMARY KEY,
    account_id    TEXT   NOT NULL REFERENCES account (id),
    email         TEXT   NOT NULL,
    role          TEXT   NOT NULL CHECK (role IN ('owner', 'subuser')),
    password_hash TEXT   NOT NULL,
    created_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX member_email ON member (email);
CREATE UNIQUE INDEX member_owner ON member (account_id) WHERE role = 'owner';
CREATE INDEX member_account ON member (account_id);

CREATE TABLE session (
    id         TEXT    PRIMARY KEY,
    member_id  TEXT    NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    token_hash TEXT    NOT NULL,
    is_full    BOOLEAN NOT NULL,
    ip         TEXT    NOT NULL,
    user_agent TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    last_seen  BIGINT  NOT NULL,
    ends_at    BIGINT  NOT NULL
);
CREATE UNIQUE INDEX session_token ON session (token_hash);
CREATE INDEX session_member ON session (member_id);
CREATE INDEX session_end ON session (ends_at);

CREATE TABLE factor (
    id         TEXT   PRIMARY KEY,
    member_id  TEXT   NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    kind       TEXT   NOT NULL,
    label      TEXT   NOT NULL,
    secret     BYTEA  NOT NULL, -- sealed: seed or phone number
    last_step  BIGINT NOT NULL, -- newest accepted TOTP step (RFC 6238, 5.2)
    created_at BIGINT NOT NULL,
    last_used  BIGINT NOT NULL
);
CREATE INDEX factor_member ON factor (member_id);

CREATE TABLE recovery_code (
    member_id TEXT   NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    hash      TEXT   NOT NULL,
    used_at   BIGINT NOT NULL,
    PRIMARY KEY (member_id, hash)
);

-- Rows are never deleted: an id is never used again.
CREATE TABLE api_key (
    id          TEXT   PRIMARY KEY,
    account_id  TEXT   NOT NULL REFERENCES account (id),
    name        TEXT   NOT NULL,
    permissions TEXT   NOT NULL, -- JSON array of names
    allowlist   TEXT   NOT NULL, -- JSON array of addresses and prefixes
    status      TEXT   NOT NULL CHECK (status IN ('inactive', 'active', 'deleted')),
    version     BIGINT NOT NULL,
    rev         BIGINT NOT NULL, -- authority.rev of the newest change
    secret      BYTEA  NOT NULL, -- sealed; erased with the key
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_key_name ON api_key (account_id, name) WHERE status <> 'deleted';

-- What a gateway needs to follow the changes, in the order of their commits.
CREATE TABLE key_change (
    rev     BIGINT PRIMARY KEY,
    key_id  TEXT   NOT NULL,
    version BIGINT NOT NULL,
    status  TEXT   NOT NULL,
    at      BIGINT NOT NULL
);

-- Apart from api_key, so that a gateway may write here and not there.
CREATE TABLE tally (
    key_id    TEXT   PRIMARY KEY REFERENCES api_key (id),
    last_used BIGINT NOT NULL,
    allowed   BIGINT NOT NULL,
    refused   BIGINT NOT NULL
);

CREATE TABLE pending (
    id           TEXT   PRIMARY KEY,
    account_id   TEXT   NOT NULL,
    member_id    TEXT   NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    session_id   TEXT   NOT NULL,
    operation    TEXT   NOT NULL,
    key_id       TEXT   NOT NULL,
    key_version  BIGINT NOT NULL,
    draft        TEXT   NOT NULL, -- JSON
    digest       TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    proof        TEXT   NOT NULL,
    factor_kind  TEXT   NOT NULL,
    factor_id    TEXT   NOT NULL,
    attempts     BIGINT NOT NULL,
    sends        BIGINT NOT NULL,
    code_sent_at BIGINT NOT NULL,
    code         BYTEA  NOT NULL, -- sealed; erased when it closes
    new_secret   BYTEA  NOT NULL, -- sealed; erased when it closes
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX pending_session ON pending (session_id);
CREATE INDEX pending_member ON pending (member_id);
CREATE INDEX pending_expiry ON pending (expires_at);

CREATE TABLE idempotency (
    member_id  TEXT   NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    request    TEXT   NOT NULL, -- the key that the client sent
    digest     TEXT   NOT NULL,
    pending_id TEXT   NOT NULL REFERENCES pending (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (member_id, request)
);
CREATE INDEX idempotency_pending ON idempotency (pending_id);

CREATE TABLE bucket (
    name    TEXT   NOT NULL,
    begins  BIGINT NOT NULL,
    counted BIGINT NOT NULL,
    PRIMARY KEY (name, begins)
);

-- No foreign keys: an entry outlives what it speaks of.
CREATE TABLE activity (
    seq        BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    account_id TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    member_id  TEXT   NOT NULL,
    ip         TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    changes    TEXT   NOT NULL, -- JSON
    note       TEXT   NOT NULL,
    hash       TEXT   NOT NULL
);
CREATE INDEX activity_account ON activity (account_id, seq);

-- Refused calls are numbered by a row of their own, so that a busy gateway
-- never waits for the authority.
CREATE TABLE refused_head (
    id  BIGINT PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL
);
INSERT INTO refused_head (id, seq) VALUES (1, 0);

CREATE TABLE refused_call (
    seq        BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    account_id TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    ip         TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    detail     TEXT   NOT NULL,
    request_id TEXT   NOT NULL
);
CREATE INDEX refused_call_key ON refused_call (key_id, seq);
CREATE INDEX refused_call_age ON refused_call (at);
