-- name: InsertSession :exec
INSERT INTO session (id, member_id, token_hash, is_full, ip, user_agent, created_at, last_seen, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: SessionByToken :one
SELECT sqlc.embed(session), sqlc.embed(member)
FROM session JOIN member ON member.id = session.member_id
WHERE session.token_hash = $1;

-- name: Sessions :many
SELECT id, member_id, token_hash, is_full, ip, user_agent, created_at, last_seen, ends_at
FROM session WHERE member_id = $1 ORDER BY created_at DESC, id;

-- name: TouchSession :execrows
UPDATE session SET last_seen = $2 WHERE id = $1;

-- A session becomes full once, and under another token: a token that was known
-- before the second step is worth nothing after it.
-- name: FinishSession :execrows
UPDATE session SET is_full = TRUE, token_hash = $3, ends_at = $4
WHERE id = $1 AND member_id = $2 AND NOT is_full;

-- name: DeleteSession :execrows
DELETE FROM session WHERE id = $1 AND member_id = $2;

-- name: DeleteOtherSessions :exec
DELETE FROM session WHERE member_id = $1 AND id <> $2;

-- name: DeleteEndedSessions :exec
DELETE FROM session WHERE ends_at <= $1;
