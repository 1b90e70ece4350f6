//go:build fault

package fault

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

// chaos breaks some of the machines, one fault after the other. What it does
// follows from the seed; when it does it, from the computer's mood.
type chaos struct {
	*site
	rng     *rand.Rand
	targets []*machine
	kinds   []faultKind
}

// faultKind is one kind of fault. It mends what it broke before it returns.
type faultKind struct {
	name string
	do   func(c *chaos, ctx context.Context, m *machine)
}

var faultKinds = []faultKind{
	{"kill", func(c *chaos, ctx context.Context, m *machine) {
		m.kill()
		c.wait(ctx, 0.2, 1)
		c.restart(m)
	}},
	{"stop", func(c *chaos, _ context.Context, m *machine) {
		m.stop()
		c.restart(m)
	}},
	{"pause", func(c *chaos, ctx context.Context, m *machine) {
		m.signal(syscall.SIGSTOP)
		c.wait(ctx, 0.2, 2.2)
		m.signal(syscall.SIGCONT)
	}},
	{"cut both ways", func(c *chaos, ctx context.Context, m *machine) {
		m.line.there.cut()
		m.line.back.cut()
		c.wait(ctx, 0.2, 2.2)
		m.line.mend()
	}},
	{"cut to the database", func(c *chaos, ctx context.Context, m *machine) {
		m.line.there.cut()
		c.wait(ctx, 0.2, 2.2)
		m.line.mend()
	}},
	{"cut from the database", func(c *chaos, ctx context.Context, m *machine) {
		m.line.back.cut()
		c.wait(ctx, 0.2, 2.2)
		m.line.mend()
	}},
	{"slow", func(c *chaos, ctx context.Context, m *machine) {
		d := time.Duration(2+c.rng.IntN(60)) * time.Millisecond
		m.line.there.slow(d)
		m.line.back.slow(d)
		c.wait(ctx, 0.5, 2.2)
		m.line.mend()
	}},
	{"reset", func(_ *chaos, _ context.Context, m *machine) { m.line.reset() }},
	{"kill while cut", func(c *chaos, ctx context.Context, m *machine) {
		m.line.back.cut()
		c.wait(ctx, 0.1, 1)
		m.kill()
		m.line.mend()
		c.restart(m)
	}},
}

// run breaks and mends until the context ends, and leaves everything whole.
func (c *chaos) run(ctx context.Context) {
	for ctx.Err() == nil {
		m, kind := c.targets[c.rng.IntN(len(c.targets))], c.kinds[c.rng.IntN(len(c.kinds))]
		if !m.running() {
			c.count("ended by itself")
			c.restart(m)
		}
		c.count(kind.name)
		kind.do(c, ctx, m)
		c.wait(ctx, 0.1, 1)
	}
	for _, m := range c.targets {
		if !m.running() {
			c.restart(m)
		}
	}
}

// wait lasts a part of the lease.
func (c *chaos) wait(ctx context.Context, least, most float64) {
	pause(ctx, time.Duration((least+c.rng.Float64()*(most-least))*float64(c.lease)))
}

// restart starts a machine again, as often as it takes while the database is
// away.
func (c *chaos) restart(m *machine) {
	m.end(syscall.SIGKILL)
	// On a busy computer the database may be taken away again and again meanwhile.
	for end := time.Now().Add(5 * readyLimit); ; {
		ok, err := m.start()
		if err != nil || !ok && time.Now().After(end) {
			said := m.said("")
			c.site.fault("%s does not start again: %v %v", m.name, err, said[max(0, len(said)-10):])
			return
		}
		if ok {
			return
		}
		pause(context.Background(), 200*time.Millisecond)
	}
}

// runDatabase crashes the primary, leaves it no room for its log, or lets the
// standby take over, now and then; and it takes Redis away, which refuses calls
// and lets none through.
func (c *chaos) runDatabase(ctx context.Context) {
	for n := c.rng.IntN(4); ; n++ {
		if c.wait(ctx, 2, 5); ctx.Err() != nil {
			return
		}
		var err error
		switch n % 4 {
		case 0:
			err = c.crash(ctx)
		case 1:
			err = c.takeover(ctx)
		case 2:
			c.count("redis crash")
			c.redis.Kill(c.t)
			c.wait(ctx, 0.1, 1.5)
			c.redis.Restart(c.t)
		case 3:
			err = c.fullDisk(ctx)
		}
		if err != nil {
			c.site.fault("the database: %v", err)
			return
		}
	}
}

func (c *chaos) crash(ctx context.Context) error {
	c.count("database crash")
	c.db.StopPrimary()
	c.wait(ctx, 0.1, 1.5)
	return c.db.StartPrimary()
}

// fullDisk lets PostgreSQL run out of room, on the disk of the primary.
func (c *chaos) fullDisk(ctx context.Context) error {
	c.count("database disk full")
	if err := c.db.FillDisk(); err != nil {
		return err
	}
	c.wait(ctx, 0.1, 1.5)
	return c.db.FreeDisk()
}

// takeover promotes the standby while the old primary lives on. Some machines
// still speak with that one for a while, some with both; it can be read, but
// commits nothing.
func (c *chaos) takeover(ctx context.Context) error {
	c.count("database takeover")
	end, err := c.db.Promote()
	if err != nil {
		return err
	}
	lines := []*line{c.deskLine}
	for _, m := range c.machines {
		lines = append(lines, m.line)
	}
	c.rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	half := c.rng.IntN(len(lines))
	next := c.db.Socket()
	for i, l := range lines {
		if l.target.Store(&next); i < half {
			l.reset()
		}
	}
	adding := make(chan error, 1)
	go func() { adding <- c.db.AddStandby() }()
	c.wait(ctx, 0.2, 2)
	for _, l := range lines[half:] {
		l.reset()
	}
	end()
	return <-adding
}
