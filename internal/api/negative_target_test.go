package api_test

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// queries are wrong queries: of the parameters that the document has, and of
// others.
func (o operation) queries(right request, dice *rand.Rand) (out []request) {
	add := func(query string) {
		if right.query != "" {
			query = right.query + "&" + query
		}
		out = append(out, right.with("query "+query, func(r *request) { r.query = query }))
	}
	for _, name := range []string{strayName, "debug", "admin", "access_token", "_method", "accountId", "callback", "__proto__", "sort", "%00", "%ff", "%20", "id", "role"} {
		add(name + "=" + stray)
	}
	for range 6 {
		add(word(dice, dice.IntN(80)) + "=" + stray)
	}
	for _, bad := range []string{strayName, "=" + stray, "%zz=1", "%", "a%f=1", "a;b=1", "debug=%zz", stray + "=%g1", strayName + "=1&" + strayName + "=2", strayName + "[]=1&" + strayName + "[]=2"} {
		add(bad)
	}
	for _, p := range o.Parameters {
		if p.In != "query" {
			continue
		}
		rest := slices.DeleteFunc(strings.Split(right.query, "&"), func(s string) bool { return s == "" || strings.HasPrefix(s, p.Name+"=") })
		set := func(parts ...string) {
			query := strings.Join(slices.Concat(rest, parts), "&")
			out = append(out, right.with("query "+query, func(r *request) { r.query = query }))
		}
		good := strings.Trim(string(p.Schema.Examples[0]), `"`)
		if p.Schema.Type == "array" {
			good = p.Schema.Items.Enum[0]
		}
		for _, value := range p.Schema.queryValues() {
			set(p.Name + "=" + value)
		}
		if p.Required {
			set()
		}
		if p.Schema.Type != "array" { // an array's parameter stands once for each value
			set(p.Name+"="+good, p.Name+"="+good)
		}
		set(strings.ToUpper(p.Name) + "=" + good)
		set(p.Name + "[]=" + good)
		set(p.Name + "[0]=" + good)
		set(p.Name + "%00=" + good)
		set("%20" + p.Name + "=" + good)
	}
	return out
}

// queryValues are no values of the schema, escaped for a query.
func (s schema) queryValues() []string {
	long := strings.Repeat("a", 65)
	switch {
	case s.Type == "integer":
		out := []string{
			"", "x", stray, "1.5", "0x10", "1e1", "-", "--1", "1,2", "true", "NaN", "null", "99999999999999999999", "-99999999999999999999", "%00", "1%00", "%20", "1%20", "%EF%BC%91",
			"[]", "1%3B2", "1%27", "1%20OR%201=1", "%ff",
		}
		if s.Minimum != nil {
			out = append(out, strconv.FormatInt(*s.Minimum-1, 10), strconv.FormatInt(*s.Minimum-1000, 10))
		}
		if s.Maximum != nil {
			out = append(out, strconv.FormatInt(*s.Maximum+1, 10))
		}
		return out
	case s.Format == "date-time":
		return []string{
			"", "yesterday", stray, "2026-03-01", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-03-01T00:00:00", "2026-03-01T25:00:00Z", "1772323200", "2026-03-01%2000:00:00Z",
			"26-03-01T00:00:00Z", "10000-01-01T00:00:00Z", "2026-03-01T00:00:00Z%00", "%27", "%00", "2026-03-01T00:00:00%2B99:00", long, "-2026-03-01T00:00:00Z", "null",
		}
	case s.Type == "array":
		out := []string{"", "x", stray, "%00", "%ff", long, "%27"}
		good := s.Items.Enum[0]
		return append(out, strings.ToUpper(good), good+"%20", good+","+stray, good+"&type="+stray, "%22"+good+"%22", good+"%00")
	default:
		return []string{"", "%00", "%ff", "a%20b", "%27", long, "%F0%9F%98%80", "a%2fb", "a,b", "%3Cscript%3E", stray + "%0d%0a", "a.b", "*", "%25", "..%2f..", "a%00"}
	}
}

// paths are ids that nothing has, and paths that are no route.
func (o operation) paths(right request, dice *rand.Rand) (out []request) {
	segments, names := strings.Split(right.path, "/"), strings.Split(o.path, "/")
	last := len(segments) - 1
	for i, name := range names {
		if !strings.HasPrefix(name, "{") {
			continue
		}
		for _, id := range slices.Concat(impossible, near(segments[i]), []string{word(dice, 12), word(dice, 20), word(dice, 1)}) {
			changed := slices.Clone(segments)
			changed[i] = id
			out = append(out, right.with(name+": "+id, func(r *request) { r.path, r.status = strings.Join(changed, "/"), http.StatusNotFound }))
		}
	}
	if !strings.HasPrefix(o.path, "/v1/") {
		return out // what is no route there is the console's
	}
	route := func(path string) {
		out = append(out, right.with("path "+path, func(r *request) { r.path, r.code = path, "no_such_route" }))
	}
	route(right.path + "/")
	route(right.path + "/no/such/path/here")
	route("/v1/" + strayName + right.path)
	if !strings.HasPrefix(names[last], "{") {
		for _, end := range []string{".json", "%20", "%00", "%2f", "%3f", ";a=b"} {
			route(right.path + end)
		}
		route(strings.Join(segments[:last], "/") + "/" + strings.ToUpper(segments[last]))
	}
	return out
}

// impossible are segments that are the id of nothing, whatever there is.
var impossible = []string{
	"%00", "%ff", "a%2fb", "%2e", "%2e%2e", "%2e%2e%2f%2e%2e", "%5c", "%27", "%27%20OR%20%271%27=%271", "a%20b", "%3Cscript%3E", "%F0%9F%98%80", "a.b", "a:b", "a,b", "*", "%25", "%2500",
	stray + "%0d%0aSet-Cookie:a=b", "~", "a;b", "$", "0", "-1", "null", "undefined", "%7Bid%7D", strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 5000),
}

// near are ids that almost are one.
func near(id string) []string {
	return []string{strings.ToUpper(id), id[:len(id)-1], id + "0", id + "%00", id + "%20", "%20" + id, id + "%0a", id + "*", "%22" + id + "%22", strings.Replace(id, "_", "%5f_", 1), strings.Replace(id, "_", "-", 1)}
}
