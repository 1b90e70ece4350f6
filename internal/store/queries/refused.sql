-- name: NextRefused :one
UPDATE refused_head SET seq = seq + $1 WHERE id = 1 RETURNING seq;

-- name: InsertRefused :exec
INSERT INTO refused_call (seq, at, account_id, key_id, action, ip, reason, detail, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: RefusedCalls :many
SELECT seq, at, account_id, key_id, action, ip, reason, detail, request_id
FROM refused_call
WHERE account_id = sqlc.arg(account_id) AND key_id = sqlc.arg(key_id) AND seq < sqlc.arg(before)
ORDER BY seq DESC LIMIT sqlc.arg(most);

-- TrimRefused keeps the newest calls of one key that its holder signed.
-- name: TrimRefused :exec
DELETE FROM refused_call WHERE refused_call.key_id = sqlc.arg(key_id) AND refused_call.reason <> 'unauthorized' AND refused_call.seq <= (
    SELECT old.seq FROM refused_call AS old WHERE old.key_id = sqlc.arg(key_id) AND old.reason <> 'unauthorized'
    ORDER BY old.seq DESC LIMIT 1 OFFSET sqlc.arg(keep));

-- TrimForged keeps the newest calls that only named the key: a stranger who
-- knows its id must not push out what its holder did.
-- name: TrimForged :exec
DELETE FROM refused_call WHERE refused_call.key_id = sqlc.arg(key_id) AND refused_call.reason = 'unauthorized' AND refused_call.seq <= (
    SELECT old.seq FROM refused_call AS old WHERE old.key_id = sqlc.arg(key_id) AND old.reason = 'unauthorized'
    ORDER BY old.seq DESC LIMIT 1 OFFSET sqlc.arg(keep));

-- name: DeleteOldRefused :exec
DELETE FROM refused_call WHERE at <= $1;

-- CountRefusedHour passes over a key that does not exist.
-- name: CountRefusedHour :exec
INSERT INTO refused_hour (key_id, begins, refused)
SELECT api_key.id, CAST(sqlc.arg(begins) AS BIGINT), CAST(sqlc.arg(refused) AS BIGINT) FROM api_key WHERE api_key.id = sqlc.arg(key_id)
ON CONFLICT (key_id, begins) DO UPDATE SET refused = refused_hour.refused + excluded.refused;

-- name: RefusedHours :many
SELECT refused_hour.key_id, refused_hour.begins, refused_hour.refused
FROM refused_hour JOIN api_key ON api_key.id = refused_hour.key_id
WHERE api_key.account_id = $1 AND refused_hour.begins >= $2;

-- name: DeleteOldRefusedHours :exec
DELETE FROM refused_hour WHERE begins <= $1;
