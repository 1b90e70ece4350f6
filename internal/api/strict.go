package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"latchkey"
)

// maxBody is the most bytes that a body may have: an allowlist of 1000 IPv6
// prefixes needs 45 KiB.
const maxBody = 64 << 10

// repeatable is the one query parameter that may stand more than once.
const repeatable = "type"

// strict refuses a request that two readers could understand differently
// (CWE-436), before huma reads it with encoding/json, which takes the last of
// two members and mends bad UTF-8.
func (s *server) strict(hasBody bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkQuery(r.URL.RawQuery); err != nil {
			s.refuse(w, r, err)
			return
		}
		body, err := s.readBody(w, r, hasBody)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// checkQuery refuses what url.Query or huma would drop without a word. An empty
// value is one: "key=" would list everything instead of what one key did.
func checkQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return latchkey.Errorf(latchkey.KindInvalid, "malformed_query", "the query is malformed; encode reserved characters with %%")
	}
	for name, values := range query {
		if len(values) > 1 && name != repeatable {
			return latchkey.Invalid(safeField(name), "repeated_parameter", "a query parameter stands there more than once")
		}
		if slices.Contains(values, "") {
			return latchkey.Invalid(safeField(name), "invalid_input", "a query parameter is empty; give it a value or leave it out")
		}
	}
	return nil
}

// readBody reads all of the body, or checks that there is none.
func (s *server) readBody(w http.ResponseWriter, r *http.Request, wanted bool) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, latchkey.Errorf(latchkey.KindInvalid, "body_too_large", "the body is larger than 64 KiB")
	}
	switch {
	case err != nil:
		return nil, latchkey.Errorf(latchkey.KindInvalid, "malformed_body", "the body could not be read to its end")
	case !wanted && r.Method == http.MethodPost && isEmptyObject(body) && isJSON(r.Header):
		return nil, nil // many clients send {} with every POST, and an emergency stop must not fail for it
	case !wanted && len(body) > 0:
		return nil, latchkey.Errorf(latchkey.KindInvalid, "body_not_expected", "this route takes no body")
	case !wanted:
		return nil, nil
	case !isJSON(r.Header):
		return nil, latchkey.Errorf(latchkey.KindInvalid, "unsupported_media_type", "send the body as Content-Type: application/json, without Content-Encoding")
	}
	if err := s.ScanJSON(body); err != nil {
		return nil, latchkey.Errorf(latchkey.KindInvalid, "malformed_json", "the body is not one plain JSON object: %v", err)
	}
	return body, checkNull(body)
}

// checkNull refuses a member that is null. huma takes a null for a member that
// may be missing as a missing one; "allowlist":null can also be read as none,
// which opens a key to any address. The document knows no null.
func checkNull(body []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return latchkey.Errorf(latchkey.KindInvalid, "malformed_json", "the body is not the JSON that this route takes")
	}
	for name, value := range members {
		if string(value) == "null" {
			return latchkey.Invalid(safeField(name), "invalid_input", "a member is null; give it a value or leave it out")
		}
	}
	return nil
}

// isEmptyObject reports whether the body says nothing: {}, with JSON's blanks.
func isEmptyObject(body []byte) bool {
	inner, object := bytes.CutPrefix(bytes.Trim(body, " \t\r\n"), []byte("{"))
	inner, closed := bytes.CutSuffix(inner, []byte("}"))
	return object && closed && len(bytes.Trim(inner, " \t\r\n")) == 0
}

// isJSON accepts application/json once, with UTF-8 as its only parameter. A
// form of another site can send text/plain, but not this (Fetch, 4.10: "safe"
// content types). A coded body is refused even where it reads as JSON: what
// stands before this server would have decoded it, and judged other bytes.
func isJSON(h http.Header) bool {
	header := h.Values("Content-Type")
	if len(header) != 1 || len(h.Values("Content-Encoding")) > 0 {
		return false
	}
	kind, params, err := mime.ParseMediaType(header[0])
	if err != nil || kind != "application/json" {
		return false
	}
	for name, value := range params {
		if name != "charset" || (value != "utf-8" && value != "UTF-8") {
			return false
		}
	}
	return true
}
