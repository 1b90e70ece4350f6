-- name: InsertAuthority :exec
INSERT INTO authority (id, incarnation, rev, activity_seq, activity_hash, activity_seal, seal_check, confirmed_rev)
VALUES (1, 1, 0, 0, $1, $2, $3, 0)
ON CONFLICT (id) DO NOTHING;

-- name: Authority :one
SELECT id, incarnation, rev, activity_seq, activity_hash, activity_seal, seal_check, confirmed_rev, replay_epoch, replay_since, oldest
FROM authority WHERE id = 1;

-- LockAuthority writes nothing new: it takes the row, so that a second writer
-- waits.
-- name: LockAuthority :one
UPDATE authority SET rev = rev WHERE id = 1
RETURNING rev, activity_seq, activity_hash, activity_seal;

-- MoveEnd writes what LockAuthority read, moved on: nobody else changed it since.
-- name: MoveEnd :exec
UPDATE authority SET rev = $1, activity_seq = $2, activity_hash = $3, activity_seal = $4 WHERE id = 1;

-- name: SetSealCheck :exec
UPDATE authority SET seal_check = $1 WHERE id = 1;
