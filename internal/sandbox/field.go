package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/shopspring/decimal"
)

// fault is a refusal that the caller reads: {"error": text} with the status.
type fault struct {
	status int
	text   string
}

func (f *fault) Error() string { return f.text }

// wrong is a parameter that is missing or bad: 422 (docs/protocol.md).
func wrong(format string, args ...any) *fault {
	return &fault{http.StatusUnprocessableEntity, fmt.Sprintf(format, args...)}
}

// failed is a request that is well formed but against a rule of the business:
// the real exchange answers 500 to those, and clients are written for it.
func failed(format string, args ...any) *fault {
	return &fault{http.StatusInternalServerError, fmt.Sprintf(format, args...)}
}

// badRequest is a body that is no JSON object, or an action that is unknown.
var badRequest = &fault{http.StatusBadRequest, "Bad Request"}

// fields reads a request's members by name and type. The first thing that is
// wrong stays in err and all later reads return zero values, so an action reads
// everything, then looks at err once. A member that is null counts as absent.
type fields struct {
	members map[string]json.RawMessage
	// query is set for a GET: the members came from the URL, where everything
	// is text. Only public actions take GET.
	query bool
	err   error
}

// parse reads a request body. An empty one is an empty object.
func parse(body []byte) (*fields, error) {
	f := &fields{}
	if len(bytes.TrimSpace(body)) == 0 {
		return f, nil
	}
	// Duplicate members and bad UTF-8 do not come here: the gateway refuses them.
	if err := json.Unmarshal(body, &f.members); err != nil || f.members == nil {
		return nil, badRequest
	}
	return f, nil
}

// parseQuery reads the URL of a public GET. A repeated name makes an array.
func parseQuery(values url.Values) *fields {
	f := &fields{members: map[string]json.RawMessage{}, query: true}
	for name, texts := range values {
		var encoded []byte
		if len(texts) == 1 {
			encoded, _ = json.Marshal(texts[0]) // text always encodes
		} else {
			encoded, _ = json.Marshal(texts)
		}
		f.members[name] = encoded
	}
	return f
}

// get decodes a member into target and reports whether it was there. A value
// of another type leaves complaint as the error.
func (f *fields) get(name string, target any, complaint string) bool {
	if f.err != nil || !f.has(name) {
		return false
	}
	if json.Unmarshal(f.members[name], target) != nil {
		f.err = wrong("%s", complaint)
	}
	return f.err == nil
}

// has reports whether a member is there at all.
func (f *fields) has(name string) bool {
	raw, ok := f.members[name]
	return ok && string(raw) != "null"
}

// text is a text member, "" when absent.
func (f *fields) text(name string) string {
	var text string
	f.get(name, &text, title(name)+" parameter should be string")
	return text
}

// need is a text member that must be there and not be empty.
func (f *fields) need(name string) string {
	text := f.text(name)
	if f.err == nil && text == "" {
		f.err = missing(name)
	}
	return text
}

// missing is the exchange's own wording, which clients search for.
func missing(name string) *fault { return wrong("Mandatory parameter %s is missing", name) }

// oneOf is a text member with few values, "" when absent.
func (f *fields) oneOf(name string, values ...string) string {
	text := f.text(name)
	if f.err == nil && text != "" && !slices.Contains(values, text) {
		f.err = wrong("Mandatory parameter %s should be one of %s", name, strings.Join(values, ","))
		return ""
	}
	return text
}

// needOneOf is a text member with few values that must be there.
func (f *fields) needOneOf(name string, values ...string) string {
	text := f.oneOf(name, values...)
	if f.err == nil && text == "" {
		f.err = missing(name)
	}
	return text
}

// decimals is how money looks: no exponent, because 1e999999999 is a few bytes
// that would cost gigabytes to compute with.
var decimals = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,18})?$`)

// amount is money as text, "" when absent. A JSON number is refused: it may
// have lost digits before it was sent.
func (f *fields) amount(name string) string {
	complaint := title(name) + ` parameter should be a decimal number in a string, such as "0.01"`
	var text string
	if f.get(name, &text, complaint) && !decimals.MatchString(text) {
		f.err = wrong("%s", complaint)
		return ""
	}
	return text
}

// needAmount is money that must be there and more than zero, with no more
// decimals than any currency has.
func (f *fields) needAmount(name string) decimal.Decimal {
	text := f.amount(name)
	if f.err == nil && text == "" {
		f.err = missing(name)
	}
	if f.err != nil {
		return decimal.Zero
	}
	amount := decimal.RequireFromString(text)
	switch {
	case !amount.IsPositive():
		f.err = wrong("%s should be greater than zero", title(name))
	case !amount.Equal(amount.Truncate(places)):
		f.err = wrong("%s should have at most %d decimals", title(name), places)
	}
	return amount
}

// whole is a whole number, preset when absent.
func (f *fields) whole(name string, preset int64) int64 {
	complaint := title(name) + " parameter should be a whole number"
	var number json.Number
	if f.query {
		if text := f.text(name); text != "" {
			number = json.Number(text)
		}
	} else if raw := f.members[name]; len(raw) > 0 && raw[0] == '"' && f.err == nil {
		f.err = wrong("%s", complaint) // json.Number would also take "1"
	} else {
		f.get(name, &number, complaint)
	}
	if f.err != nil || number == "" {
		return preset
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || n < 0 {
		f.err = wrong("%s", complaint)
		return preset
	}
	return n
}

// page is a page size from 1 to most.
func (f *fields) page(name string, preset, most int64) int64 {
	size := f.whole(name, preset)
	switch {
	// Size 0 would make every page empty and a division by zero of the page.
	case f.err != nil:
	case size > most:
		f.err = wrong("Page size is limited to %d items", most)
	case size == 0:
		f.err = wrong("%s parameter should be greater than zero", title(name))
	}
	return size
}

// flag is a boolean, false when absent.
func (f *fields) flag(name string) bool {
	var on bool
	f.get(name, &on, title(name)+" parameter should be boolean")
	return on
}

// texts is an array of texts, nil when absent or empty.
func (f *fields) texts(name string) []string {
	var raw []json.RawMessage
	if f.query && len(f.members[name]) > 0 && f.members[name][0] == '"' {
		return strings.Split(f.text(name), ",")
	}
	if !f.get(name, &raw, title(name)+" should be array.") {
		return nil
	}
	var texts []string
	// One by one: a null in []string would silently become "", the main account.
	for _, element := range raw {
		var text *string
		if json.Unmarshal(element, &text) != nil || text == nil {
			f.err = wrong("%s array should consist of string type values", name)
			return nil
		}
		texts = append(texts, *text)
	}
	return texts
}

// digits is a number in a URL.
var digits = regexp.MustCompile(`^"[0-9]+"$`)

// latest is the last moment that a request may name, in ms: the year 9999, up
// to which time.Time prints as a date.
const latest = 253402300799999

// moment is a time: ms since 1970 as a number, or ISO 8601 text, because the
// clients send both. Zero when absent.
func (f *fields) moment(name string) time.Time {
	if raw := f.members[name]; f.err == nil && len(raw) > 0 && raw[0] == '"' && !(f.query && digits.Match(raw)) {
		text := f.text(name)
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			f.err = wrong("%s parameter should be a time, such as 1700000000000 or \"2023-11-14T22:13:20.000Z\"", title(name))
		}
		return at
	}
	ms := f.whole(name, 0)
	if ms > latest {
		f.err = wrong("%s parameter should be a time in milliseconds", title(name))
		ms = 0
	}
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// title is a parameter's name at the start of a sentence.
func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// shown cuts what a caller sent for use in an answer.
func shown(text string) string {
	const longest = 40
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(clean); len(runes) > longest {
		return string(runes[:longest]) + "..."
	}
	return clean
}

// wanted reports whether a filter lets name through; an empty one lets all.
func wanted(filter []string, name string) bool {
	return len(filter) == 0 || slices.Contains(filter, name)
}

// known returns the currency of that name, or a 422 that names it back.
func known(currency string) (*coin, error) {
	if coin := coinByName(currency); coin != nil {
		return coin, nil
	}
	return nil, wrong("Unsupported currency %s", shown(currency))
}
