package gateway

import (
	"encoding/json"
	"errors"
	"time"

	"latchkey"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// Refusals of messages. They have the form of REST's, inside of data.
var (
	noLogon     = because(401, "unauthorized", "Authorize first: send an auth message")
	noSecond    = because(400, codeBadRequest, "This session is authorized already; open another one for another key")
	noAuthHere  = because(400, codeBadRequest, "This path takes no auth; private calls have a path of their own")
	noSessions  = because(429, "too_many_sessions", partSessions.text)
	notReached  = because(502, codeUpstream, "The exchange cannot be reached; connect again later")
	notSent     = because(502, codeUpstream, "The exchange ended the session; whether this message was executed is not known")
	stateChange = because(503, codeChanging, "The API key is being changed; the message was not executed")
)

// envelope is a message as it was read: raw JSON values, nil where the message
// has none.
type envelope struct {
	e, oid, data, auth []byte
	kind               string // e without its quotes
}

// maxOID is the longest oid, quotes included, that is echoed.
const maxOID = 256

// open reads the envelope of a message, or says why there is no sense in going
// on with this client.
func open(message []byte) (m envelope, end *parting) {
	err := signature.ScanJSON(message, signature.Field{Name: "e", Value: &m.e}, signature.Field{Name: "oid", Value: &m.oid},
		signature.Field{Name: "data", Value: &m.data}, signature.Field{Name: "auth", Value: &m.auth})
	switch {
	case errors.Is(err, signature.ErrUTF8):
		return m, &partUTF8
	case err != nil:
		return m, &parting{codeBadRequest, "The message is not one plain JSON object: " + err.Error(), partBinary.status, 0}
	}
	kind, ok := signature.PlainString(m.e)
	if m.kind = string(kind); !ok {
		return m, &parting{codeBadRequest, "The message has no member e that is plain text", partBinary.status, 0}
	}
	switch {
	case m.oid == nil && m.kind != "auth" && m.kind != "ping":
		return m, &parting{codeBadRequest, "The message has no oid", partBinary.status, 0}
	case m.oid != nil && (m.oid[0] != '"' || len(m.oid) > maxOID):
		return m, &parting{codeBadRequest, "The oid must be text of at most 254 bytes", partBinary.status, 0}
	}
	return m, nil
}

// take carries out one message of the client's.
func (s *session) take(message []byte) {
	m, end := open(message)
	if end != nil {
		s.part(*end)
		return
	}
	switch m.kind {
	case "ping":
		s.keepAlive()
		s.send([]byte(`{"e":"pong"}`))
	case "auth":
		s.apart(func() { s.logon(m) })
	default:
		s.call(m, message)
	}
}

// call takes a message through the checks and on to the exchange.
func (s *session) call(m envelope, message []byte) {
	x := exchange{id: s.name(), start: time.Now(), addr: s.addr}
	defer s.g.finish(&x)
	action, known := s.g.Catalog.Lookup(m.kind)
	grant := s.grant.Load()
	switch {
	case !known || s.public && !action.PublicWS || !s.public && !action.WS:
		s.refuse(&x, m, because(400, codeBadRequest, "Unsupported message type "+brief(m.kind)))
		s.part(partUnknown)
		return
	case !s.public && grant == nil:
		s.refuse(&x, m, noLogon)
		return
	}
	x.action, x.kind = action, kindMessage
	v := s.judge(&x, grant, message)
	if !v.Allowed() {
		s.refuse(&x, m, refusalOf(&v))
		if v.Reason == verify.RateLimited {
			s.part(partPoints)
		}
		return
	}
	x.code, x.status = v.Reason.Code(), v.Reason.Status()
	if s.public && s.leg.Load() == nil {
		// At the first call, so that who only looks in costs the exchange nothing.
		if end := s.connect(nil); end != nil {
			s.refuse(&x, m, notReached)
			s.part(*end)
			return
		}
		s.listen()
	}
	if no := s.forward(&v, message); no != nil {
		s.refuse(&x, m, no)
	}
}

// judge asks for the verdict on a call, and notes it for the key's owner.
func (s *session) judge(x *exchange, g *grant, message []byte) verify.Verdict {
	if g == nil {
		return s.g.checker.Permit(s.context(), x.action, s.addr)
	}
	if !s.g.on(guardEach) {
		v := g.logon
		v.Action = x.action
		return v
	}
	v := s.g.checker.Message(s.context(), g.Session, verify.Message{Action: x.action, Text: message})
	g.messages.Add(1)
	g.last.Store(&use{action: x.action.Name, at: v.At})
	s.g.Tally.Note(&v, x.id)
	x.keyID = v.KeyID()
	return v
}

// logon takes an auth message.
func (s *session) logon(m envelope) {
	x := exchange{id: s.name(), start: time.Now(), addr: s.addr, kind: kindLogon}
	defer s.g.finish(&x)
	switch {
	case s.public:
		s.fail(&x, m, noAuthHere)
		return
	case s.grant.Load() != nil:
		s.fail(&x, m, noSecond)
		return
	}
	signed, err := signature.ParseWS(m.auth)
	v, granted := s.g.checker.Logon(verify.Logon{Signed: signed, Malformed: err != nil, Addr: s.addr})
	x.keyID = v.KeyID()
	if !v.Allowed() {
		s.g.Tally.Note(&v, x.id)
		s.fail(&x, m, refusalOf(&v))
		return
	}
	if end := s.begin(granted, v); end != nil {
		no := because(503, end.code, end.text)
		if end.code == noSessions.code {
			no = noSessions
		}
		s.refuse(&x, m, no)
		s.part(*end)
		return
	}
	x.code, x.status = v.Reason.Code(), v.Reason.Status()
	s.deadline = time.Time{}
	s.reply(m, logonAnswer{"ok"}, "ok")
	s.listen()
}

// apart runs a part of the session's own work on another stack, and waits: a
// handshake with the exchange needs a large one, which an idle session would
// keep.
func (s *session) apart(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.rescue()
		work()
	}()
	<-done
}

// begin puts a logon into force, or says why the session ends instead.
func (s *session) begin(granted *verify.Session, v verify.Verdict) *parting {
	g := &grant{Session: granted, since: v.At, logon: v}
	// It is known by its key before the key is looked at again: a change that
	// comes in between finds the session, or the session finds the change.
	if !s.g.Sessions.claim(s, g, s.g.MaxSessions) {
		return &partSessions
	}
	if end := s.connect(g.Session); end != nil {
		return end
	}
	if !s.g.Table.Holds(granted) && s.g.on(guardEnd) {
		return &partChanged
	}
	return nil
}

// fail refuses a logon; a client that goes on guessing is shown the door.
func (s *session) fail(x *exchange, m envelope, no *refusal) {
	s.refuse(x, m, no)
	if s.failures++; s.failures >= mostFailures {
		s.part(partLogons)
	}
}

// mostFailures is how many logons of one connection are refused (docs/protocol.md).
const mostFailures = 3

// logonAnswer is the data of a reply to auth.
type logonAnswer struct {
	OK string `json:"ok"`
}

// answerTo is a reply of the gateway's own. The order of its members is the
// exchange's.
type answerTo struct {
	E    json.RawMessage `json:"e"`
	OID  json.RawMessage `json:"oid,omitempty"`
	Data any             `json:"data"`
	OK   string          `json:"ok,omitempty"`
}

func (s *session) reply(m envelope, data any, ok string) {
	text, err := json.Marshal(answerTo{m.e, m.oid, data, ok})
	if err != nil {
		s.part(partFault) // cannot happen: e and oid were scanned
		return
	}
	s.send(text)
}

// refuse answers a message with the reason why it went no further.
func (s *session) refuse(x *exchange, m envelope, no *refusal) {
	x.refused(no)
	s.reply(m, json.RawMessage(no.body(x.id)), "")
}

// brief keeps an answer short, whatever was asked.
func brief(kind string) string {
	if len(kind) > 64 {
		return kind[:64] + "..."
	}
	return kind
}

// view describes the session for the owner of its key.
func (s *session) view(g *grant) latchkey.KeySession {
	v := latchkey.KeySession{ID: s.id, KeyID: g.KeyID, IP: s.addr, Since: g.since, Messages: g.messages.Load(), LastAt: g.since}
	if last := g.last.Load(); last != nil {
		v.LastAction, v.LastAt = last.action, last.at
	}
	return v
}
