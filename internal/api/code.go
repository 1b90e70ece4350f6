package api

import (
	"net/http"

	"latchkey"
)

// statusByKind sorts errors by what the caller can do about them. Input that
// was read and is wrong is 422; what could not be read at all is below.
var statusByKind = map[latchkey.Kind]int{
	latchkey.KindInvalid:      http.StatusUnprocessableEntity,
	latchkey.KindUnauthorized: http.StatusUnauthorized,
	latchkey.KindForbidden:    http.StatusForbidden,
	latchkey.KindNotFound:     http.StatusNotFound,
	latchkey.KindConflict:     http.StatusConflict,
	latchkey.KindLimit:        http.StatusTooManyRequests,
	latchkey.KindUnavailable:  http.StatusServiceUnavailable,
}

// statusByCode names the codes whose status is not their kind's.
var statusByCode = map[string]int{
	"malformed_json":         http.StatusBadRequest,
	"malformed_body":         http.StatusBadRequest,
	"malformed_query":        http.StatusBadRequest,
	"body_not_expected":      http.StatusBadRequest,
	"method_not_allowed":     http.StatusMethodNotAllowed,
	"body_too_large":         http.StatusRequestEntityTooLarge,
	"unsupported_media_type": http.StatusUnsupportedMediaType,
	"too_many_keys":          http.StatusConflict,            // waiting does not help: not 429
	"idempotency_key_reused": http.StatusUnprocessableEntity, // draft-ietf-httpapi-idempotency-key-header, 2.7
}

// statusOf is the status of an error; 500 for a kind that nobody sorted.
func statusOf(e *latchkey.Error) int {
	if status, ok := statusByCode[e.Code]; ok {
		return status
	}
	if status, ok := statusByKind[e.Kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// code explains one code of a Problem on the reading page. A test finds every
// code of the authority here, with the status that it is answered with.
// The codes are part of the contract: a client acts on them, so one that was
// published keeps its meaning and its status.
type code struct {
	Name    string
	Status  int
	Meaning string
}

// codes lists what every client may meet, then what belongs to some routes.
var codes = []code{
	{"malformed_json", 400, "The body is not exactly one plain JSON object: a syntax error, a member named twice, bad UTF-8, or too deep."},
	{"malformed_body", 400, "The body could not be read to its end."},
	{"malformed_query", 400, "The query string cannot be parsed."},
	{"body_not_expected", 400, "The route takes no body, and got one."},
	{"not_signed_in", 401, "There is no session cookie, or its session has ended. Sign in."},
	{"session_ended", 401, "The session was idle for too long or reached its end. Sign in again."},
	{"sign_in_unfinished", 401, "The password was right; the sign-in still waits for its second factor."},
	{"operator_link_needed", 401, "There is no session of the operator's page, or it has ended. `latchkey nodes --link` on the server's own machine makes a link that opens one."},
	{"wrong_credentials", 401, "The e-mail address or the password is wrong; which one is not said."},
	{"forbidden", 403, "Only the owner of the account may do this. The try was recorded."},
	{"cross_origin", 403, "A page of another site sent this. Send it from the console's own origin."},
	{"other_session", 403, "The pending was begun in another session. Confirm it there, or start anew here."},
	{"second_factor_required", 403, "The member has no second factor yet. Enrol one first."},
	{"sms_forbidden", 403, "The operator does not accept phones as second factors, or none of this country. Use an authenticator app."},
	{"passkeys_unavailable", 403, "Browsers allow passkeys only where the console is reached over https under a name, or as localhost. Use another factor."},
	{"not_found", 404, "There is no such thing in this account."},
	{"key_not_found", 404, "There is no such key in this account, or it was deleted."},
	{"session_not_found", 404, "The key has no such session, or it has ended already. Read the list again."},
	{"no_such_factor", 404, "That factor is not enrolled."},
	{"no_such_route", 404, "The path is none of this API's."},
	{"method_not_allowed", 405, "The path takes other methods; the header Allow names them."},
	{"key_changed", 409, "The key is not in the version any more that was named. Read it again and start anew."},
	{"wrong_status", 409, "The key's status does not allow the operation."},
	{"name_taken", 409, "Another key of the account has this name."},
	{"too_many_keys", 409, "The account has as many keys as it may have. Delete one first."},
	{"pending_closed", 409, "The pending cannot be confirmed any more. Nothing was changed."},
	{"pending_confirmed", 409, "The pending was confirmed already."},
	{"pending_cancelled", 409, "The pending was cancelled. Nothing was changed."},
	{"pending_changed", 409, "The pending was changed by a request at the same time. Read it again."},
	{"pending_dead", 409, "Too many codes were tried. Nothing was changed; start anew."},
	{"pending_expired", 409, "The pending waited too long. Nothing was changed; start anew."},
	{"code_expired", 409, "The code is older than it may be. Ask for another one; no try was counted."},
	{"code_replaced", 409, "A newer code was sent while this one was on its way. Use the newer one."},
	{"factor_not_found", 409, "The second factor was removed in the meantime."},
	{"factors_changed", 409, "A second factor was enrolled in the meantime. Start anew."},
	{"code_used", 409, "The code was used before. Wait for the next one; triesLeft says how many more may be tried."},
	{"factor_not_chosen", 409, "Choose a factor first."},
	{"no_choice", 409, "This pending has one proof only; there is nothing to choose."},
	{"no_code_to_send", 409, "The chosen factor makes its own codes."},
	{"last_factor", 409, "The only factor cannot be removed. Add another one first."},
	{"too_many_factors", 409, "The member has as many factors as possible. Remove one first."},
	{"already_set_up", 409, "There is an account already; the first start is over."},
	{"body_too_large", 413, "A body has at most 64 KiB."},
	{"unsupported_media_type", 415, "Send Content-Type: application/json, and no Content-Encoding."},
	{"invalid_input", 422, "A parameter or member is missing, empty, null, unknown, or not of its type. field says which."},
	{"repeated_parameter", 422, "A query parameter stands there more than once."},
	{"invalid_allowlist", 422, "An entry is no address or prefix, or there are too many."},
	{"invalid_permissions", 422, "A permission is unknown."},
	{"invalid_name", 422, "A name has 1 to 64 visible characters."},
	{"invalid_phone", 422, "A phone number has its country code: +35312345678."},
	{"invalid_email", 422, "This is not an e-mail address."},
	{"invalid_link", 422, "The link was used, has expired, was replaced by a newer one, or never was. Ask for another one."},
	{"invalid_password", 422, "The new password is too short, too long or too common."},
	{"invalid_code", 422, "A code has 6 digits, a recovery code 24 letters and digits; a passkey confirms where it was chosen, and only there. No try was counted."},
	{"invalid_limit", 422, "A page has 1 to 200 items."},
	{"nothing_changed", 422, "The edit changes neither permissions nor IP whitelist."},
	{"wrong_code", 422, "The code is wrong, or the passkey does not prove this. triesLeft says how many more may be tried."},
	{"wrong_password", 422, "The password that was asked for again is wrong."},
	{"recovery_not_accepted", 422, "A recovery code signs in and replaces a lost factor; it confirms nothing about keys."},
	{"idempotency_key_reused", 422, "This Idempotency-Key came with another request before."},
	{"resend_too_early", 429, "Another code can be sent later; see retryAfter."},
	{"no_sends_left", 429, "As many codes were sent as may be. Cancel and start anew."},
	{"too_many_codes", 429, "Too many codes were sent lately; see retryAfter."},
	{"too_many_wrong_codes", 429, "Too many wrong codes of this member in this hour; see retryAfter."},
	{"too_many_sign_ins", 429, "Too many tries of a password from here; see retryAfter."},
	{"too_many_requests", 429, "Too many requests of this kind, from here or by this member; see retryAfter."},
	{"internal_error", 500, "A fault of this server. Nothing is known to have changed; read the state again."},
	{"busy", 503, "Too many passwords are being checked at once. Try again in a moment."},
	{"store_unavailable", 503, "The database cannot be written now. Nothing was changed; try again."},
	{"read_only", 503, "The database was opened to read only."},
	{"unhealthy", 503, "The node cannot serve now."},
}
