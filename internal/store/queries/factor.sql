-- name: InsertFactor :exec
INSERT INTO factor (id, member_id, kind, label, secret, last_step, created_at, last_used)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: Factors :many
SELECT id, member_id, kind, label, secret, last_step, created_at, last_used
FROM factor WHERE member_id = $1 ORDER BY created_at, id;

-- name: Factor :one
SELECT id, member_id, kind, label, secret, last_step, created_at, last_used
FROM factor WHERE id = $1 AND member_id = $2;

-- name: UseFactor :execrows
UPDATE factor SET last_used = $3 WHERE id = $1 AND member_id = $2;

-- name: UseFactorStep :execrows
UPDATE factor SET last_used = $3, last_step = $4
WHERE id = $1 AND member_id = $2 AND last_step < $4;

-- DeleteFactor leaves the last one: without any, the password alone would be
-- enough to enrol another.
-- name: DeleteFactor :execrows
DELETE FROM factor WHERE factor.id = $1 AND factor.member_id = $2
    AND EXISTS (SELECT 1 FROM factor AS other WHERE other.member_id = $2 AND other.id <> $1);

-- name: CountFactors :one
SELECT count(*) FROM factor WHERE member_id = $1;

-- name: InsertRecovery :exec
INSERT INTO recovery_code (member_id, hash, used_at) VALUES ($1, $2, 0);

-- name: DeleteRecovery :exec
DELETE FROM recovery_code WHERE member_id = $1;

-- name: UseRecovery :execrows
UPDATE recovery_code SET used_at = $3 WHERE member_id = $1 AND hash = $2 AND used_at = 0;

-- name: UnusedRecovery :one
SELECT count(*) FROM recovery_code WHERE member_id = $1 AND used_at = 0;

-- name: RecoveryUnused :one
SELECT count(*) FROM recovery_code WHERE member_id = $1 AND hash = $2 AND used_at = 0;
