// Package identity tells an exchange, behind the gateway, who is calling.
//
// The gateway checks key, signature, clock, address, permission and rate of a
// request. Then it takes the client's credentials away and says in their place:
//
//	Latchkey-Account:     the account that the key belongs to
//	Latchkey-Key:         public id of the key
//	Latchkey-Permissions: the key's permissions, such as "read,trade"
//	Latchkey-Request-Id:  the id of this request in every log
//	Latchkey-Signature:   v1,t=<unix seconds>,h=<base64 HMAC-SHA256>
//
// These are worth something only when they are checked: anybody who reaches the
// exchange past the gateway can write headers. So wrap the handler,
//
//	mux.Handle("/rest/", identity.Require(secret, 1<<20, trade))
//
//	func trade(w http.ResponseWriter, r *http.Request, caller identity.Caller) {
//		...
//	}
//
// and it runs for requests of the gateway only. The caller is an argument, so
// that no handler can forget that there is one. Where there is no net/http, call
// Verify. The package needs nothing but the standard library.
//
// # What is signed
//
// The MAC is HMAC-SHA256 under a secret that the gateway and the exchange share
// (at least 16 bytes, better 32 random ones), over these ten lines, each but the
// last ended by one line feed:
//
//	latchkey-identity
//	v1
//	time          Unix seconds, the t of the header
//	method        POST
//	target        last element of the path; "?" and the query when there is one
//	account       empty for a public call
//	key           empty for a public call
//	permissions   empty for a public call
//	request id
//	body          SHA-256 of the exact body, 64 lower-case hex digits
//
// No part can hold a line feed, so the text has one reading. Because target and
// body are in it, captured headers serve no other action and no other order.
//
// # What the exchange must still do
//
// A public call is signed too, with an empty account and key: for an action that
// needs a key, look at Caller.Public or Caller.Has. Headers that were captured
// between gateway and exchange can be used again for the same call within the
// window (30 s). Where somebody may listen there, use TLS and refuse a request
// id that was seen in the last minute. Only the last element of the path is
// signed: do not give one name different meanings under different paths.
package identity
