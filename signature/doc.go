// Package signature holds what a client signs and how the gateway reads it:
// the strings to sign, their MACs, and the strict scan of JSON that goes with
// them. It imports the standard library only, so that a client, an exchange or
// another gateway can use it. testdata/vectors.json is published with it: an
// implementation in another language is right when it gives the same answers.
//
// # Two strings to sign
//
//	REST       base64( HMAC-SHA256( secret, action + timestamp + body ) )
//	WebSocket  hex   ( HMAC-SHA256( secret, timestamp + key ) )
//
// The secret is used as text: its bytes as they are shown, never base64-decoded.
// The exchange's prose says otherwise, but its code sample and every client
// pass the text itself. The body is the exact bytes of the request; clients
// space their JSON differently, so nothing is ever re-serialised. Nothing
// stands between the parts.
//
// # Why one can never be taken for the other
//
// A REST string begins with the action, that is with one of a-z. A WebSocket
// string begins with the timestamp, that is with a digit. ParseREST and ParseWS
// accept nothing else, so no string is both, whatever the attacker chooses.
// The formats differ as well: 44 characters of base64 against 64 of hex.
//
// # Why a string has one reading
//
// Without separators "v2" + "1700000000" and "v" + "21700000000" are the same
// bytes. A timestamp therefore has 9 or 10 digits and no leading zero, and a
// body begins with "{" or white space. What is left is one digit that can move
// between the action and the timestamp; the two readings then lie 10^9 seconds
// apart, so that at most one of them is ever fresh. Over WebSocket the key
// selects the secret, and for one key the string can be cut in one place only.
//
// # Use
//
//	r, err := signature.ParseREST(key, timestamp, sig, action, body)
//	if err != nil { ... }            // malformed: refuse
//	if !r.Valid(secret) { ... }      // not signed by the holder of the secret
//	age := now.Sub(r.Time())         // the window is the caller's rule
//
// A parsed value aliases the slices that it was made from. Whether a request
// is fresh, new, or permitted is not decided here.
package signature
