-- A sealed value begins with the mark of the key that sealed it (5 bytes), so
-- what an older key sealed can be found without opening anything. The new value
-- goes in only where the old one still stands.

-- name: StaleKeys :many
SELECT id, secret AS sealed FROM api_key
WHERE status <> 'deleted' AND substr(secret, 1, 5) <> sqlc.arg(mark) ORDER BY id LIMIT sqlc.arg(most);

-- name: ResealKey :exec
UPDATE api_key SET secret = sqlc.arg(fresh) WHERE id = sqlc.arg(id) AND secret = sqlc.arg(old);

-- name: StaleFactors :many
SELECT id, secret AS sealed FROM factor
WHERE substr(secret, 1, 5) <> sqlc.arg(mark) ORDER BY id LIMIT sqlc.arg(most);

-- name: ResealFactor :exec
UPDATE factor SET secret = sqlc.arg(fresh) WHERE id = sqlc.arg(id) AND secret = sqlc.arg(old);

-- name: StaleCodes :many
SELECT id, code AS sealed FROM pending
WHERE length(code) > 0 AND substr(code, 1, 5) <> sqlc.arg(mark) ORDER BY id LIMIT sqlc.arg(most);

-- name: ResealCode :exec
UPDATE pending SET code = sqlc.arg(fresh) WHERE id = sqlc.arg(id) AND code = sqlc.arg(old);

-- name: StaleNewSecrets :many
SELECT id, new_secret AS sealed FROM pending
WHERE length(new_secret) > 0 AND substr(new_secret, 1, 5) <> sqlc.arg(mark) ORDER BY id LIMIT sqlc.arg(most);

-- name: ResealNewSecret :exec
UPDATE pending SET new_secret = sqlc.arg(fresh) WHERE id = sqlc.arg(id) AND new_secret = sqlc.arg(old);

-- name: StaleTokens :many
SELECT id, token AS sealed FROM link
WHERE length(token) > 0 AND substr(token, 1, 5) <> sqlc.arg(mark) ORDER BY id LIMIT sqlc.arg(most);

-- name: ResealToken :exec
UPDATE link SET token = sqlc.arg(fresh) WHERE id = sqlc.arg(id) AND token = sqlc.arg(old);

-- name: CountStale :one
SELECT
    (SELECT count(*) FROM api_key WHERE status <> 'deleted' AND substr(api_key.secret, 1, 5) <> sqlc.arg(mark))
  + (SELECT count(*) FROM factor WHERE substr(factor.secret, 1, 5) <> sqlc.arg(mark))
  + (SELECT count(*) FROM pending WHERE length(pending.code) > 0 AND substr(pending.code, 1, 5) <> sqlc.arg(mark))
  + (SELECT count(*) FROM pending WHERE length(pending.new_secret) > 0 AND substr(pending.new_secret, 1, 5) <> sqlc.arg(mark))
  + (SELECT count(*) FROM link WHERE length(link.token) > 0 AND substr(link.token, 1, 5) <> sqlc.arg(mark))
  AS total;
