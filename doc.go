// Package latchkey holds the nouns of an API-key authority for trading
// platforms and their rules: accounts, keys, permissions, allowlists, actions,
// pendings and the life of a key. It uses the standard library only and does
// no I/O, so that every other package can share its words.
//
// # The two planes
//
// The management plane changes keys. An owner works in the console or against
// the management API; package internal/authority decides, internal/store
// writes. Most changes wait as a Pending until their proof was given: a second
// factor, or the code of an e-mail.
//
// The data plane enforces keys. A bot signs its calls; internal/gateway reads
// them, internal/verify decides in eight checks (known, authentic, fresh,
// active, origin, permitted, paced, unused), and what is allowed goes on to
// the exchange with a signed statement of who calls (package identity).
//
// The planes share nothing but these nouns and a feed of changes.
//
// # Trust boundaries
//
//	internet ──► gateway ──► exchange      every request is checked, every time
//	browser  ──► api ──► authority         session, role, proof
//	shell    ──► socket ──► authority      the server's own machine: the operator
//	store    ──► disk                      secrets are sealed, see internal/seal
//
// # Where to look
//
//	lifecycle.go   THE table: operation, from, to, proof
//	pending.go     an operation that waits: attempts, expiry, resend
//	allowlist.go   which addresses may use a key, and what is refused as one
//	deed.go        what one change writes, in one transaction
package latchkey
