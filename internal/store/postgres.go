package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"maragu.dev/goqite"
)

// connections is the most that the store opens to PostgreSQL, the one that
// watches not counted. Writers wait for one row anyway.
const connections = 16

// mostMessage bounds one message of the server, in bytes: a row of the largest
// key, with a thousand addresses, is a tenth of it. Each message says its length
// before it comes, and that much memory is taken then: what is no PostgreSQL, or
// one that lies, would otherwise take a gigabyte for five bytes.
const mostMessage = 1 << 20

// openPostgres connects. The error of a bad URL is not passed on: it may quote
// the password.
func openPostgres(ctx context.Context, c Config) (*engine, error) {
	config, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, errors.New("the database URL cannot be read; it looks like postgres://USER:PASSWORD@HOST:5432/DATABASE")
	}
	e := &engine{
		dialect: goose.DialectPostgres, flavor: goqite.SQLFlavorPostgreSQL, outbox: outboxPostgres, shared: true, readOnly: c.ReadOnly,
		// Every statement sees what was committed before it began, so what is
		// read after a lock was waited for is up to date.
		options: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
	}
	e.listen(config)
	config.MaxProtocolMessageBodyLen = mostMessage
	e.config = config
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	e.read, e.write, e.close = pool, pool, pool.Close
	if err := checkServer(ctx, pool); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return e, nil
}

// listen counts warnings. PostgreSQL answers a COMMIT whose wait for its
// standby was cancelled with success and a WARNING of SQLSTATE 01000: then
// nobody knows whether the change would survive a failover.
func (e *engine) listen(config *pgx.ConnConfig) {
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Code == "01000" {
			e.warnings.Add(1)
		}
	}
	// A server that vanished without a word is noticed within half a minute.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}}
	config.DialFunc = dialer.DialContext
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	// A process that is paused or cut off in the middle of a transaction keeps its
	// locks, and every change of a key waits for one of them.
	config.RuntimeParams["idle_in_transaction_session_timeout"] = strconv.FormatInt(mostIdle.Milliseconds(), 10)
}

// mostIdle is how long a transaction may wait for its next statement.
const mostIdle = 2 * time.Second

// checkServer refuses a server that may lose what it acknowledged.
func checkServer(ctx context.Context, pool *sql.DB) error {
	var commit string
	if err := pool.QueryRowContext(ctx, "SHOW synchronous_commit").Scan(&commit); err != nil {
		return fmt.Errorf("PostgreSQL cannot be reached: %w", err)
	}
	if commit == "off" {
		return errors.New("PostgreSQL runs with synchronous_commit=off and could lose a change that was acknowledged: run ALTER DATABASE ... SET synchronous_commit = on")
	}
	return nil
}
