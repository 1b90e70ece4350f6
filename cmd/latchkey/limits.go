package main

import (
	"errors"
	"fmt"
	"time"

	"latchkey"
)

// limitFlags are all timers and limits of the product with their defaults.
type limitFlags struct {
	CodeLife     time.Duration `default:"5m" help:"How long an SMS or e-mail code lives."`
	Resend       time.Duration `default:"2m" help:"When another code may be asked for."`
	Sends        int           `default:"3" help:"Codes sent for one pending."`
	Attempts     int           `default:"5" help:"Evaluations of a code for one pending."`
	WrongCodes   int           `default:"10" help:"Wrong codes, a member and hour."`
	CodesHourly  int           `default:"60" help:"Codes sent, a member and hour."`
	Pendings     int           `default:"300" help:"Operations begun that wait for a proof, a member and hour."`
	PendingLife  time.Duration `default:"15m" help:"How long an operation waits for its proof."`
	Keys         int           `default:"5" help:"Keys an account."`
	SessionIdle  time.Duration `default:"1h" help:"A console session ends after so long without a request."`
	SessionLife  time.Duration `default:"24h" help:"And after so long in any case."`
	SignIns      int           `default:"100" help:"Sign-ins of one source in a quarter of an hour."`
	SignInsEmail int           `default:"20" help:"Of one source for one e-mail address."`
	LinkLife     time.Duration `default:"30m" help:"How long a one-time link lives: forgotten password, first start."`
	Resets       int           `default:"20" help:"Forgotten passwords of one source in an hour."`
	ResetsEmail  int           `default:"5" help:"For one e-mail address, while a link lives."`
	KnownBrowser time.Duration `default:"4320h" help:"How long a browser is known to a member after it signed in: strangers cannot use its tries up."`

	SMSNumber       int `name:"sms-number" default:"15" help:"Codes by SMS to one number in an hour."`
	SMSNumberDaily  int `name:"sms-number-daily" default:"40" help:"And in a day."`
	SMSAccount      int `name:"sms-account" default:"60" help:"Codes by SMS for all members of an account in an hour."`
	SMSAccountDaily int `name:"sms-account-daily" default:"300" help:"And in a day."`
	SMSSource       int `name:"sms-source" default:"60" help:"Codes by SMS that one address asks for in an hour."`
	SMSSourceDaily  int `name:"sms-source-daily" default:"300" help:"And in a day."`
	SMSCountryDaily int `name:"sms-country-daily" default:"2000" help:"Codes by SMS to one country calling code in a day."`

	Points       int           `default:"200" help:"Points of a key and calendar minute."`
	PublicPoints int           `default:"100" help:"Points of an address and calendar minute, for public calls."`
	Window       time.Duration `default:"20s" help:"How far a request's timestamp may lie from the clock."`
}

// limits checks the flags: a limit of nothing would let everything pass, or
// nothing.
func (f limitFlags) limits() (latchkey.Limits, error) {
	var errs []error
	positive := func(name string, ok bool) {
		if !ok {
			errs = append(errs, fmt.Errorf("--limit-%s must be more than 0", name))
		}
	}
	positive("code-life", f.CodeLife > 0)
	positive("resend", f.Resend > 0)
	positive("sends", f.Sends > 0)
	positive("attempts", f.Attempts > 0)
	positive("wrong-codes", f.WrongCodes > 0)
	positive("codes-hourly", f.CodesHourly > 0)
	positive("pendings", f.Pendings > 0)
	positive("pending-life", f.PendingLife > 0)
	positive("keys", f.Keys > 0)
	positive("session-idle", f.SessionIdle > 0)
	positive("session-life", f.SessionLife > 0)
	positive("sign-ins", f.SignIns > 0)
	positive("sign-ins-email", f.SignInsEmail > 0)
	positive("link-life", f.LinkLife > 0)
	positive("resets", f.Resets > 0)
	positive("resets-email", f.ResetsEmail > 0)
	positive("known-browser", f.KnownBrowser >= time.Second)
	positive("sms-number", f.SMSNumber > 0)
	positive("sms-number-daily", f.SMSNumberDaily > 0)
	positive("sms-account", f.SMSAccount > 0)
	positive("sms-account-daily", f.SMSAccountDaily > 0)
	positive("sms-source", f.SMSSource > 0)
	positive("sms-source-daily", f.SMSSourceDaily > 0)
	positive("sms-country-daily", f.SMSCountryDaily > 0)
	positive("points", f.Points > 0)
	positive("public-points", f.PublicPoints > 0)
	positive("window", f.Window >= time.Second)
	return latchkey.Limits{
		CodeLife: f.CodeLife, ResendAfter: f.Resend, MaxSends: f.Sends, MaxAttempts: f.Attempts,
		WrongCodesHourly: f.WrongCodes, CodesHourly: f.CodesHourly, PendingLife: f.PendingLife,
		KeysPerAccount: f.Keys, SessionIdle: f.SessionIdle, SessionLife: f.SessionLife,
		SignInsPerSource: f.SignIns, SignInsPerAddress: f.SignInsEmail,
		LinkLife: f.LinkLife, ResetsPerSource: f.Resets, ResetsPerAddress: f.ResetsEmail,
		PendingsHourly: f.Pendings, KnownBrowser: f.KnownBrowser,
		SMS: latchkey.SMSLimits{
			Number:  latchkey.Rate{Hour: f.SMSNumber, Day: f.SMSNumberDaily},
			Account: latchkey.Rate{Hour: f.SMSAccount, Day: f.SMSAccountDaily},
			Source:  latchkey.Rate{Hour: f.SMSSource, Day: f.SMSSourceDaily},
			Country: f.SMSCountryDaily,
		},
	}, errors.Join(errs...)
}
