package store

import (
	"context"
	"errors"
	"time"

	"latchkey"
	"latchkey/internal/store/db"
)

// Channels of NOTIFY. A notification is a hint and nothing more: whoever waits
// looks by itself from time to time.
const (
	ChannelChange  = "latchkey_change"  // a key was changed ("REV KEYID"), or a change was confirmed
	ChannelApplied = "latchkey_applied" // a node has applied changes
	ChannelSession = "latchkey_session" // somebody asks for sessions, or answers (cluster.RollCall)
)

// nodeKept is how long the row of a node that is gone can be seen.
const nodeKept = 24 * time.Hour

// Shared reports whether several processes may use the database at once.
func (s *Store) Shared() bool { return s.engine.shared }

// Synchronous reports whether a commit waits for a standby, so that none is lost
// when that takes over.
func (s *Store) Synchronous(ctx context.Context) (bool, error) {
	if !s.engine.shared {
		return true, nil
	}
	var safe bool
	// With synchronous_commit = local or remote_write a commit is acknowledged that
	// is not on the standby's disk.
	err := s.engine.read.QueryRowContext(ctx, `SELECT current_setting('synchronous_standby_names') <> ''
		AND current_setting('synchronous_commit') IN ('on', 'remote_apply')`).Scan(&safe)
	return safe, err
}

// JoinNode registers a gateway node. It is committed when it returns, so every
// change from then on waits for the node; the node loads the keys after it.
func (s *Store) JoinNode(ctx context.Context, n latchkey.GatewayNode) error {
	return s.write(ctx, func(t *tx) error {
		remembers := "shared"
		if n.Alone {
			remembers = "alone"
		}
		return t.InsertNode(ctx, db.InsertNodeParams{ID: n.ID, Name: n.Name, LeaseMs: n.Lease.Milliseconds(), Remembers: remembers, StartedAt: micros(s.now())})
	})
}

// RenewNode renews a node's lease: it reports up to which revision the node has
// applied every change, and reads what came after. ErrFenced: the node may not
// serve any more.
//
// The order of the statements is the guarantee, since each sees what was
// committed before it began: the revision is read before the changes, so the
// changes hold at least everything up to it.
func (s *Store) RenewNode(ctx context.Context, id string, applied int64) (latchkey.Renewal, error) {
	var r latchkey.Renewal
	err := s.write(ctx, func(t *tx) error {
		r = latchkey.Renewal{}
		rows, err := t.RenewNode(ctx, db.RenewNodeParams{ID: id, AppliedRev: applied, LastSeen: micros(s.now())})
		if err := changed(rows, err, latchkey.ErrFenced); err != nil {
			return err
		}
		if r.Revs, err = revs(t.Revs(ctx)); err != nil {
			return err
		}
		nodes, err := t.CountNodes(ctx)
		if err != nil {
			return err
		}
		r.Nodes = int(nodes)
		since, err := t.KeysSince(ctx, applied)
		if err != nil {
			return err
		}
		for _, row := range since {
			c, err := s.change(row)
			if err != nil {
				return err
			}
			r.Changes = append(r.Changes, c)
		}
		return t.notify(ctx, ChannelApplied)
	})
	return r, err
}

// change is a key as a node needs it. A deleted key has no secret any more.
func (s *Store) change(row db.KeysSinceRow) (latchkey.KeyChange, error) {
	if row.ApiKey.Status == string(latchkey.StatusDeleted) {
		k, err := keyOf(row.ApiKey, row.Tally)
		return latchkey.KeyChange{Rev: row.ApiKey.Rev, Key: k}, err
	}
	k, secret, err := s.material(row.ApiKey, row.Tally)
	return latchkey.KeyChange{Rev: row.ApiKey.Rev, Key: k, Secret: secret}, err
}

// Revs reads how far the changes have come.
func (s *Store) Revs(ctx context.Context) (latchkey.Revs, error) { return revs(s.read.Revs(ctx)) }

func revs(r db.RevsRow, err error) (latchkey.Revs, error) {
	return latchkey.Revs{Newest: r.Rev, Confirmed: r.ConfirmedRev, Incarnation: r.Incarnation,
		ReplayEpoch: r.ReplayEpoch, ReplaySince: moment(r.ReplaySince)}, err
}

// SetReplayEpoch makes another memory of seen requests the one that counts. The
// time is the newest at which a request may have been seen by the one before.
func (s *Store) SetReplayEpoch(ctx context.Context, epoch string, since time.Time) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.SetReplayEpoch(ctx, db.SetReplayEpochParams{Epoch: epoch, Since: micros(since)}); err != nil {
			return err
		}
		return t.notify(ctx, ChannelChange)
	})
}

// Newest reads the newest revision by a write. A server that was the primary
// before a failover can still be read, but commits nothing without its standby.
func (s *Store) Newest(ctx context.Context) (rev int64, err error) {
	err = s.write(ctx, func(t *tx) error {
		rev, err = t.Newest(ctx)
		return err
	})
	return rev, err
}

// errNotYet undoes a confirmation that came too early.
var errNotYet = errors.New("not in force everywhere")

// ConfirmRev notes that a revision is in force everywhere, if decide says so of
// the nodes as the same transaction sees them. It never goes back.
func (s *Store) ConfirmRev(ctx context.Context, rev int64, decide func([]latchkey.GatewayNode) bool) (bool, error) {
	err := s.write(ctx, func(t *tx) error {
		rows, err := t.ConfirmRev(ctx, rev)
		if err := changed(rows, err, latchkey.ErrNotFound); err != nil {
			return err
		}
		nodes, err := nodesOf(t.Nodes(ctx))
		if err != nil {
			return err
		}
		if !decide(nodes) {
			return errNotYet
		}
		return t.notify(ctx, ChannelChange)
	})
	if errors.Is(err, errNotYet) {
		return false, nil
	}
	return err == nil, err
}

// Nodes lists the gateway nodes, also those that are gone for a while.
func (s *Store) Nodes(ctx context.Context) ([]latchkey.GatewayNode, error) {
	return nodesOf(s.read.Nodes(ctx))
}

func nodesOf(rows []db.GatewayNode, err error) ([]latchkey.GatewayNode, error) {
	if err != nil {
		return nil, err
	}
	return each(rows, func(r db.GatewayNode) (latchkey.GatewayNode, error) {
		return latchkey.GatewayNode{ID: r.ID, Name: r.Name, State: latchkey.NodeState(r.State), Applied: r.AppliedRev, Renewals: r.RenewSeq,
			Lease: time.Duration(r.LeaseMs) * time.Millisecond, Alone: r.Remembers != "shared", StartedAt: moment(r.StartedAt), LastSeen: moment(r.LastSeen)}, nil
	})
}

// FenceNode keeps a node that has not renewed since from ever renewing again.
// False: it has renewed in the meantime.
func (s *Store) FenceNode(ctx context.Context, id string, renewals int64) (bool, error) {
	var rows int64
	err := s.write(ctx, func(t *tx) (err error) {
		rows, err = t.FenceNode(ctx, db.FenceNodeParams{ID: id, RenewSeq: renewals})
		return err
	})
	return rows > 0, err
}

// BuryNode ends a fenced node, when its lease is over for certain.
func (s *Store) BuryNode(ctx context.Context, id string) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.BuryNode(ctx, id)
		return err
	})
}

// LeaveNode ends a node that has stopped to serve.
func (s *Store) LeaveNode(ctx context.Context, id string) error {
	return s.write(ctx, func(t *tx) error { return t.LeaveNode(ctx, id) })
}

// Restored marks the database as put back from a backup: every gateway node that
// served by it before stops, and every member signs in anew. Which keys must not
// go on is for the caller to say.
func (s *Store) Restored(ctx context.Context, act latchkey.Activity) error {
	return s.act(ctx, func(t *tx) error {
		if err := t.Restored(ctx); err != nil {
			return err
		}
		if err := t.DeleteAllSessions(ctx); err != nil {
			return err
		}
		if err := t.DeleteAllOperatorSessions(ctx); err != nil {
			return err
		}
		if err := t.FenceAllNodes(ctx); err != nil {
			return err
		}
		_, err := t.record(ctx, act, nil)
		return err
	})
}

// notify tells other processes at the commit. SQLite has none.
func (t *tx) notify(ctx context.Context, channel string) error { return t.tell(ctx, channel, "") }

// tell is notify with more than the channel's name (see Notice).
func (t *tx) tell(ctx context.Context, channel, what string) error {
	if !t.store.engine.shared {
		return nil
	}
	_, err := t.sql.ExecContext(ctx, "SELECT pg_notify($1, $2)", channel, what)
	return err
}
