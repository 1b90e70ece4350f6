package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"latchkey"
)

func TestAllLivingKeysAreLoaded(t *testing.T) {
	onEach(t, func(s *suite) {
		want := map[string]string{}
		for i := range 4 {
			k := s.key(fmt.Sprintf("bot-%d", i))
			want[k.ID] = "secret-canary-of-" + k.ID
			if i == 0 {
				_, err := s.Apply(s.ctx, s.move(k, latchkey.OpDelete, nil))
				s.must(err)
				delete(want, k.ID)
			}
		}
		got := map[string]string{}
		_, err := s.LoadKeys(s.ctx, func(k latchkey.Key, secret latchkey.Secret) error {
			got[k.ID] = secret.Reveal()
			return nil
		})
		s.must(err)
		s.same(got, want)
		full := errors.New("the table is full")
		if _, err := s.LoadKeys(s.ctx, func(latchkey.Key, latchkey.Secret) error { return full }); !errors.Is(err, full) {
			t.Fatalf("LoadKeys = %v, want the error of take", err)
		}
	})
}

func TestKeyWithoutItsSecretIsNotLoaded(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		take := func(latchkey.Key, latchkey.Secret) error { t.Error("a bad key was given out"); return nil }
		for _, tamper := range []string{
			"UPDATE api_key SET secret = substr(secret, 1, 0)",
			`UPDATE api_key SET allowlist = '["nonsense"]'`,
			`UPDATE api_key SET permissions = '["nonsense"]'`,
		} {
			s.raw(tamper)
			_, err := s.LoadKeys(s.ctx, take)
			s.unknown(err)
			_, _, err = s.KeyMaterial(s.ctx, k.ID)
			s.unknown(err)
		}
	})
}

func TestUseIsAddedAndNeverGoesBack(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		at := start.Add(time.Hour)
		s.must(s.NoteUse(s.ctx, nil, nil))
		s.must(s.NoteUse(s.ctx, []latchkey.KeyUse{{KeyID: k.ID, LastUsed: at, Allowed: 3, Refused: 1}, {KeyID: "lk_none", LastUsed: at}}, nil))
		late := []latchkey.KeyUse{{KeyID: k.ID, LastUsed: start, Allowed: 2}}
		for i := range 250 { // more than one statement takes, and the key in its last
			late = append([]latchkey.KeyUse{{KeyID: fmt.Sprint("lk_none", i), Allowed: 7}}, late...)
		}
		s.must(s.NoteUse(s.ctx, late, nil))
		got, err := s.Key(s.ctx, s.account.ID, k.ID)
		s.must(err)
		k.LastUsed = at
		s.same(got, k)
		s.same(s.number("SELECT 10 * allowed + refused FROM tally"), int64(51))
		s.same(s.number("SELECT rev FROM authority"), int64(1)) // use is no change of the key
	})
}

func TestRefusedCallsAreListedNewestFirst(t *testing.T) {
	onEach(t, func(s *suite) {
		var calls []latchkey.RefusedCall
		for i := range 3 {
			calls = append(calls, latchkey.RefusedCall{At: start.Add(time.Duration(i) * time.Second), AccountID: s.account.ID, KeyID: "lk_1",
				Action: "do_my_new_order", IP: "192.0.2.7", Reason: "not_permitted", Detail: "needs Trade\x00", RequestID: fmt.Sprint(i)})
		}
		s.must(s.NoteUse(s.ctx, nil, calls[:2]))
		s.must(s.NoteUse(s.ctx, nil, calls[2:]))
		list := func(account, key string, before int64, limit int) []latchkey.RefusedCall {
			got, err := s.RefusedCalls(s.ctx, account, key, before, limit)
			s.must(err)
			return got
		}
		for i := range calls {
			calls[i].Seq, calls[i].Detail = int64(i+1), "needs Trade\uFFFD"
		}
		s.same(list(s.account.ID, "lk_1", 0, 10), []latchkey.RefusedCall{calls[2], calls[1], calls[0]})
		s.same(list(s.account.ID, "lk_1", 3, 1), []latchkey.RefusedCall{calls[1]})
		s.same(len(list("acc_other", "lk_1", 0, 10)), 0)
		s.same(len(list(s.account.ID, "lk_2", 0, 10)), 0)
		_, err := s.RefusedCalls(s.ctx, s.account.ID, "lk_1", 0, 0)
		s.refused(err, "invalid_limit")
	})
}

func TestOfEachKeyTheNewestThousandRefusedCallsAreKept(t *testing.T) {
	onEach(t, func(s *suite) {
		s.must(s.NoteUse(s.ctx, nil, []latchkey.RefusedCall{{At: start, AccountID: s.account.ID, KeyID: "lk_2"}}))
		calls := make([]latchkey.RefusedCall, 1001)
		for i := range calls {
			calls[i] = latchkey.RefusedCall{At: start, AccountID: s.account.ID, KeyID: "lk_1", RequestID: fmt.Sprint(i)}
		}
		s.must(s.NoteUse(s.ctx, nil, calls))
		s.same(s.number("SELECT count(*) FROM refused_call WHERE key_id = 'lk_1'"), int64(1000))
		s.same(s.number("SELECT count(*) FROM refused_call WHERE request_id = '0'"), int64(0))
		s.same(s.number("SELECT count(*) FROM refused_call WHERE key_id = 'lk_2'"), int64(1))
	})
}

// A stranger who knows only the id of a key sends calls with wrong signatures
// until what the key's holder was refused has been pushed out.
func TestForgedCallsPushOutNothingOfTheHolder(t *testing.T) {
	onEach(t, func(s *suite) {
		holder := latchkey.RefusedCall{At: start, AccountID: s.account.ID, KeyID: "lk_1", Reason: "permission_missing", RequestID: "holder"}
		s.must(s.NoteUse(s.ctx, nil, []latchkey.RefusedCall{holder}))
		forged := make([]latchkey.RefusedCall, 1001)
		for i := range forged {
			forged[i] = latchkey.RefusedCall{At: start, AccountID: s.account.ID, KeyID: "lk_1", Reason: "unauthorized", RequestID: fmt.Sprint(i)}
		}
		s.must(s.NoteUse(s.ctx, nil, forged))
		s.same(s.number("SELECT count(*) FROM refused_call WHERE request_id = 'holder'"), int64(1))
		s.same(s.number("SELECT count(*) FROM refused_call WHERE reason = 'unauthorized'"), int64(1000))
	})
}
