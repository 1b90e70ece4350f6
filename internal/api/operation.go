package api

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// note is what the document says of a route beyond its types.
type note struct {
	ID      string // operationId
	Tag     string
	Summary string
	Text    string
	Status  int      // of the usual success; 0: by the types
	Also    int      // another success with the same body
	Codes   []string // what this route may answer with, beyond what its form says
}

// tags are the chapters of the document, in order.
var tags = []*huma.Tag{
	{Name: "Sign-in", Description: "Sessions, password, account."},
	{Name: "Security", Description: "Second factors and recovery codes."},
	{Name: "Keys", Description: "API keys. A change opens a pending and happens when that is confirmed."},
	{Name: "Pending", Description: "Operations that wait for their proof, frozen as they were shown."},
	{Name: "Audit", Description: "What happened, and what was refused."},
	{Name: "Nodes", Description: "The gateway nodes, for the operator. A session of its own reads them and nothing else."},
	{Name: "Reference", Description: "What the gateway enforces, and how the node is."},
}

// Codes that several routes share.
var (
	// where a second factor has to be there already
	opens = []string{"second_factor_required", "too_many_codes", "too_many_requests", "sms_forbidden"}
	// where the password is asked for again
	rechecks = []string{"wrong_password", "too_many_sign_ins", "busy"}
	repeats  = []string{"idempotency_key_reused"}
	// where the life of a key says what may follow
	moves = []string{"key_not_found", "key_changed", "wrong_status"}
	// where a pending must still be open, in this session
	waits = []string{"other_session", "forbidden", "pending_closed", "pending_confirmed", "pending_cancelled", "pending_dead", "pending_expired", "pending_changed", "key_changed"}
	sends = []string{"no_sends_left", "resend_too_early", "too_many_codes", "sms_forbidden", "passkeys_unavailable"}
	// where a code is judged
	proves = []string{"wrong_code", "invalid_code", "passkeys_unavailable", "code_expired", "code_used", "code_replaced", "factor_not_found", "factors_changed", "factor_not_chosen", "recovery_not_accepted", "too_many_wrong_codes"}
	// what the transaction may find when it writes
	completes = []string{"name_taken", "too_many_keys", "wrong_status", "key_not_found", "too_many_codes", "too_many_requests", "sms_forbidden"}
)

// all joins lists of codes.
func all(lists ...[]string) []string { return slices.Concat(lists...) }

// notes has one entry for each row of routes that the document describes.
var notes = map[string]note{
	"POST /v1/session": {"signIn", "Sign-in", "Sign in", "200: the session is full, because the member has no second factor. 202: confirm the pending with the second factor; until then the session reaches nothing else.", 200, 202,
		[]string{"wrong_credentials", "too_many_sign_ins", "too_many_codes", "too_many_requests", "sms_forbidden", "busy"}},
	"GET /v1/session":          {"whoAmI", "Sign-in", "Who am I", "The session of this request, its member and account. 204: nobody is signed in.", 200, 204, nil},
	"DELETE /v1/session":       {"signOut", "Sign-in", "Sign out", "Ends the session; its pendings are cancelled.", 0, 0, nil},
	"GET /v1/sessions":         {"listSessions", "Sign-in", "List my sessions", "The sessions of the member that have not ended.", 0, 0, nil},
	"DELETE /v1/sessions/{id}": {"endSession", "Sign-in", "End one of my sessions", "Signs that browser out.", 0, 0, nil},
	"PUT /v1/password": {"changePassword", "Sign-in", "Change my password", "All other sessions of the member end.", 0, 0,
		all(rechecks, []string{"invalid_password"})},
	"POST /v1/password/forgot": {"forgotPassword", "Sign-in", "Forgotten password", "The answer is the same for every address. If a member has it, a mail with a link goes there; the link works once and for 30 minutes, and a newer one replaces it.", 202, 0,
		[]string{"invalid_email", "too_many_requests"}},
	"POST /v1/password/reset": {"resetPassword", "Sign-in", "Set a password by a link", "All sessions of the member end. The second factor is asked for at the next sign-in as ever.", 0, 0,
		[]string{"invalid_link", "invalid_password", "busy", "too_many_requests"}},
	"POST /v1/setup": {"setUp", "Sign-in", "Make the first account", "Once, with the token of the link that the server writes to a file when it starts without any account. The owner then signs in.", 201, 0,
		[]string{"invalid_link", "already_set_up", "invalid_name", "invalid_email", "invalid_password", "busy", "too_many_requests"}},
	"GET /v1/account": {"getAccount", "Sign-in", "My account", "The account of the member.", 0, 0, nil},
	"GET /v1/members": {"listMembers", "Sign-in", "List the members", "Everybody in the account.", 0, 0, nil},

	"GET /v1/factors": {"listFactors", "Security", "List my second factors", "And how many recovery codes are left, and what can be enrolled here.", 0, 0, nil},
	"POST /v1/factors": {"enrolFactor", "Security", "Enrol a second factor", "Where the member has a factor already, that one confirms first (enrol_factor); then the new one proves that it works (validate_factor).", 202, 0,
		all(rechecks, repeats, []string{"sms_forbidden", "passkeys_unavailable", "too_many_factors", "too_many_codes", "too_many_requests", "invalid_phone", "invalid_name"})},
	"POST /v1/factors/{id}/remove": {"removeFactor", "Security", "Remove a second factor", "The last one stays.", 202, 0,
		all(rechecks, opens, []string{"no_such_factor", "last_factor"})},
	"POST /v1/recovery-codes": {"renewRecoveryCodes", "Security", "Make new recovery codes", "The older ones die when the pending is confirmed.", 202, 0, all(rechecks, opens, repeats)},

	"GET /v1/keys": {"listKeys", "Keys", "List the keys", "All keys of the account that are not deleted, with their refused calls of the last day and the number of their live sessions.", 0, 0, nil},
	"POST /v1/keys": {"createKey", "Keys", "Create a key", "Id and secret are made when the pending is confirmed by a second factor. The key begins inactive.", 202, 0,
		all(opens, repeats, []string{"name_taken", "too_many_keys", "invalid_name", "invalid_permissions", "invalid_allowlist"})},
	"GET /v1/keys/{id}": {"getKey", "Keys", "Show a key", "Without its secret, which is never shown again.", 0, 0, []string{"key_not_found"}},
	"PATCH /v1/keys/{id}": {"editKey", "Keys", "Edit a key", "Permissions, IP whitelist or both. Nothing changes until the pending is confirmed by a second factor; then the key is inactive with the new ones and must be activated again.", 202, 0,
		all(opens, moves, []string{"nothing_changed", "invalid_permissions", "invalid_allowlist"})},
	"DELETE /v1/keys/{id}":                    {"deleteKey", "Keys", "Delete a key", "Final, when the pending is confirmed by a second factor.", 202, 0, all(opens, moves)},
	"POST /v1/keys/{id}/activate":             {"activateKey", "Keys", "Activate a key", "The code comes by e-mail.", 202, 0, all(moves, []string{"too_many_codes", "too_many_requests"})},
	"POST /v1/keys/{id}/deactivate":           {"deactivateKey", "Keys", "Deactivate a key", "At once, without a code: it can only take rights away.", 0, 0, moves},
	"GET /v1/receipt":                         {"getReceipt", "Keys", "How far the newest change has come", "For who waits for the answer to a change: how many gateway nodes follow, and which are waited for until they stop by themselves.", 0, 0, nil},
	"GET /v1/keys/{id}/refused-calls":         {"listRefusedCalls", "Audit", "List the refused calls of a key", "Newest first, with the exact reason.", 0, 0, []string{"key_not_found"}},
	"GET /v1/keys/{id}/sessions":              {"listKeySessions", "Keys", "List the live sessions of a key", "The WebSocket sessions that bots have open with it, the oldest first. They are in the gateway's memory: the list is as of now.", 0, 0, []string{"key_not_found"}},
	"DELETE /v1/keys/{id}/sessions/{session}": {"endKeySession", "Keys", "End a live session of a key", "At once, without a code. The bot is told and its connection is closed with 4403; it may open another one, so a bot that must stop needs the key deactivated.", 0, 0, []string{"key_not_found", "session_not_found"}},
	"GET /v1/pending/{id}":                    {"getPending", "Pending", "Show a pending", "Of this session.", 0, 0, []string{"other_session", "forbidden"}},
	"POST /v1/pending/{id}/factor":            {"chooseFactor", "Pending", "Choose the factor", "Choosing a phone sends a code. Choosing a passkey, also the one that is chosen already, makes a new challenge.", 0, 0, all(waits, sends, []string{"no_such_factor", "no_choice"})},
	"POST /v1/pending/{id}/resend":            {"resendCode", "Pending", "Send another code", "The one before is dead from then on. With a passkey: a new challenge.", 0, 0, all(waits, sends, []string{"no_code_to_send"})},
	"POST /v1/pending/{id}/confirm":           {"confirmPending", "Pending", "Confirm", "Exactly what was frozen happens. 201 when a key was created: the answer has its secret, this once. The try is counted before the code is compared.", 200, 201, all(waits, proves, completes)},
	"POST /v1/pending/{id}/cancel":            {"cancelPending", "Pending", "Cancel", "Nothing was changed by the pending.", 0, 0, waits},
	"GET /v1/activities":                      {"listActivities", "Audit", "List activities", "Newest first.", 0, 0, nil},
	"GET /v1/activities.csv":                  {"exportActivities", "Audit", "Export activities", "All that the filter selects, as CSV (RFC 4180), newest first. Cells that a spreadsheet would run begin with a quote.", 0, 0, nil},
	"POST /v1/nodes/session": {"openNodes", "Nodes", "Open the operator's page", "Once, with the token of the link that `latchkey nodes --link` prints on the server's own machine. The cookie reads the nodes for an hour and reaches nothing else.", 201, 0,
		[]string{"invalid_link", "too_many_requests"}},
	"DELETE /v1/nodes/session": {"closeNodes", "Nodes", "Close the operator's page", "Ends its session.", 0, 0, nil},
	"GET /v1/nodes":            {"listNodes", "Nodes", "List the gateway nodes", "And how far each has followed the changes of keys. Nodes that are gone are listed for a day.", 0, 0, nil},
	"GET /v1/catalog":          {"getCatalog", "Reference", "The API methods", "The same table that the gateway enforces.", 0, 0, nil},
	"POST /v1/allowlist/check": {"checkAllowlist", "Reference", "Judge a pasted IP whitelist", "Nothing is stored.", 0, 0, nil},
	"GET /health":              {"getHealth", "Reference", "Health", "For the load balancer.", 0, 0, []string{"unhealthy"}},
}
