-- name: InsertAccount :exec
INSERT INTO account (id, name, created_at) VALUES ($1, $2, $3);

-- name: Account :one
SELECT id, name, created_at FROM account WHERE id = $1;

-- name: AccountByName :one
SELECT id, name, created_at FROM account WHERE name = $1;

-- name: Accounts :many
SELECT id, name, created_at FROM account ORDER BY created_at, id;

-- name: InsertMember :exec
INSERT INTO member (id, account_id, email, role, password_hash, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: DeleteMember :execrows
DELETE FROM member WHERE id = $1 AND account_id = $2 AND role <> 'owner';

-- name: Members :many
SELECT id, account_id, email, role, password_hash, created_at
FROM member WHERE account_id = $1 ORDER BY created_at, id;

-- name: Member :one
SELECT id, account_id, email, role, password_hash, created_at FROM member WHERE id = $1;

-- name: MemberByEmail :one
SELECT id, account_id, email, role, password_hash, created_at FROM member WHERE email = $1;

-- name: OwnerOf :one
SELECT id, account_id, email, role, password_hash, created_at
FROM member WHERE account_id = $1 AND role = 'owner';

-- name: SetPassword :execrows
UPDATE member SET password_hash = $2 WHERE id = $1;
