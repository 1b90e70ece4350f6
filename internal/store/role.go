package store

import (
	"context"
	"database/sql"
	"fmt"
)

// makeRoles makes the role latchkey_gateway, which a gateway node alone works
// as: it reads keys, follows their changes, keeps its own node and writes what
// it noted; it changes no key, member, factor, pending or activity. The operator
// makes a user of it: CREATE ROLE gateway_1 LOGIN PASSWORD '...' IN ROLE
// latchkey_gateway. Roles belong to the whole server, and not every owner of a
// database may make one: then `latchkey doctor` and docs/operations.md say how.
func (e *engine) makeRoles(ctx context.Context, tx *sql.Tx) error {
	if !e.shared {
		return nil
	}
	for _, statement := range []string{makeGatewayRole, grantGatewayRole} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("the role of gateway nodes: %w", err)
		}
	}
	return nil
}

const makeGatewayRole = `
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_gateway') THEN
        CREATE ROLE latchkey_gateway NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN RAISE NOTICE 'the role latchkey_gateway was not made';
    WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server made it just now
END $$`

const grantGatewayRole = `
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_gateway') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO latchkey_gateway', current_schema());
        GRANT SELECT ON goose_db_version, authority, api_key, key_change, tally, gateway_node, refused_call, refused_head, refused_hour TO latchkey_gateway;
        GRANT INSERT, UPDATE ON gateway_node TO latchkey_gateway;
        GRANT UPDATE ON tally, refused_head TO latchkey_gateway;
        GRANT INSERT, DELETE ON refused_call TO latchkey_gateway;
        GRANT INSERT, UPDATE ON refused_hour TO latchkey_gateway;
    END IF;
END $$`
