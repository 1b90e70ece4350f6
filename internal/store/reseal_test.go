package store_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/seal"
)

// canaries fills every sealed column.
func (s *suite) canaries() (latchkey.Key, latchkey.Factor, latchkey.Pending) {
	s.t.Helper()
	k := s.key("bot-1")
	f := s.enrol(s.owner, latchkey.FactorTOTP, "seed-canary")
	p := s.pending(latchkey.OpEnrolFactor, k)
	p.NewSecret = "new-secret-canary"
	p.Digest = p.ContentDigest()
	_, _, err := s.OpenPending(s.ctx, latchkey.Opening{Pending: p, Activity: s.activity(latchkey.ActPendingOpened),
		Letters: []latchkey.Letter{{Kind: latchkey.LetterCode, PendingID: p.ID}}})
	s.must(err)
	return k, f, p
}

// readable demands that the store opens all of them.
func (s *suite) readable(k latchkey.Key, f latchkey.Factor, p latchkey.Pending) {
	s.t.Helper()
	_, secret, err := s.KeyMaterial(s.ctx, k.ID)
	s.must(err)
	s.same(secret.Reveal(), "secret-canary-of-"+k.ID)
	_, seed, _, err := s.FactorSecret(s.ctx, s.owner.ID, f.ID)
	s.must(err)
	s.same(seed.Reveal(), "seed-canary")
	got, err := s.Pending(s.ctx, p.ID)
	s.must(err)
	s.same(got, p)
}

func TestDatabaseHoldsNoSecretInClear(t *testing.T) {
	onEach(t, func(s *suite) {
		s.canaries()
		dump := s.bytes()
		if !bytes.Contains(dump, []byte("bot-1")) {
			t.Fatal("the dump does not hold the data at all")
		}
		if at := bytes.Index(dump, []byte("canary")); at >= 0 {
			t.Fatalf("a secret stands in clear: %q", dump[max(0, at-40):min(len(dump), at+40)])
		}
	})
}

// bytes is everything that the database keeps.
func (s *suite) bytes() []byte {
	s.t.Helper()
	if s.onPostgres() {
		bin, err := exec.Command("sh", "-c", "ls -d $(pg_config --bindir 2>/dev/null) /usr/lib/postgresql/*/bin 2>/dev/null | tail -1").Output()
		s.must(err)
		// bytea as text, so that a secret in it would be seen.
		cmd := exec.Command(filepath.Join(strings.TrimSpace(string(bin)), "pg_dump"), s.url)
		cmd.Env = append(os.Environ(), "PGOPTIONS=-c bytea_output=escape")
		out, err := cmd.Output()
		s.must(err)
		return out
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(strings.TrimPrefix(s.url, "sqlite:")), "*"))
	s.must(err)
	var out []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		s.must(err)
		out = append(out, text...)
	}
	return out
}

func TestSecretMovedToAnotherRowDoesNotOpen(t *testing.T) {
	onEach(t, func(s *suite) {
		first, f, p := s.canaries()
		second := s.key("bot-2")
		s.raw("UPDATE api_key SET secret = (SELECT secret FROM api_key WHERE id = $1) WHERE id = $2", first.ID, second.ID)
		_, _, err := s.KeyMaterial(s.ctx, second.ID)
		s.unknown(err)
		s.raw("UPDATE pending SET code = new_secret WHERE id = $1", p.ID)
		_, err = s.Pending(s.ctx, p.ID)
		s.unknown(err)
		s.raw("UPDATE factor SET secret = (SELECT secret FROM api_key WHERE id = $1)", first.ID)
		_, _, _, err = s.FactorSecret(s.ctx, s.owner.ID, f.ID)
		s.unknown(err)
	})
}

func TestRotationSealsEverythingAnewWithoutAPause(t *testing.T) {
	onEach(t, func(s *suite) {
		k, f, p := s.canaries()
		s.key("bot-2")
		s.must(s.box.Rotate())
		s.readable(k, f, p)
		left, err := s.Reseal(s.ctx, 1)
		s.must(err)
		s.same(left, 1) // one of the two keys
		s.readable(k, f, p)
		left, err = s.Reseal(s.ctx, 1)
		s.must(err)
		s.same(left, 0)
		s.readable(k, f, p)
		s.verified()
		s.must(s.Close())
		s.box = s.onlyNewest()
		s.open() // the old key opens nothing that is needed
		s.readable(k, f, p)
		s.verified()
	})
}

// onlyNewest is the keyset without the keys before its newest.
func (s *suite) onlyNewest() *seal.Box {
	s.t.Helper()
	text, err := os.ReadFile(s.keyset)
	s.must(err)
	var keyset struct {
		Primary uint32           `json:"primaryKeyId"`
		Keys    []map[string]any `json:"key"`
	}
	s.must(json.Unmarshal(text, &keyset))
	keyset.Keys = slices.DeleteFunc(keyset.Keys, func(k map[string]any) bool { return k["keyId"] != float64(keyset.Primary) })
	s.same(len(keyset.Keys), 1)
	text, err = json.Marshal(keyset)
	s.must(err)
	box, err := seal.Parse(string(text))
	s.must(err)
	return box
}

func TestResealStopsAtAValueItCannotOpen(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		s.key("bot-2")
		s.raw("UPDATE api_key SET secret = (SELECT secret FROM api_key WHERE name = 'bot-2') WHERE id = $1", k.ID)
		s.must(s.box.Rotate())
		if _, err := s.Reseal(s.ctx, 10); err == nil {
			t.Fatal("a moved secret was sealed anew for its wrong place")
		}
	})
}

func TestHousekeepingDeletesWhatHasEnded(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		p := s.pending(latchkey.OpEdit, k)
		_, _, err := s.OpenPending(s.ctx, latchkey.Opening{Pending: p, Activity: s.activity(latchkey.ActPendingOpened), IdempotencyKey: "i"})
		s.must(err)
		_, err = s.ChargeAttempt(s.ctx, s.charge(p))
		s.must(err)
		s.must(s.NoteUse(s.ctx, nil, []latchkey.RefusedCall{{At: s.now(), AccountID: s.account.ID, KeyID: k.ID}}))
		count := func() []int64 {
			var out []int64
			for _, table := range []string{"session", "pending", "idempotency", "bucket", "refused_call"} {
				out = append(out, s.number("SELECT count(*) FROM "+table))
			}
			return out
		}
		for _, c := range []struct {
			at   time.Duration
			want []int64
		}{
			{24*time.Hour - time.Second, []int64{1, 1, 1, 1, 1}},
			{24 * time.Hour, []int64{0, 1, 0, 1, 1}},
			{24*time.Hour + 15*time.Minute, []int64{0, 0, 0, 1, 1}},
			{48 * time.Hour, []int64{0, 0, 0, 0, 1}},
			{90 * 24 * time.Hour, []int64{0, 0, 0, 0, 0}},
		} {
			s.clock.Store(start.Add(c.at).UnixMicro())
			s.must(s.Housekeep(s.ctx))
			s.same(count(), c.want)
		}
		_, err = s.Key(s.ctx, s.account.ID, k.ID)
		s.must(err)
		s.verified()
	})
}
