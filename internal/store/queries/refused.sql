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

-- TrimRefused keeps the newest calls of one key.
-- name: TrimRefused :exec
DELETE FROM refused_call WHERE refused_call.key_id = sqlc.arg(key_id) AND refused_call.seq <= (
    SELECT old.seq FROM refused_call AS old WHERE old.key_id = sqlc.arg(key_id)
    ORDER BY old.seq DESC LIMIT 1 OFFSET sqlc.arg(keep));

-- name: DeleteOldRefused :exec
DELETE FROM refused_call WHERE at <= $1;
