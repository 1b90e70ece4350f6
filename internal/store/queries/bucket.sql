-- ChargeBucket gives no row when the bucket is full.
-- name: ChargeBucket :one
INSERT INTO bucket (name, begins, counted) VALUES (sqlc.arg(name), sqlc.arg(begins), 1)
ON CONFLICT (name, begins) DO UPDATE SET counted = bucket.counted + 1
WHERE bucket.counted < sqlc.arg(most)
RETURNING counted;

-- name: RefundBucket :exec
UPDATE bucket SET counted = counted - 1 WHERE name = $1 AND begins = $2 AND counted > 0;

-- name: DeleteOldBuckets :exec
DELETE FROM bucket WHERE begins <= $1;
