-- name: Activity :one
SELECT seq, at, account_id, type, source, member_id, ip, key_id, subject, changes, note, hash
FROM activity WHERE seq = $1;

-- name: ActivitiesAfter :many
SELECT seq, at, account_id, type, source, member_id, ip, key_id, subject, changes, note, hash
FROM activity WHERE seq > $1 ORDER BY seq LIMIT $2;
