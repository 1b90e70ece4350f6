-- name: InsertKey :exec
INSERT INTO api_key (id, account_id, name, permissions, allowlist, status, version, rev, secret, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: UpdateKey :execrows
UPDATE api_key SET name = sqlc.arg(name), permissions = sqlc.arg(permissions), allowlist = sqlc.arg(allowlist),
    status = sqlc.arg(status), version = sqlc.arg(version), rev = sqlc.arg(rev), updated_at = sqlc.arg(updated_at)
WHERE account_id = sqlc.arg(account_id) AND id = sqlc.arg(id)
    AND version = sqlc.arg(from_version) AND status <> 'deleted';

-- name: EraseKeySecret :exec
UPDATE api_key SET secret = $2 WHERE id = $1 AND status = 'deleted';

-- name: CountKeys :one
SELECT count(*) FROM api_key WHERE account_id = $1 AND status <> 'deleted';

-- name: Key :one
SELECT sqlc.embed(api_key), sqlc.embed(tally)
FROM api_key JOIN tally ON tally.key_id = api_key.id
WHERE api_key.id = $1 AND api_key.account_id = $2 AND api_key.status <> 'deleted';

-- name: KeyByID :one
SELECT sqlc.embed(api_key), sqlc.embed(tally)
FROM api_key JOIN tally ON tally.key_id = api_key.id
WHERE api_key.id = $1 AND api_key.status <> 'deleted';

-- name: Keys :many
SELECT sqlc.embed(api_key), sqlc.embed(tally)
FROM api_key JOIN tally ON tally.key_id = api_key.id
WHERE api_key.account_id = $1 AND api_key.status <> 'deleted'
ORDER BY api_key.created_at, api_key.id;

-- name: InsertTally :exec
INSERT INTO tally (key_id, last_used, allowed, refused) VALUES ($1, 0, 0, 0);
