package gateway_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/gateway"

	"github.com/valyala/fasthttp"
)

// What the guard lets pass, net/http and the parser behind the guard both read
// as the same method, target, number of headers and body, and both stop at the
// same byte.
func FuzzGuard(f *testing.F) {
	good := "POST /api/rest/get_my_orders HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n{}"
	f.Add([]byte(good))
	f.Add([]byte("GET /?a=%20?b HTTP/1.0\r\nhOST:g:1\r\n\r\nGET / HTTP/1.1\r\n"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: g\r\nPragma: no-cache\r\nConnection: close, x\r\nConnection: keep-alive\r\nCookie: a=1\r\nCookie: b\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"))
	for _, s := range smuggling() {
		f.Add([]byte(s.edit(good)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		const maxHeader, maxBody = 4 << 10, 1 << 10
		size, length, ok := gateway.Accept(raw, maxHeader, maxBody)
		if !ok || len(raw) < size+length {
			return
		}
		const rest = "GET /canary HTTP/1.1\r\n"
		request := append(raw[:size+length:size+length], rest...)
		head, body := string(raw[:size]), string(raw[size:size+length])
		line, _, _ := strings.Cut(head, "\r\n")
		part := strings.Split(line, " ")
		headers := strings.Count(head, "\r\n") - 2
		agreesStandard(t, request, part[0], part[1], headers, body, rest)
		agreesParser(t, request, part[0], part[1], headers, body, rest)
	})
}

func agreesStandard(t *testing.T, request []byte, method, target string, headers int, body, rest string) {
	t.Helper()
	reader := bufio.NewReaderSize(bytes.NewReader(request), 8<<10)
	r, err := http.ReadRequest(reader)
	if err != nil {
		t.Fatalf("net/http: %v\n%q", err, request)
	}
	got, err := io.ReadAll(r.Body)
	n := 1 // net/http takes Host out
	for _, values := range r.Header {
		n += len(values)
	}
	if len(r.Header["Pragma"]) > 0 && r.Header["Pragma"][0] == "no-cache" && strings.Count(strings.ToLower(string(request)), "cache-control") == 0 {
		n-- // and adds Cache-Control here
	}
	left, _ := io.ReadAll(reader)
	if err != nil || r.Method != method || r.RequestURI != target || n != headers || string(got) != body || string(left) != rest {
		t.Fatalf("net/http reads %s %s, %d headers, body %q, rest %q (%v)\n%q", r.Method, r.RequestURI, n, got, left, err, request)
	}
}

func agreesParser(t *testing.T, request []byte, method, target string, headers int, body, rest string) {
	t.Helper()
	reader := bufio.NewReaderSize(bytes.NewReader(request), 8<<10)
	var r fasthttp.Request
	if err := r.ReadLimitBody(reader, 1<<10); err != nil {
		t.Fatalf("parser: %v\n%q", err, request)
	}
	if r.MayContinue() {
		if err := r.ContinueReadBody(reader, 1<<10); err != nil {
			t.Fatalf("parser: %v\n%q", err, request)
		}
	}
	n := bytes.Count(r.Header.RawHeaders(), []byte("\r\n")) - 1
	left, _ := io.ReadAll(reader)
	if string(r.Header.Method()) != method || string(r.Header.RequestURI()) != target || n != headers || string(r.Body()) != body || string(left) != rest {
		t.Fatalf("the parser reads %s %s, %d headers, body %q, rest %q\n%q", r.Header.Method(), r.Header.RequestURI(), n, r.Body(), left, request)
	}
}
