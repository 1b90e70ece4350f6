package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"latchkey"
)

// crowd writes so many active keys beside the store, of which two pages and more
// are loaded by several goroutines.
func (s *suite) crowd(keys int) (ids []string) {
	s.t.Helper()
	var rows []string
	var args []any
	write := func() {
		s.raw(`INSERT INTO api_key (id, account_id, name, permissions, allowlist, status, version, rev, secret, created_at, updated_at) VALUES `+
			strings.Join(rows, ", "), args...)
		rows, args = nil, nil
	}
	for n := range keys {
		id := latchkey.NewKeyID()
		sealed, err := s.box.Seal("api_key", "secret", id, []byte("secret of "+id))
		s.must(err)
		list := fmt.Sprintf(`["192.0.2.%d","198.51.100.0/24"]`, n%256)
		permissions := []string{`["read"]`, `["read","trade"]`, `["read","funds_wallet"]`}[n%3]
		at := len(args)
		rows = append(rows, fmt.Sprintf("($%d, $%d, $%d, $%d, $%d, 'active', $%d, 1, $%d, 1, 1)", at+1, at+2, at+3, at+4, at+5, at+6, at+7))
		args = append(args, id, s.account.ID, fmt.Sprint("bot-", n), permissions, list, int64(n+1), sealed)
		if ids = append(ids, id); len(rows) == 400 {
			write()
		}
	}
	if len(rows) > 0 {
		write()
	}
	return ids
}

// crowded is more than three pages.
const crowded = 1700

func TestEachOfManyKeysIsLoadedOnceAndWhole(t *testing.T) {
	onEach(t, func(s *suite) {
		ids := s.crowd(crowded)
		got := map[string]latchkey.Key{}
		_, err := s.LoadKeys(s.ctx, func(k latchkey.Key, secret latchkey.Secret) error {
			if _, twice := got[k.ID]; twice || secret.Reveal() != "secret of "+k.ID {
				t.Errorf("%s: given twice %v, or with another secret", k.ID, twice)
			}
			got[k.ID] = k
			return nil
		})
		s.must(err)
		for n, id := range ids {
			list, err := latchkey.NewAllowlist([]string{fmt.Sprintf("192.0.2.%d", n%256), "198.51.100.0/24"})
			s.must(err)
			s.same(got[id], latchkey.Key{ID: id, AccountID: s.account.ID, Allowlist: list, Status: latchkey.StatusActive, Version: int64(n + 1),
				Permissions: latchkey.Read | []latchkey.Permissions{0, latchkey.Trade, latchkey.FundsWallet}[n%3]})
		}
		s.same(len(got), len(ids))
	})
}

// Nothing is given out after the first error, by no goroutine, so a node never
// goes on with a part of its keys.
func TestLoadingEndsAtTheFirstError(t *testing.T) {
	onEach(t, func(s *suite) {
		ids := s.crowd(crowded)
		full := errors.New("the table is full")
		for _, most := range []int{1, 2, 501} {
			given := 0
			_, err := s.LoadKeys(s.ctx, func(latchkey.Key, latchkey.Secret) error {
				if given++; given >= most {
					return full
				}
				return nil
			})
			if !errors.Is(err, full) || given != most {
				t.Errorf("%d keys were given out, want %d, and the error is %v", given, most, err)
			}
		}
		ctx, stop := context.WithCancel(s.ctx)
		given := 0
		_, err := s.LoadKeys(ctx, func(latchkey.Key, latchkey.Secret) error { given++; stop(); return nil })
		if !errors.Is(err, context.Canceled) || given != 1 {
			t.Errorf("%d keys were given out after the end of the context, and the error is %v", given-1, err)
		}
		for _, spoil := range []string{
			"UPDATE api_key SET allowlist = 'null' WHERE id = $1",
			"UPDATE api_key SET allowlist = '[]', permissions = 'null, []' WHERE id = $1",
			"UPDATE api_key SET permissions = '[]', secret = substr(secret, 1, 40) WHERE id = $1",
		} {
			s.raw(spoil, ids[crowded-1])
			_, err := s.LoadKeys(s.ctx, func(latchkey.Key, latchkey.Secret) error { return nil })
			if err == nil || !strings.Contains(err.Error(), ids[crowded-1]) {
				t.Errorf("one key of many is spoiled, and the error is %v", err)
			}
		}
	})
}
