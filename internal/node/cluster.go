package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/cluster"
	"latchkey/internal/gateway"
	"latchkey/internal/store"
	"latchkey/internal/verify"
)

// loadKeys fills the gateway's table before anything listens. On a shared
// database the node joins the others, and holds a lease from then on.
func (n *Node) loadKeys(ctx context.Context) error {
	n.table, n.tally = verify.NewTable(), verify.NewTally()
	n.sessions = gateway.NewSessions(n.table)
	n.feed = cluster.NewFeed(n.sessions, n.material, n.config.Log)
	if n.storage.store.Shared() {
		return n.join(ctx)
	}
	_, err := n.storage.store.LoadKeys(ctx, func(k latchkey.Key, s latchkey.Secret) error {
		n.table.Put(k, s)
		return nil
	})
	return err
}

// material reads a key that this process lost track of.
func (n *Node) material(ctx context.Context, keyID string) (latchkey.Key, latchkey.Secret, error) {
	load := n.storage.store.KeyMaterial
	if n.barrier != nil {
		load = n.barrier.Settled(load)
	}
	return load(ctx, keyID)
}

// join makes this process one of several.
func (n *Node) join(ctx context.Context) error {
	c, db := n.config, n.storage.store
	name, err := os.Hostname()
	if err != nil {
		name = "gateway"
	}
	member, err := cluster.Join(ctx, cluster.MemberConfig{
		Store: db, Table: n.sessions, LoadKeys: db.LoadKeys, Name: cmp.Or(c.NodeName, name),
		Lease: c.Lease, Alone: c.Redis.URL == "", Clock: cluster.RealClock(), Log: c.Log,
	})
	if err != nil {
		return err
	}
	n.member = member
	n.barrier = cluster.NewBarrier(db, cluster.RealClock(), c.Log, member)
	n.rollCall = cluster.NewRollCall(db, n.sessions, member.ID, c.Log)
	n.measure()
	if err := n.mayJoin(ctx); err != nil {
		return err
	}
	n.run("gateway node", func() error { return member.Run(n.work) })
	n.run("watch", func() error { return db.Watch(n.work, n.told) })
	return nil
}

// guard looks after nodes and consoles that died. A gateway alone leaves that to
// the consoles: it may not end another node.
func (n *Node) guard() error {
	if n.barrier == nil {
		return nil
	}
	return n.barrier.Guard(n.work)
}

// told passes a notification of the database on. It is a hint: everybody looks
// by themselves too.
func (n *Node) told(notice store.Notice) {
	switch {
	case notice.Channel == store.ChannelApplied:
		n.barrier.Ring()
	case notice.Channel == store.ChannelSession:
		n.rollCall.Heard(n.work, notice.Said)
	case notice.KeyID != "":
		n.member.Announced(notice.KeyID, notice.Rev)
	default:
		n.member.Wake()
	}
}

// joinLook is how often other nodes are looked at while one joins.
const joinLook = 100 * time.Millisecond

// mayJoin refuses what would break a promise: nodes that do not share what was
// seen, and a database that can lose an acknowledged change when its standby
// takes over. A node that was killed still has its row, and the next start of the
// same server must not be refused for it: whoever stands in the way is watched
// for as long as a lease lasts, and fenced if it does not renew.
func (n *Node) mayJoin(ctx context.Context) error {
	db, begin, seen := n.storage.store, time.Now(), map[string]int64{}
	for {
		nodes, err := db.Nodes(ctx)
		if err != nil {
			return err
		}
		var others []latchkey.GatewayNode
		renews, passed := false, time.Since(begin)
		for _, o := range nodes {
			if o.State != latchkey.NodeLive || o.ID == n.member.ID() {
				continue
			}
			first, known := seen[o.ID]
			if !known {
				first, seen[o.ID] = o.Renewals, o.Renewals
			}
			if o.Renewals == first && passed > cluster.Wait(o.Lease) {
				fenced, err := db.FenceNode(ctx, o.ID, first)
				if err != nil {
					return err
				}
				if fenced {
					continue
				}
			}
			renews = renews || o.Renewals != first
			others = append(others, o)
		}
		refused := n.fits(ctx, others)
		if refused == nil || renews {
			return refused
		}
		select {
		case <-ctx.Done():
			return errors.Join(refused, ctx.Err())
		case <-time.After(joinLook):
		}
	}
}

// fits says why this node cannot serve beside others.
func (n *Node) fits(ctx context.Context, others []latchkey.GatewayNode) error {
	if len(others) == 0 {
		return nil
	}
	alone := ""
	for _, o := range others {
		if o.Alone {
			alone = o.Name
		}
	}
	if n.config.Redis.URL == "" {
		alone = "this one"
	}
	if alone != "" {
		return fmt.Errorf("there are several nodes on this PostgreSQL, and %s has no Redis to share with the others what was seen: an order that is sent to two nodes would be executed twice. Start every node with the same --cluster-redis-url or LATCHKEY_REDIS", alone)
	}
	if n.config.SinglePrimary {
		return nil
	}
	safe, err := n.storage.store.Synchronous(ctx)
	if err == nil && !safe {
		err = errors.New("there are other nodes on this PostgreSQL, and it has no synchronous standby: after a failover it could forget that a key was deactivated. Set synchronous_standby_names (and leave synchronous_commit on), or say --cluster-single-primary when there is no standby that could ever take over")
	}
	return err
}

// publisher brings changes to every node there is.
func (n *Node) publisher() authority.Feed {
	if n.barrier == nil {
		return n.feed
	}
	return cluster.NewShared(n.feed, n.barrier)
}

// leased is what the gateway asks before it decides; nil where it is alone.
func (n *Node) leased() func() bool {
	if n.member == nil {
		return nil
	}
	return n.member.Held
}

// Nodes lists the gateway nodes for the operator.
func (s storage) Nodes(ctx context.Context) ([]latchkey.GatewayNode, latchkey.Revs, error) {
	nodes, err := s.store.Nodes(ctx)
	if err != nil {
		return nil, latchkey.Revs{}, err
	}
	revs, err := s.store.Revs(ctx)
	return nodes, revs, err
}

// measure registers what an operator watches of a node among others.
func (n *Node) measure() {
	gauge := func(name, help string, value func() float64) {
		n.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("latchkey_node_lease_seconds", "How long this gateway node may still serve without the database; 0 when it may not.",
		func() float64 { return n.member.Left().Seconds() })
	gauge("latchkey_node_applied_revision", "Every change of a key up to this revision is in force on this gateway node.",
		func() float64 { return float64(n.member.Applied()) })
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "latchkey_barrier_seconds", Help: "Time until a change of a key was in force on every gateway node.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	})
	n.metrics.MustRegister(seconds)
	n.barrier.Observe = func(took time.Duration) { seconds.Observe(took.Seconds()) }
}

// ledger is what the gateway's nodes share of points and of requests that were
// seen: Redis, or the memory of this process where it is the only one.
func (n *Node) ledger(ctx context.Context, start time.Time) (verify.Ledger, error) {
	c := n.config
	if c.Redis.URL == "" {
		return cluster.NewLocal(cluster.LocalConfig{Window: c.Window, Start: start}), nil
	}
	if n.member == nil {
		return nil, errors.New("--cluster-redis-url is for several gateway nodes on one PostgreSQL; on SQLite there is one, which remembers by itself")
	}
	redis := c.Redis
	redis.Window, redis.Log, redis.Epoch, redis.Nodes = c.Window, c.Log, n.member.Epoch, n.member.Nodes
	shared, err := cluster.NewRedis(ctx, redis)
	if err != nil {
		return nil, err
	}
	n.redis = shared
	if !c.Store.Gateway {
		n.run("epoch", func() error { return shared.Keep(n.work, n.storage.store, n.barrier) })
	}
	return shared, nil
}
