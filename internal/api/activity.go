package api

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"latchkey"
)

// Activity is the audit entry of a thing that happened or was refused.
type Activity struct {
	Seq      int64        `json:"seq" doc:"Its number; one sequence without gaps over all accounts." example:"812"`
	At       Moment       `json:"at" doc:"When it happened."`
	Type     ActivityType `json:"type" doc:"What happened." example:"key_edited"`
	Source   string       `json:"source" enum:"console,operator,system" doc:"By which door." example:"console"`
	MemberID string       `json:"memberId,omitempty" doc:"Who; absent for the operator and the system." example:"mem_0v4k8m2q6t1x5z9c3f7h0j4n8p"`
	IP       string       `json:"ip,omitempty" doc:"From where." example:"198.51.100.7"`
	KeyID    string       `json:"keyId,omitempty" doc:"About which key." example:"lk_7m2q9t4x0z5c1f6h3j8n"`
	Subject  string       `json:"subject,omitempty" doc:"The name of the key, the address of the member or the kind of the factor." example:"bot-1"`
	Changes  []Change     `json:"changes" doc:"What changed."`
	Note     string       `json:"note,omitempty" doc:"One sentence more." example:"Read, Trade; 192.0.2.7"`
	Hash     string       `json:"hash" doc:"SHA-256 over the entry and the hash of the one before, in hex." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
}

// ActivityType is one of the types that the root package lists.
type ActivityType string

// Schema keeps the document's list and the code's the same.
func (ActivityType) Schema(huma.Registry) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString}
	for _, t := range latchkey.ActivityTypes {
		schema.Enum = append(schema.Enum, string(t))
	}
	return schema
}

// activity shows an entry as it stands in the chain. Changes are in words: the
// diff is for people, the hash for programs.
func activity(a latchkey.Activity) Activity {
	return Activity{
		Seq: a.Seq, At: Moment(a.At), Type: ActivityType(a.Type), Source: string(a.Source), MemberID: a.MemberID, IP: a.IP,
		KeyID: a.KeyID, Subject: a.Subject, Changes: shaped(a.Changes, change), Note: a.Note, Hash: a.Hash,
	}
}

// Filter selects activities.
type Filter struct {
	From time.Time      `query:"from" doc:"Not before this moment (RFC 3339)." example:"2026-03-01T00:00:00Z"`
	To   time.Time      `query:"to" doc:"Before this moment (RFC 3339)." example:"2026-04-01T00:00:00Z"`
	Type []ActivityType `query:"type,explode" doc:"Only these types; repeat the parameter." example:"[\"key_edited\"]"`
	Key  string         `query:"key" pattern:"^[0-9A-Za-z_-]{1,64}$" doc:"Only about this key." example:"lk_7m2q9t4x0z5c1f6h3j8n"`
}

// query names no account: the authority sets the actor's own.
func (f Filter) query(before int64, limit int) latchkey.ActivityQuery {
	q := latchkey.ActivityQuery{From: f.From, To: f.To, KeyID: f.Key, Before: before, Limit: limit}
	for _, t := range f.Type {
		q.Types = append(q.Types, latchkey.ActivityType(t))
	}
	return q
}

// Part selects a page of a long list, newest first.
type Part struct {
	Cursor int64 `query:"cursor" minimum:"1" doc:"next of the page before; absent: from the newest." example:"812"`
	Limit  int   `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The most items of this page." example:"50"`
}

// Page is a part of a long list, newest first.
type Page[T any] struct {
	Items []T   `json:"items" doc:"This page."`
	Next  int64 `json:"next,omitempty" doc:"The cursor of the page after this; absent: this is the last." example:"762"`
}

// paged shapes what was read with one item more than the limit, which tells
// whether there is another page.
func paged[F, T any](from []F, limit int, shape func(F) T, seq func(F) int64) *answer[Page[T]] {
	var next int64
	if len(from) > limit {
		from = from[:limit]
		next = seq(from[limit-1])
	}
	return &answer[Page[T]]{Page[T]{shaped(from, shape), next}}
}

// activitiesInput is huma's: it reads embedded parameters as its own.
type activitiesInput struct {
	Filter
	Part
}

// activities pages by number, not by offset: entries that come in between move
// nothing.
func (s *server) activities(ctx context.Context, c caller, in *activitiesInput) (*answer[Page[Activity]], error) {
	found, err := s.Authority.Activities(ctx, c.Actor, in.query(in.Cursor, in.Limit+1))
	return paged(found, in.Limit, activity, func(a latchkey.Activity) int64 { return a.Seq }), err
}

// RefusedCall is one call of a key that the gateway refused.
type RefusedCall struct {
	Seq       int64  `json:"seq" doc:"Its number." example:"97"`
	At        Moment `json:"at" doc:"When it came."`
	Action    string `json:"action" doc:"The method that was called, as the bot wrote it." example:"do_my_new_order"`
	IP        string `json:"ip" doc:"From where." example:"203.0.113.9"`
	Reason    string `json:"reason" doc:"The one exact reason, for programs." example:"origin_not_allowed"`
	Detail    string `json:"detail" doc:"What the bot was told." example:"this address is not on the key's IP whitelist"`
	RequestID string `json:"requestId" doc:"As the bot got it." example:"req_4q1m8tz6w0f3v7k2n9c5x8b1hd"`
}

// refusedCall shows what a stranger may have written: the action is bytes of
// the request, so it is made valid UTF-8 here, and shown as text by the console.
func refusedCall(r latchkey.RefusedCall) RefusedCall {
	return RefusedCall{r.Seq, Moment(r.At), strings.ToValidUTF8(r.Action, "?"), r.IP, r.Reason, r.Detail, r.RequestID}
}

// refusedCallsInput pages like activities.
type refusedCallsInput struct {
	Ref
	Part
}

// refusedCalls is the place where the exact reason is told: only the owner of
// the key learns it.
func (s *server) refusedCalls(ctx context.Context, c caller, in *refusedCallsInput) (*answer[Page[RefusedCall]], error) {
	found, err := s.Authority.RefusedCalls(ctx, c.Actor, in.ID, in.Cursor, in.Limit+1)
	return paged(found, in.Limit, refusedCall, func(r latchkey.RefusedCall) int64 { return r.Seq }), err
}
