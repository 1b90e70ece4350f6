package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"unicode/utf16"
)

// member is one of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// membersOf are those of a body, by name; none of what is no object.
func membersOf(body []byte) (out []member) {
	object := map[string]json.RawMessage{}
	_ = json.Unmarshal(body, &object)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		out = append(out, member{name, object[name]})
	}
	return out
}

// object writes members as they are, also twice and under any name: a name is
// JSON's text without its quotes.
func object(members []member) []byte {
	parts := make([]string, len(members))
	for i, m := range members {
		parts[i] = `"` + m.name + `":` + string(m.value)
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

// bodies are wrong bodies. Where none is taken, every body is wrong.
func (o operation) bodies(right request, dice *rand.Rand) []request {
	if len(o.body.Properties) == 0 {
		return o.surplus(right, dice)
	}
	return slices.Concat(o.forms(right), o.kinds(right), o.members(right, dice))
}

// surplus are bodies of an operation that takes none; a POST takes {}.
func (o operation) surplus(right request, dice *rand.Rand) (out []request) {
	bodies := []string{
		`{"version":1}`, `{"` + strayName + `":"` + stray + `"}`, "[]", "null", "0", `""`, "true", "{}{}", "{", stray, "a=b&c=d", "<a/>", "\x00", "\xff\xfe{\x00}\x00", "{}\x00", "\ufeff{}",
		strings.Repeat("[", 10000), string(packed([]byte("{}"))),
	}
	for range 4 {
		bodies = append(bodies, `{"`+word(dice, 8)+`":`+fmt.Sprint(dice.Int64())+`}`)
	}
	for i, body := range bodies {
		kind := []string{"application/json", "text/plain", "application/x-www-form-urlencoded", ""}[i%4]
		out = append(out, right.with(fmt.Sprintf("body %.20q as %s", body, kind), func(r *request) {
			r.body = []byte(body)
			r.header.Del("Content-Type")
			if kind != "" {
				r.header.Set("Content-Type", kind)
			}
		}))
	}
	return append(out,
		right.with("{} as text", func(r *request) { r.body, r.header = []byte("{}"), headerWith(r.header, "Content-Type", "text/plain") }),
		right.with("too large", func(r *request) { r.body = bytes.Repeat([]byte(" "), 64<<10+1) }),
		right.with("cut", func(r *request) { r.body, r.broken = []byte("{"), true }),
		right.with("cut before its begin", func(r *request) { r.broken = true }))
}

func headerWith(h http.Header, name string, values ...string) http.Header {
	h = h.Clone()
	h[name] = values
	return h
}

// packed is the body, compressed.
func packed(body []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}

// forms are bodies that are not exactly one plain JSON object.
func (o operation) forms(right request) (out []request) {
	b := string(right.body)
	open := b[:len(b)-1]
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	var wide bytes.Buffer
	for _, c := range utf16.Encode([]rune(b)) {
		wide.Write([]byte{byte(c), byte(c >> 8)})
	}
	for what, body := range map[string]string{
		"empty": "", "blank": " \r\n", "null": "null", "array": "[]", "in an array": "[" + b + "]", "text": `"` + stray + `"`, "number": "1", "true": "true", "two objects": b + b, "an object and a comma": b + ",",
		"trailing bytes": b + stray, "trailing NUL": b + "\x00", "leading bytes": stray + b, "byte order mark": "\ufeff" + b, "not closed": open, "only opened": "{", "a comma too many": open + ",}",
		"comment": "/*" + stray + "*/" + b, "line comment": b + "//" + stray, "single quotes": strings.ReplaceAll(b, `"`, "'"), "no quotes": "{" + stray + ":1}", "UTF-16": wide.String(),
		"a form": "a=" + stray, "XML": "<a>" + stray + "</a>", "deep unknown member": open + `,"` + strayName + `":` + deep(32) + "}", "very deep": strings.Repeat("[", 20000), "deep objects": deep(5000),
		"invalid UTF-8 in a name": open + ",\"\xff\":1}", "overlong UTF-8 in a name": open + ",\"\xc0\xaf\":1}", "half surrogate in a name": open + `,"\ud800":1}`, "raw newline in a name": open + ",\"a\nb\":1}",
		"wrong escape": open + `,"\x":1}`, "NaN": open + `,"a":NaN}`, "leading zero": open + `,"a":01}`, "hexadecimal": open + `,"a":0x1}`, "plus": open + `,"a":+1}`, "bare point": open + `,"a":.5}`,
		"a wrong word": open + `,"a":tru}`, "a name that is no text": open + `,1:1}`, "no colon": open + `,"a" 1}`, "too large": open + strings.Repeat(" ", 64<<10) + "}", "much too large": strings.Repeat(b, 1<<20/len(b)),
		"an empty object": "{}", "record separator": "\x1e" + b, "prefix": ")]}',\n" + b,
	} {
		if what == "an empty object" && len(o.body.Required) == 0 {
			continue // confirm judges what is missing; see members
		}
		out = append(out, right.with("body: "+what, func(r *request) { r.body = []byte(body) }))
	}
	slices.SortFunc(out, func(a, b request) int { return strings.Compare(a.what, b.what) })
	return append(out, right.with("body: cut", func(r *request) { r.body, r.broken = []byte(open), true }))
}

// kinds are content types and codings that are not taken.
func (o operation) kinds(right request) (out []request) {
	for _, kind := range []string{
		"", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/cbor", "application/jsonx", "application/problem+json",
		"application/merge-patch+json", "application/json; charset=utf-16", "application/json; charset=iso-8859-1", "application/json; boundary=x", "application/json, application/json",
		"application/json; charset", "application", "*/*", stray,
	} {
		out = append(out, right.with("Content-Type "+kind, func(r *request) { r.header = headerWith(r.header, "Content-Type", kind) }))
	}
	add := func(what string, change func(*request)) { out = append(out, right.with(what, change)) }
	add("no Content-Type", func(r *request) { r.header.Del("Content-Type") })
	add("Content-Type twice", func(r *request) {
		r.header = headerWith(r.header, "Content-Type", "application/json", "application/json")
	})
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "identity, gzip", stray} {
		add("said to be "+coding, func(r *request) { r.header.Set("Content-Encoding", coding) })
	}
	add("compressed", func(r *request) { r.header.Set("Content-Encoding", "gzip"); r.body = packed(r.body) })
	add("compressed in secret", func(r *request) { r.body = packed(r.body) })
	return out
}

// members are bodies of which one member is wrong.
func (o operation) members(right request, dice *rand.Rand) (out []request) {
	base := membersOf(right.body)
	add := func(what string, members []member) {
		out = append(out, right.with("body: "+what, func(r *request) { r.body = object(members) }))
	}
	extra := func(name string, value string) []member {
		return append(slices.Clone(base), member{name, json.RawMessage(value)})
	}
	for _, name := range []string{strayName, "__proto__", "constructor", "accountId", "memberId", "role", "admin", "id", "status", "", "a b", "$where", "<b>", word(dice, 3), word(dice, 70)} {
		add("unknown member "+name, extra(name, `"`+stray+`"`))
	}
	for _, name := range slices.Sorted(maps.Keys(o.body.Properties)) {
		s := o.body.Properties[name]
		rest := slices.DeleteFunc(slices.Clone(base), func(m member) bool { return m.name == name })
		set := func(as, value string) []member { return append(slices.Clone(rest), member{as, json.RawMessage(value)}) }
		for _, value := range slices.Concat(s.values(), senseless[name]) {
			add(fmt.Sprintf("%s %.30s", name, value), set(name, value))
		}
		if slices.Contains(o.body.Required, name) {
			add(name+" is missing", rest)
		}
		good := s.good(base, name)
		for _, as := range []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], name + " ", name + `\u0000`, "/" + name} {
			add(name+" as "+as, set(as, good))
		}
		for _, twin := range []string{name, fmt.Sprintf(`\u%04x`, name[0]) + name[1:], strings.ToUpper(name)} {
			add(name+" twice, as "+twin, append(set(name, good), member{twin, json.RawMessage(good)}))
		}
	}
	return out
}

// good is the value of the right request, else the example of the document.
func (s schema) good(base []member, name string) string {
	if i := slices.IndexFunc(base, func(m member) bool { return m.name == name }); i >= 0 {
		return string(base[i].value)
	}
	if len(s.Examples) > 0 {
		return string(s.Examples[0])
	}
	return `"a"`
}

// values are JSON that is no value of the schema.
func (s schema) values() (out []string) {
	types := map[string][]string{
		"string": {`"` + stray + `"`, `""`, `"1"`}, "number": {"1.5", "-1.5e300"}, "integer": {"1", "0"}, "boolean": {"true", "false"}, "null": {"null"},
		"array": {"[]", `["` + stray + `"]`, "[[]]", "[null]", "[1]"}, "object": {"{}", `{"` + strayName + `":"` + stray + `"}`},
	}
	if s.Type == "array" {
		for _, value := range s.Items.values() {
			out = append(out, "["+value+"]")
		}
		types["array"] = nil
	}
	if s.Type == "integer" {
		out = append(out, "1e400", "9223372036854775808", "-9223372036854775809", "99999999999999999999999999", "0.1", "1.5", `"1.0"`)
		types["number"] = nil
		if s.Minimum != nil {
			out = append(out, fmt.Sprint(*s.Minimum-1), fmt.Sprint(*s.Minimum-2), "-9223372036854775808")
		}
	}
	if s.Type == "string" {
		out = append(out, "\"\xff\"", "\"\xc0\x80\"", `"\ud800"`, `"\udc00\ud800"`, `"\x"`, "\"a\nb\"", "\"\x00\"", `"a`, "'a'")
		if s.MaxLength > 0 {
			out = append(out, `"`+strings.Repeat("a", s.MaxLength+1)+`"`, `"`+strings.Repeat("é", s.MaxLength+1)+`"`)
		}
		if len(s.Enum) > 0 {
			good := s.Enum[0]
			out = append(out, `""`, `"`+stray+`"`, `"`+strings.ToUpper(good)+`"`, `"`+good+` "`, `"`+good+`\u0000"`, `"`+good+`,`+good+`"`, `"*"`)
		}
	}
	types[s.Type] = nil
	for _, kind := range slices.Sorted(maps.Keys(types)) {
		out = append(out, types[kind]...)
	}
	return out
}

// senseless are values of the right type that mean nothing there. The schema
// does not say so, the authority does.
var senseless = map[string][]string{
	"name":    {`""`, `" "`, `"a\u0000b"`, `"a\nb"`, `"a\u202eb"`, `"\ufeff"`, `"` + strings.Repeat("a", 65) + `"`, `"` + strings.Repeat("é", 65) + `"`, `"secret-plan"`},
	"account": {`""`, `" "`, `"a\u0000b"`, `"a\nb"`, `"a\u202eb"`, `"` + strings.Repeat("a", 65) + `"`},
	"email":   {`""`, `"` + stray + `"`, `"a@"`, `"@b.example"`, `"a b@c.example"`, `"a@b.example\r\nBcc: c@d.example"`, `"a@b@c.example"`, `"a\u0000@b.example"`, `"<a@b.example>"`},
	"allowlist": {
		`[""]`, `[" "]`, `["` + stray + `"]`, `["300.1.1.1"]`, `["10.0.0.0/33"]`, `["10.0.0.0/-1"]`, `["1.2.3.4 5.6.7.8"]`, `["1.2.3.4,5.6.7.8"]`, `["fe80::1%eth0"]`, `["010.1.1.1"]`, `["1.2.3"]`, `["::/129"]`,
		`["1.2.3.4/255.0.0.0"]`, `["1.2.3.4\u0000"]`, `["0x7f.1"]`, `["2130706433"]`, "[" + many(1001) + "]",
	},
	"version":      {"2", "7", "9223372036854775807"},
	"factorId":     {`""`, `"` + stray + `"`, `"fac_0000000000"`, `"' OR '1'='1"`},
	"code":         {`""`, `"12345"`, `"1234567"`, `"abcdef"`, `"１２３４５６"`, `"12345\u0000"`, `"-12345"`, `"0x1234"`, `"1e5"`},
	"recoveryCode": {`"123456"`},
	"token":        {`""`, `"` + stray + `"`, `"none\u0000"`},
	"kind":         {`"email"`, `""`, `"TOTP"`}, // also where the document forgot the list
	"permissions":  {`["admin"]`, `[""]`, `["READ"]`, `["read,trade"]`},
	"newPassword":  {`""`, `"short"`, `"` + strings.Repeat("a", 257) + `"`},
}

// many is so many addresses.
func many(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`"198.18.%d.%d"`, i/256, i%256)
	}
	return strings.Join(out, ",")
}
