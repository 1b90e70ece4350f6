package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// lockNumber is "latchkey" in ASCII: the advisory lock of the one server that
// may write to a PostgreSQL database.
const lockNumber int64 = 0x6c617463686b6579

// regainEvery is the pause between two attempts to get a lost lock back.
const regainEvery = 500 * time.Millisecond

// errOccupied says that another server holds the lock.
var errOccupied = errors.New("another latchkey server uses this PostgreSQL database: stop it first")

// lease holds the advisory lock on a connection of its own. While that
// connection is gone nobody knows who holds the lock, so nothing is written;
// the lease then tries to get it back.
type lease struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	gone   atomic.Pointer[error]
	stop   context.CancelFunc
	done   chan struct{}
}

// takeLease takes the lock or fails at once.
func takeLease(ctx context.Context, config *pgx.ConnConfig, log *slog.Logger) (*lease, error) {
	l := &lease{config: config, log: log, done: make(chan struct{})}
	conn, err := l.acquire(ctx)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.keep(life, conn)
	return l, nil
}

// acquire connects and takes the lock, without waiting for whoever has it.
func (l *lease) acquire(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL cannot be reached: %w", err)
	}
	var got bool
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockNumber).Scan(&got)
	if err == nil && !got {
		err = errOccupied
	}
	if err != nil {
		conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

// keep watches the connection until the lease ends. Waiting for a notification
// that never comes is a read on the socket: it returns when the server goes.
func (l *lease) keep(ctx context.Context, conn *pgx.Conn) {
	defer close(l.done)
	for {
		_, err := conn.WaitForNotification(ctx)
		if err == nil {
			continue
		}
		if ctx.Err() == nil {
			err = fmt.Errorf("the connection that holds the lock of the database broke: %w", err)
			l.gone.Store(&err)
			l.log.Error("store: writes stopped", "error", err)
		}
		l.end(conn)
		if conn = l.regain(ctx); conn == nil {
			return
		}
		l.gone.Store(nil)
		l.log.Info("store: writes go on")
	}
}

// regain tries until it holds the lock again; nil when the lease has ended.
// That another server wrote in between is not checked here: it left its name in
// the authority row, and then this one is fenced out there.
func (l *lease) regain(ctx context.Context) *pgx.Conn {
	tick := time.NewTicker(regainEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		conn, err := l.acquire(ctx)
		if err == nil {
			return conn
		}
		l.gone.Store(&err)
	}
}

// end gives the lock back and closes a connection that may be dead already; it
// must not hang on it. Unlocked first: a server notices only later that a
// connection has ended, and until then the next command would be refused.
func (l *lease) end(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", lockNumber)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		l.log.Debug("store: close of the lock's connection", "error", err)
	}
}

// lost returns why nothing may be written now, or nil.
func (l *lease) lost() error {
	if err := l.gone.Load(); err != nil {
		return *err
	}
	return nil
}

// close gives the lock back.
func (l *lease) close() {
	l.stop()
	<-l.done
}
