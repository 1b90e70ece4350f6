package courier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
)

func TestCodeAndNoticeAreSentOnceAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.outbox.put(smsCode(time.Now()))
		b.outbox.put(mailCode(time.Now()))
		b.outbox.put(notice(time.Now(), 7, latchkey.ActKeyActivated))
		stop := b.start(t)
		time.Sleep(3 * time.Minute) // longer than Hold: a letter that stayed would go out again
		stop()
		sms, mails := b.sms.messages(), b.mail.messages()
		if len(sms) != 1 || len(mails) != 2 || b.outbox.left() != 0 {
			t.Fatalf("got %d SMS, %d mails, %d letters left; want 1, 2, 0", len(sms), len(mails), b.outbox.left())
		}
		if sms[0].To != testPhone || sms[0].Expires.IsZero() || !strings.Contains(sms[0].Text, testCode) {
			t.Errorf("wrong SMS: %+v", sms[0])
		}
		for _, m := range mails {
			if m.To != testMail || m.Channel != latchkey.FactorEmail || m.Subject == "" {
				t.Errorf("wrong mail: %+v", m)
			}
		}
		if b.meter.of("sms sent") != 1 || b.meter.of("email sent") != 2 {
			t.Errorf("counted %v", b.meter.counts)
		}
	})
}

// Whatever is no longer true is not sent: the facts at the moment of sending
// decide, not those at the moment of asking.
func TestNothingStaleIsSent(t *testing.T) {
	type facts = latchkey.Facts
	code := map[string]func(*latchkey.Letter, *facts){
		"confirmed":                  func(_ *latchkey.Letter, f *facts) { f.Pending.State = latchkey.PendingConfirmed },
		"cancelled":                  func(_ *latchkey.Letter, f *facts) { f.Pending.State = latchkey.PendingCancelled },
		"dead":                       func(_ *latchkey.Letter, f *facts) { f.Pending.Attempts = 5 },
		"void":                       func(_ *latchkey.Letter, f *facts) { f.Pending.State = latchkey.PendingVoid },
		"zero state":                 func(_ *latchkey.Letter, f *facts) { f.Pending.State = "" },
		"pending expired":            func(_ *latchkey.Letter, f *facts) { f.Pending.ExpiresAt = time.Now() },
		"code is 5:00 old":           func(_ *latchkey.Letter, f *facts) { f.Pending.CodeSentAt = time.Now().Add(-5 * time.Minute) },
		"a newer send":               func(_ *latchkey.Letter, f *facts) { f.Pending.Sends = 2 },
		"send of the future":         func(l *latchkey.Letter, _ *facts) { l.Send = 2 },
		"factor makes its own codes": func(_ *latchkey.Letter, f *facts) { f.Pending.FactorKind = latchkey.FactorTOTP },
		"other pending":              func(_ *latchkey.Letter, f *facts) { f.Pending.ID = "pnd_other" },
		"other member":               func(_ *latchkey.Letter, f *facts) { f.Member.ID = "mem_2" },
		"no code":                    func(_ *latchkey.Letter, f *facts) { f.Pending.Code = "" },
		"no phone":                   func(_ *latchkey.Letter, f *facts) { f.Phone = "" },
		"unknown kind":               func(l *latchkey.Letter, _ *facts) { l.Kind = "postcard" },
	}
	for name, spoil := range code {
		t.Run("code: "+name, func(t *testing.T) { neverSent(t, smsCode, spoil) })
	}
	news := map[string]func(*latchkey.Letter, *facts){
		"other activity":    func(l *latchkey.Letter, _ *facts) { l.Activity = 8 },
		"no activity":       func(l *latchkey.Letter, f *facts) { l.Activity, f.Activity.Seq = 0, 0 },
		"other member":      func(_ *latchkey.Letter, f *facts) { f.Member.ID = "mem_2" },
		"another account's": func(_ *latchkey.Letter, f *facts) { f.Activity.AccountID = "acc_2" },
		"type without text": func(_ *latchkey.Letter, f *facts) { f.Activity.Type = latchkey.ActCodeSent },
		"no e-mail address": func(_ *latchkey.Letter, f *facts) { f.Member.Email = "" },
		"five days old":     func(_ *latchkey.Letter, f *facts) { f.Activity.At = time.Now().Add(-noticeLife) },
	}
	for name, spoil := range news {
		make7 := func(now time.Time) (latchkey.Letter, facts) { return notice(now, 7, latchkey.ActKeyEdited) }
		t.Run("notice: "+name, func(t *testing.T) { neverSent(t, make7, spoil) })
	}
}

// neverSent first shows that the letter would go out unspoilt.
func neverSent(t *testing.T, good func(time.Time) (latchkey.Letter, latchkey.Facts), spoil func(*latchkey.Letter, *latchkey.Facts)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		for _, spoilt := range []bool{false, true} {
			b := newBench()
			l, f := good(time.Now())
			if spoilt {
				spoil(&l, &f)
			}
			b.outbox.put(l, f)
			stop := b.start(t)
			time.Sleep(time.Minute)
			stop()
			if sent := len(b.sms.messages()) + len(b.mail.messages()); (sent == 0) != spoilt {
				t.Errorf("spoilt %v: %d sent", spoilt, sent)
			}
			if b.outbox.left() != 0 {
				t.Errorf("spoilt %v: the letter was kept", spoilt)
			}
			if spoilt && !strings.Contains(b.log.String(), "dropped") {
				t.Error("no log line says that it was dropped")
			}
			noContent(t, b.log.String())
		}
	})
}

func noContent(t *testing.T, log string) {
	t.Helper()
	for _, private := range []string{testCode, testPhone, testMail, "bot-1"} {
		if strings.Contains(log, private) {
			t.Errorf("the log holds %q:\n%s", private, log)
		}
	}
}

func TestCodeIsSentAt4m59AndNotAt5m00(t *testing.T) {
	for age, want := range map[time.Duration]int{4*time.Minute + 59*time.Second: 1, 5 * time.Minute: 0} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.outbox.put(smsCode(time.Now()))
			time.Sleep(age)
			stop := b.start(t)
			time.Sleep(time.Second / 2)
			stop()
			if got := len(b.sms.messages()); got != want {
				t.Errorf("after %s: %d sent, want %d", age, got, want)
			}
		})
	}
}

// A cancellation between two tries counts.
func TestCodeCancelledWhileTheProviderWasDownIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.sms.do = func(_ context.Context, n int) error {
			if n < 3 {
				return errDown
			}
			return nil
		}
		l, f := smsCode(time.Now())
		b.outbox.put(l, f)
		stop := b.start(t)
		time.Sleep(500 * time.Millisecond) // the first try failed
		b.outbox.change(l, func(f *latchkey.Facts) { f.Pending.State = latchkey.PendingCancelled })
		time.Sleep(time.Minute)
		stop()
		if n := len(b.sms.tries()); n != 1 || b.outbox.left() != 0 {
			t.Errorf("%d tries, %d letters left; want 1 and 0", n, b.outbox.left())
		}
	})
}

func TestRetryWaitsLongerEachTime(t *testing.T) {
	cases := map[string]struct {
		letter func(time.Time) (latchkey.Letter, latchkey.Facts)
		most   time.Duration
	}{
		"notice: up to 5 min": {func(now time.Time) (latchkey.Letter, latchkey.Facts) { return notice(now, 7, latchkey.ActKeyEdited) }, 5 * time.Minute},
		"code: up to 5 s":     {mailCode, 5 * time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				b.mail.do = func(_ context.Context, n int) error {
					if n <= 12 {
						return errDown
					}
					return nil
				}
				b.outbox.put(tc.letter(time.Now()))
				stop := b.start(t)
				time.Sleep(time.Hour)
				stop()
				if len(b.mail.messages()) != 1 {
					t.Fatalf("sent %d times after %d tries", len(b.mail.messages()), len(b.mail.tries()))
				}
				want := time.Second
				for i, got := range b.outbox.retries() {
					if got > want || got < want*3/4 {
						t.Errorf("wait %d is %s, want %s to %s", i+1, got, want*3/4, want)
					}
					want = min(2*want, tc.most)
				}
				if b.meter.of("email failed") != 12 || b.meter.of("email sent") != 1 {
					t.Errorf("counted %v", b.meter.counts)
				}
			})
		})
	}
}

func TestWaitsDifferSoThatLettersDoNotComeBackTogether(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		seen[backoff(5, longestWait)] = true
	}
	if len(seen) < 40 {
		t.Errorf("only %d different waits of 50", len(seen))
	}
	if got := backoff(1000, longestWait); got > longestWait || got < longestWait*3/4 {
		t.Errorf("wait after 1000 tries is %s", got)
	}
	if got := backoff(-1, longestWait); got > time.Second {
		t.Errorf("wait after -1 tries is %s", got)
	}
}

func TestPermanentFailureIsDroppedAfterOneTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.sms.do = func(context.Context, int) error {
			return fmt.Errorf("%s is no number (%s): %w", testPhone, testCode, ErrPermanent)
		}
		b.outbox.put(smsCode(time.Now()))
		stop := b.start(t)
		time.Sleep(time.Minute)
		stop()
		if n := len(b.sms.tries()); n != 1 || b.outbox.left() != 0 || b.meter.of("sms dropped") != 1 {
			t.Errorf("%d tries, %d left, counted %v", n, b.outbox.left(), b.meter.counts)
		}
		if strings.Contains(b.log.String(), testPhone) {
			t.Errorf("a careless sender put the number into the log:\n%s", b.log)
		}
	})
}

// A text message provider that hangs fills its own lane only.
func TestHangingSMSDoesNotHoldUpMails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.sms.do = hang
		for range 50 {
			b.outbox.put(smsCode(time.Now()))
		}
		b.outbox.put(mailCode(time.Now()))
		stop := b.start(t)
		time.Sleep(time.Second)
		if len(b.mail.messages()) != 1 {
			t.Error("the mail waits behind the text messages")
		}
		if n := len(b.sms.tries()); n != laneWidth {
			t.Errorf("%d text messages are under way, want %d", n, laneWidth)
		}
		time.Sleep(sendTime) // now the first tries were given up
		if n := len(b.sms.tries()); n <= laneWidth {
			t.Error("a hanging try is never given up")
		}
		stop()
	})
}

func TestPanickingSenderStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.sms.do = func(_ context.Context, n int) error {
			if n <= 6 { // more than the lane has places
				panic("about " + testPhone + " and " + testCode)
			}
			return nil
		}
		for range 8 {
			b.outbox.put(smsCode(time.Now()))
		}
		stop := b.start(t)
		time.Sleep(time.Minute)
		stop()
		if n := len(b.sms.messages()); n != 8 || b.outbox.left() != 0 {
			t.Errorf("%d of 8 sent, %d left", n, b.outbox.left())
		}
		noContent(t, b.log.String())
	})
}

func TestFailingOrPanickingOutboxIsWaitedOut(t *testing.T) {
	for _, method := range []string{"ReceiveLetter", "Facts", "LetterDone", "LetterRetry"} {
		for name, fail := range map[string]func() error{
			"fails": func() error { return errors.New("database is locked") }, "panics": func() error { panic("nil map") },
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBench()
					bad := 2
					b.outbox.broken = func(m string) error {
						if m == method && bad > 0 {
							bad--
							return fail()
						}
						return nil
					}
					b.sms.do = func(_ context.Context, n int) error {
						if n == 1 && method == "LetterRetry" {
							return errDown
						}
						return nil
					}
					b.outbox.put(smsCode(time.Now()))
					stop := b.start(t)
					time.Sleep(20 * time.Second) // less than Hold: nothing was left to the outbox's own timer
					stop()
					if n := len(b.sms.messages()); n != 1 || b.outbox.left() != 0 {
						t.Errorf("%d sent, %d left; want 1 and 0", n, b.outbox.left())
					}
				})
			})
		}
	}
}

func TestWhatIsBeingSentIsFinishedWhenTheCourierStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.sms.do = func(ctx context.Context, _ int) error {
			select {
			case <-time.After(2 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		b.outbox.put(smsCode(time.Now()))
		stop := b.start(t)
		time.Sleep(time.Second)
		stop()
		if len(b.sms.messages()) != 1 || b.outbox.left() != 0 {
			t.Errorf("%d sent, %d left; want 1 and 0", len(b.sms.messages()), b.outbox.left())
		}
	})
}

func TestHangingProviderDelaysTheStopByTheGraceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.sms.do = hang
		b.outbox.put(smsCode(time.Now()))
		stop := b.start(t)
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took != grace {
			t.Errorf("stopped after %s, want %s", took, grace)
		}
		if b.outbox.left() != 1 || len(b.outbox.retries()) != 1 {
			t.Error("the letter was not given back")
		}
	})
}

func TestChannelWithoutProviderIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		cfg := b.config()
		cfg.SMS = nil
		b.courier = New(cfg)
		b.outbox.put(smsCode(time.Now()))
		b.outbox.put(mailCode(time.Now()))
		stop := b.start(t)
		time.Sleep(time.Second)
		stop()
		if b.outbox.left() != 0 || len(b.mail.messages()) != 1 || b.meter.of("sms dropped") != 1 {
			t.Errorf("%d left, counted %v", b.outbox.left(), b.meter.counts)
		}
	})
}

func TestRunRefusesUnusableConfig(t *testing.T) {
	if err := New(Config{Limits: latchkey.DefaultLimits()}).Run(t.Context()); err == nil {
		t.Error("ran without an outbox")
	}
	if err := New(Config{Outbox: newMemory(time.Now)}).Run(t.Context()); err == nil {
		t.Error("ran without limits")
	}
}
