-- name: InsertPending :exec
INSERT INTO pending (id, account_id, member_id, session_id, operation, key_id, key_version, draft, digest,
    state, proof, factor_kind, factor_id, attempts, sends, code_sent_at, code, new_secret, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20);

-- name: Pending :one
SELECT id, account_id, member_id, session_id, operation, key_id, key_version, draft, digest,
    state, proof, factor_kind, factor_id, attempts, sends, code_sent_at, code, new_secret, created_at, expires_at
FROM pending WHERE id = $1;

-- ChargePending counts one evaluation, in the same statement that checks
-- whether one is left: two at once cannot both take the last.
-- name: ChargePending :one
UPDATE pending SET attempts = attempts + 1
WHERE id = sqlc.arg(id) AND member_id = sqlc.arg(member_id) AND session_id = sqlc.arg(session_id)
    AND state = 'open' AND attempts < sqlc.arg(most) AND expires_at > sqlc.arg(now)
RETURNING id, account_id, member_id, session_id, operation, key_id, key_version, draft, digest,
    state, proof, factor_kind, factor_id, attempts, sends, code_sent_at, code, new_secret, created_at, expires_at;

-- ConfirmPending is the compare-and-set that makes a code count once: still
-- open, no resend since, and the content that was shown.
-- name: ConfirmPending :execrows
UPDATE pending SET state = 'confirmed', code = sqlc.arg(empty), new_secret = sqlc.arg(empty)
WHERE id = sqlc.arg(id) AND member_id = sqlc.arg(member_id) AND session_id = sqlc.arg(session_id)
    AND state = 'open' AND sends = sqlc.arg(sends) AND digest = sqlc.arg(digest);

-- name: ResendPending :execrows
UPDATE pending SET factor_kind = sqlc.arg(factor_kind), factor_id = sqlc.arg(factor_id), code = sqlc.arg(code),
    sends = sqlc.arg(sends), code_sent_at = sqlc.arg(code_sent_at)
WHERE id = sqlc.arg(id) AND member_id = sqlc.arg(member_id) AND session_id = sqlc.arg(session_id)
    AND state = 'open' AND sends = sqlc.arg(from_sends);

-- name: ClosePending :execrows
UPDATE pending SET state = sqlc.arg(state), code = sqlc.arg(empty), new_secret = sqlc.arg(empty)
WHERE id = sqlc.arg(id) AND state = 'open';

-- name: CancelOfSession :exec
UPDATE pending SET state = 'cancelled', code = sqlc.arg(empty), new_secret = sqlc.arg(empty)
WHERE member_id = sqlc.arg(member_id) AND session_id = sqlc.arg(session_id) AND state = 'open';

-- name: CancelOfOtherSessions :exec
UPDATE pending SET state = 'cancelled', code = sqlc.arg(empty), new_secret = sqlc.arg(empty)
WHERE member_id = sqlc.arg(member_id) AND session_id <> sqlc.arg(session_id) AND state = 'open';

-- CancelFactorChanges closes what was begun while the member had other factors.
-- name: CancelFactorChanges :exec
UPDATE pending SET state = 'cancelled', code = sqlc.arg(empty), new_secret = sqlc.arg(empty)
WHERE member_id = sqlc.arg(member_id) AND state = 'open'
    AND operation IN ('enrol_factor', 'validate_factor', 'remove_factor');

-- name: DeleteOldPendings :exec
DELETE FROM pending WHERE expires_at <= $1;

-- name: InsertIdempotency :exec
INSERT INTO idempotency (member_id, request, digest, pending_id, created_at)
VALUES ($1, $2, $3, $4, $5);

-- name: Idempotency :one
SELECT member_id, request, digest, pending_id, created_at
FROM idempotency WHERE member_id = $1 AND request = $2;

-- name: DeleteOldIdempotency :exec
DELETE FROM idempotency WHERE created_at <= $1;
