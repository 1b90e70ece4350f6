-- name: InsertNode :exec
INSERT INTO gateway_node (id, name, state, applied_rev, renew_seq, lease_ms, remembers, started_at, last_seen)
VALUES ($1, $2, 'live', 0, 0, $3, $4, $5, $5);

-- RenewNode is a write, so a server that cannot commit grants no lease.
-- name: RenewNode :execrows
UPDATE gateway_node SET renew_seq = renew_seq + 1, applied_rev = sqlc.arg(applied_rev), last_seen = sqlc.arg(last_seen)
WHERE id = sqlc.arg(id) AND state = 'live' AND applied_rev <= sqlc.arg(applied_rev);

-- name: Revs :one
SELECT rev, confirmed_rev, incarnation, replay_epoch, replay_since FROM authority WHERE id = 1;

-- SetReplayEpoch is a change like one of a key: every node must have it before
-- it is confirmed.
-- name: SetReplayEpoch :exec
UPDATE authority SET replay_epoch = sqlc.arg(epoch), replay_since = sqlc.arg(since), rev = rev + 1 WHERE id = 1;

-- name: CountNodes :one
SELECT count(*) FROM gateway_node WHERE state <> 'gone';

-- KeysSince holds deleted keys too: they must go from the tables of the nodes.
-- name: KeysSince :many
SELECT sqlc.embed(api_key), sqlc.embed(tally)
FROM api_key JOIN tally ON tally.key_id = api_key.id
WHERE api_key.rev > $1
ORDER BY api_key.rev;

-- Newest writes nothing new, but it is a write: only the primary can commit it.
-- name: Newest :one
UPDATE authority SET rev = rev WHERE id = 1 RETURNING rev;

-- ConfirmRev always writes, for the same reason; it never goes back.
-- name: ConfirmRev :execrows
UPDATE authority SET confirmed_rev = CASE WHEN confirmed_rev < sqlc.arg(rev) THEN sqlc.arg(rev) ELSE confirmed_rev END
WHERE id = 1 AND rev >= sqlc.arg(rev);

-- name: Nodes :many
SELECT id, name, state, applied_rev, renew_seq, lease_ms, remembers, started_at, last_seen
FROM gateway_node ORDER BY started_at, id;

-- FenceNode ends a node that was seen to rest: were it to renew in between, the
-- number would be another one.
-- name: FenceNode :execrows
UPDATE gateway_node SET state = 'fenced' WHERE id = $1 AND renew_seq = $2 AND state = 'live';

-- name: BuryNode :execrows
UPDATE gateway_node SET state = 'gone' WHERE id = $1 AND state = 'fenced';

-- LeaveNode is a node's own last word, after it has stopped.
-- name: LeaveNode :exec
UPDATE gateway_node SET state = 'gone' WHERE id = $1;

-- name: ForgetNodes :exec
DELETE FROM gateway_node WHERE state = 'gone' AND last_seen < $1;

-- Restored makes every process that knew the database before stop.
-- name: Restored :exec
UPDATE authority SET incarnation = incarnation + 1 WHERE id = 1;

-- name: DeleteAllSessions :exec
DELETE FROM session;

-- name: FenceAllNodes :exec
UPDATE gateway_node SET state = 'fenced' WHERE state = 'live';
