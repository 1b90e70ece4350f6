-- name: InsertOperatorSession :exec
INSERT INTO operator_session (id, token_hash, is_open, ip, created_at, ends_at)
VALUES ($1, $2, FALSE, '', $3, $4);

-- OpenOperatorSession is the compare-and-set that makes a link work once: from
-- then on nothing is found under its token.
-- name: OpenOperatorSession :one
UPDATE operator_session
SET token_hash = sqlc.arg(cookie_hash), is_open = TRUE, ip = sqlc.arg(ip), ends_at = sqlc.arg(ends_at)
WHERE token_hash = sqlc.arg(link_hash) AND NOT is_open AND ends_at > sqlc.arg(now)
RETURNING id, token_hash, is_open, ip, created_at, ends_at;

-- name: OperatorSessionByToken :one
SELECT id, token_hash, is_open, ip, created_at, ends_at
FROM operator_session WHERE token_hash = $1;

-- name: DeleteOperatorSession :execrows
DELETE FROM operator_session WHERE id = $1;

-- name: DeleteAllOperatorSessions :exec
DELETE FROM operator_session;

-- name: DeleteEndedOperatorSessions :exec
DELETE FROM operator_session WHERE ends_at <= $1;
