-- name: InsertLink :exec
INSERT INTO link (id, kind, member_id, token_hash, token, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: LinkByToken :one
SELECT id, kind, member_id, token_hash, token, created_at, expires_at
FROM link WHERE kind = $1 AND token_hash = $2;

-- name: Link :one
SELECT id, kind, member_id, token_hash, token, created_at, expires_at
FROM link WHERE id = $1;

-- UseLink is the compare-and-set that makes a link work once.
-- name: UseLink :one
DELETE FROM link WHERE kind = sqlc.arg(kind) AND token_hash = sqlc.arg(token_hash) AND expires_at > sqlc.arg(now)
RETURNING member_id;

-- name: DeleteResets :exec
DELETE FROM link WHERE kind = 'reset' AND member_id = $1;

-- name: DeleteSetups :exec
DELETE FROM link WHERE kind = 'setup';

-- name: DeleteOldLinks :exec
DELETE FROM link WHERE expires_at <= $1;

-- name: CountAccounts :one
SELECT count(*) FROM account;
