-- name: InsertActivity :exec
INSERT INTO activity (seq, at, account_id, type, source, member_id, ip, key_id, subject, changes, note, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: Activity :one
SELECT seq, at, account_id, type, source, member_id, ip, key_id, subject, changes, note, hash
FROM activity WHERE seq = $1;

-- name: ActivitiesAfter :many
SELECT seq, at, account_id, type, source, member_id, ip, key_id, subject, changes, note, hash
FROM activity WHERE seq > $1 ORDER BY seq LIMIT $2;
