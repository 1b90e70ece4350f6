package gateway

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
)

// What an opening handshake is refused with, before the protocol changes.
var (
	noUpgrade  = because(426, codeBadRequest, "This path speaks WebSocket, version 13; open it with a WebSocket client")
	noWSMethod = &refusal{status: 405, code: codeBadRequest, text: "Bad Request: use GET, with a WebSocket client", allow: "GET"}
	noWSQuery  = because(400, codeBadRequest, "Bad Request: this path takes no query; log on with an auth message")
	noWSKey    = because(400, codeBadRequest, "Bad Request: Sec-WebSocket-Key must be 16 bytes in base64, once")
	noOrigin   = because(403, codeOrigin, "Pages in browsers may not open this, unless the operator has listed their origin")
	noStopping = because(503, codeUnavailable, "The gateway is stopping; connect again in a moment")
)

// Sizes of what a session keeps while it is idle. Messages of bots are short,
// and ten thousand idle sessions should cost little; what is longer is read and
// written around these buffers.
const (
	readBuffer  = 512
	writeBuffer = 4 << 10 // lent for one message
)

// wsPath tells the two WebSocket paths from all others.
func (g *Gateway) wsPath(target []byte) (public, found bool) {
	path, _, _ := strings.Cut(string(target), "?")
	return path == g.Prefix+"/ws-public", path == g.Prefix+"/ws" || path == g.Prefix+"/ws-public"
}

// upgrade judges an opening handshake (RFC 6455, 4.2.1) and hands the
// connection over to a session, which answers it.
func (g *Gateway) upgrade(ctx *fasthttp.RequestCtx, x *exchange, public bool) *refusal {
	h := &ctx.Request.Header
	challenge := string(only(h, "Sec-WebSocket-Key"))
	raw, err := base64.StdEncoding.DecodeString(challenge)
	switch {
	case !ctx.IsGet():
		return noWSMethod
	// HTTP/1.0 has no upgrade (RFC 9110, 7.8).
	case !h.IsHTTP11() || !lists(h, "Connection", "upgrade") || !lists(h, "Upgrade", "websocket") || string(only(h, "Sec-WebSocket-Version")) != "13":
		return noUpgrade
	case strings.Contains(string(h.RequestURI()), "?"):
		return noWSQuery
	case len(ctx.Request.Body()) > 0:
		return noGet
	case err != nil || len(raw) != 16:
		return noWSKey
	case !g.mayOpen(h):
		return noOrigin
	case g.Sessions.stopping():
		return noStopping
	}
	x.code, x.status = "allowed", fasthttp.StatusSwitchingProtocols
	s := newSession(g, x.addr, string(h.UserAgent()), public)
	ctx.HijackSetNoResponse(true) // the session answers
	ctx.Hijack(func(c net.Conn) { s.start(c, challenge) })
	return nil
}

// mayOpen refuses pages in browsers: a browser names their origin, and a bot
// has none (CWE-1385). There are no cookies here, but a page that made its
// visitors' browsers connect would speak from their addresses.
func (g *Gateway) mayOpen(h *fasthttp.RequestHeader) bool {
	origins := h.PeekAll("Origin")
	if len(origins) == 0 {
		return true
	}
	for _, listed := range g.Origins {
		if len(origins) == 1 && string(origins[0]) == listed {
			return true
		}
	}
	return false
}

// lists looks for a word in a header that is a list (RFC 9110, 5.6.1).
func lists(h *fasthttp.RequestHeader, name, want string) bool {
	for _, value := range h.PeekAll(name) {
		for _, word := range strings.Split(string(value), ",") {
			if strings.EqualFold(strings.Trim(word, " \t"), want) {
				return true
			}
		}
	}
	return false
}

// handshake answers a handshake that was judged, and puts the library's frames
// on the connection. Compression is not offered: it would make a small message
// large, and secrets guessable by their length.
func handshake(c *guardConn, challenge, id string) (*websocket.Conn, error) {
	asked := &http.Request{Method: http.MethodGet, Header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {challenge},
	}}
	up := websocket.Upgrader{
		ReadBufferSize: readBuffer, WriteBufferSize: writeBuffer, WriteBufferPool: &writers,
		CheckOrigin: func(*http.Request) bool { return true }, // see mayOpen
	}
	return up.Upgrade(&hijacked{conn: c}, asked, http.Header{"Latchkey-Request-Id": {id}, "Cache-Control": {"no-store"}})
}

// hijacked hands the library a connection in the shape that it knows.
type hijacked struct{ conn net.Conn }

// Header, Write and WriteHeader are for refusals of the library; there are
// none left to make, and none is sent.
func (h *hijacked) Header() http.Header         { return http.Header{} }
func (h *hijacked) Write(p []byte) (int, error) { return len(p), nil }
func (h *hijacked) WriteHeader(int)             {}

// Hijack returns the connection, with buffers that the library does not keep.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReaderSize(strings.NewReader(""), 16), bufio.NewWriterSize(io.Discard, 16)), nil
}
