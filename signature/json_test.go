package signature_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"latchkey/signature"
)

func TestFieldsAreTheRawValuesOfTheOuterObject(t *testing.T) {
	var e, oid, data, none []byte
	err := signature.ScanJSON([]byte(`{"x":{"e":"inner"}, "\u0065" : "ping" ,"oid":"1\n","data": {"e":[1, 2]} }`),
		signature.Field{Name: "e", Value: &e}, signature.Field{Name: "oid", Value: &oid},
		signature.Field{Name: "data", Value: &data}, signature.Field{Name: "dat", Value: &none})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s|%s|%s|%v", e, oid, data, none == nil); got != `"ping"|"1\n"|{"e":[1, 2]}|true` {
		t.Errorf("fields are %s", got)
	}
}

func TestAFieldOfARefusedBodyIsNil(t *testing.T) {
	for _, body := range []string{`{"e":"auth","e":"ping"}`, `{"e":"auth"`, `{"e":"auth"} x`, `[]`} {
		e := []byte("left from before")
		err := signature.ScanJSON([]byte(body), signature.Field{Name: "e", Value: &e})
		if err == nil || e != nil {
			t.Errorf("%s: error %v, field %q", body, err, e)
		}
	}
}

func TestTheErrorSaysWhereButNotWhat(t *testing.T) {
	err := signature.ScanJSON([]byte(`{"secret":"hunter2","amount":1,"Secret":"x"}`))
	fault, ok := errors.AsType[*signature.JSONError](err)
	if !ok || fault.Offset != 32 {
		t.Errorf("error is %v", err)
	}
	if strings.Contains(err.Error(), "ecret") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats the body: %v", err)
	}
}

func TestPlainStringWantsAStringWithoutEscapes(t *testing.T) {
	for raw, want := range map[string]string{`"a"`: "a", `""`: "", `"é"`: "é"} {
		if got, ok := signature.PlainString([]byte(raw)); !ok || string(got) != want {
			t.Errorf("%s gives %q, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{``, `"`, `a`, `1`, `null`, `"a`, `a"`, `"\u0061"`, `"a\"b"`, `"a"b"`, `{"a":"b"}`} {
		if got, ok := signature.PlainString([]byte(raw)); ok {
			t.Errorf("%s gives %q", raw, got)
		}
	}
}

// A body is scanned before anything is known about its sender, so its cost must
// not grow with the square of its length. Comparing all pairs of these names
// would take minutes.
func TestManyNamesAreScannedQuickly(t *testing.T) {
	var flat, long bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&flat, `,"%x":1`, i)
	}
	for i := range 400 {
		fmt.Fprintf(&long, `,"%s%x":1`, strings.Repeat("a", 2000), i)
	}
	for _, members := range []string{flat.String(), long.String()} {
		start := time.Now()
		if err := signature.ScanJSON([]byte("{" + members[1:] + "}")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%d bytes took %v", len(members), took)
		}
		if err := signature.ScanJSON([]byte("{" + members[1:] + members + "}")); !errors.Is(err, signature.ErrDuplicate) {
			t.Errorf("error is %v", err)
		}
	}
}

// accepted is a second, slow reading of the same rules on encoding/json's
// tokens. Half surrogates cannot be seen there: the decoder mends them to
// U+FFFD, so that mended tells that the two may differ.
func accepted(body []byte) (ok, mended bool) {
	if !utf8.Valid(body) || !json.Valid(body) || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return false, false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	ok = objectTokens(d, 0, &mended)
	if _, err := d.Token(); err != io.EOF {
		return false, mended
	}
	return ok, mended
}

// objectTokens reads one value and reports whether it keeps the rules.
func objectTokens(d *json.Decoder, depth int, mended *bool) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	if text, ok := token.(string); ok {
		*mended = *mended || strings.ContainsRune(text, utf8.RuneError)
	}
	open, ok := token.(json.Delim)
	if !ok {
		return true
	}
	good := depth < signature.MaxDepth
	var names []string
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return false
			}
			for _, before := range names {
				good = good && !strings.EqualFold(before, name.(string))
			}
			names = append(names, name.(string))
			*mended = *mended || strings.ContainsRune(name.(string), utf8.RuneError)
		}
		good = objectTokens(d, depth+1, mended) && good
	}
	_, err = d.Token()
	return good && err == nil
}

func FuzzScanJSON(f *testing.F) {
	for _, v := range load(f).Scan {
		f.Add(raw(f, v.Body, v.BodyHex))
	}
	for _, v := range load(f).WS {
		f.Add([]byte(v.Auth))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		var field []byte
		err := signature.ScanJSON(body, signature.Field{Name: "key", Value: &field})
		if !bytes.Equal(before, body) {
			t.Fatal("the scan changed the body")
		}
		if err == nil && !json.Valid(body) {
			t.Fatal("accepted what encoding/json refuses")
		}
		if err == nil && field != nil && !json.Valid(field) {
			t.Fatalf("the field is no value: %q", field)
		}
		want, mended := accepted(body)
		if err == nil && !want || err != nil && want && !mended {
			t.Fatalf("error is %v, a slow reading accepts: %v", err, want)
		}
	})
}

func FuzzParseREST(f *testing.F) {
	for _, v := range load(f).REST {
		f.Add([]byte(v.Key), []byte(v.Timestamp), []byte(v.Signature), []byte(v.Action), raw(f, v.Body, v.BodyHex))
	}
	f.Fuzz(func(t *testing.T, key, timestamp, sig, action, body []byte) {
		r, err := signature.ParseREST(key, timestamp, sig, action, body)
		if err != nil {
			if r.Valid(secret) || r.Key != nil {
				t.Fatal("an error came with a usable value")
			}
			return
		}
		message := r.AppendMessage(nil)
		if message[0] < 'a' || message[0] > 'z' {
			t.Fatalf("the string %q could be a WebSocket string", message)
		}
		if r.Time().Unix() <= 0 || signature.Timestamp(r.Time()) != string(timestamp) {
			t.Fatalf("timestamp %q was read as %v", timestamp, r.Time())
		}
		want := signature.SignREST(secret, string(action), string(timestamp), body)
		if r.Valid(secret) != (want == string(sig)) {
			t.Fatalf("signature %q is valid: %v, signing gives %q", sig, r.Valid(secret), want)
		}
	})
}

func FuzzParseWS(f *testing.F) {
	for _, v := range load(f).WS {
		f.Add([]byte(v.Auth))
	}
	f.Fuzz(func(t *testing.T, auth []byte) {
		w, err := signature.ParseWS(auth)
		if err != nil {
			if w.Valid(secret) || w.Key != nil {
				t.Fatal("an error came with a usable value")
			}
			return
		}
		if first := w.AppendMessage(nil)[0]; first < '1' || first > '9' {
			t.Fatalf("%q could be a REST string", w.AppendMessage(nil))
		}
		if w.Time().Unix() <= 0 || !json.Valid(auth) || !bytes.Contains(auth, w.Timestamp) {
			t.Fatalf("timestamp %q was read as %v", w.Timestamp, w.Time())
		}
		again := fmt.Appendf(nil, `{"key":"%s","signature":"%x","timestamp":"%s"}`, w.Key, w.Signature, w.Timestamp)
		same, err := signature.ParseWS(again)
		if err != nil || same.Signature != w.Signature || !same.Time().Equal(w.Time()) {
			t.Fatalf("%s is not read as %s: %v", again, auth, err)
		}
	})
}
