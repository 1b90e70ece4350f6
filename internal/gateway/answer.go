package gateway

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/valyala/fasthttp"
)

// wholeAnswer is the size up to which an answer is read before it is sent on.
// It is cheaper, and when the exchange breaks off in the middle the client gets
// a refusal in place of half an answer.
const wholeAnswer = 64 << 10

// hopByHop are the headers of an answer that do not concern the client: they
// belong to the connection with the exchange (RFC 9110, 7.6.1), are written anew,
// or say what software runs there.
var hopByHop = [...]string{
	"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	"content-length", "content-type", "date", "server", "set-cookie", "cache-control", "alt-svc",
}

var errProtocol = errors.New("the exchange switched to another protocol, which nobody asked for")

// relay sends the exchange's answer on, and releases resp.
func (g *Gateway) relay(ctx *fasthttp.RequestCtx, x *exchange, f *flight, resp *fasthttp.Response) *refusal {
	if resp.StatusCode() < 200 {
		closeAnswer(resp)
		g.upstream.client.CloseIdleConnections() // one of them is out of step
		return g.unanswered(x, f, errProtocol)
	}
	copyHeader(ctx, resp)
	var text [64]byte
	ctx.Response.Header.SetCanonical(requestIDHeader, append(text[:0], x.id...))
	x.status = resp.StatusCode()
	size := resp.Header.ContentLength()
	if size < 0 || size > wholeAnswer {
		return g.pass(ctx, x, f, resp, max(size, -1))
	}
	// The room of the answer before is used again: it is filled to its end, or
	// nothing of it is sent.
	body, err := readAnswer(resp, slices.Grow(ctx.Response.SwapBody(nil)[:0], size)[:size])
	ctx.Response.SwapBody(body)
	closeAnswer(resp)
	if err != nil {
		return g.unanswered(x, f, err)
	}
	return nil
}

// pass sends a long answer on as the client takes it; size is -1 when unknown.
func (g *Gateway) pass(ctx *fasthttp.RequestCtx, x *exchange, f *flight, resp *fasthttp.Response, size int) *refusal {
	client, _ := ctx.Conn().(*guardConn)
	if !f.passTo(client) {
		closeAnswer(resp)
		return g.unanswered(x, f, errCut)
	}
	ctx.SetBodyStream(&answerBody{stream: resp.BodyStream(), flight: f, close: func() {
		closeAnswer(resp)
		g.upstream.flights.remove(f)
	}}, size)
	f.passes = true
	return nil
}

// readAnswer reads an answer into body, which has its announced size; nothing
// when it breaks off.
func readAnswer(resp *fasthttp.Response, body []byte) ([]byte, error) {
	stream := resp.BodyStream()
	if stream == nil {
		return append(body[:0], resp.Body()...), nil
	}
	if _, err := io.ReadFull(stream, body); err != nil {
		return body[:0], err
	}
	return body, nil
}

// closeAnswer gives the connection back, or closes it when the answer was not
// read to its end; either way there is nobody to tell about an error.
func closeAnswer(resp *fasthttp.Response) {
	_ = resp.CloseBodyStream()
	fasthttp.ReleaseResponse(resp)
}

// copyHeader takes over what concerns the client. Answers to signed calls are
// nobody else's, so nothing is cached on the way.
func copyHeader(ctx *fasthttp.RequestCtx, resp *fasthttp.Response) {
	to := &ctx.Response.Header
	ctx.SetStatusCode(resp.StatusCode())
	to.SetContentTypeBytes(resp.Header.ContentType())
	to.SetCanonical(cacheControl, noStore)
	connection := resp.Header.Peek(fasthttp.HeaderConnection)
	for name, value := range resp.Header.All() {
		if concerns(name, connection) {
			to.AddBytesKV(name, value)
		}
	}
}

var cacheControl, noStore = []byte(fasthttp.HeaderCacheControl), []byte("no-store")

// concerns reports whether a header of an answer is for the client: it does not
// belong to the connection, whose own header may name more of those, and cannot
// be taken for one of the gateway's own.
func concerns(name, connection []byte) bool {
	for _, hop := range hopByHop {
		if exact(name, hop) {
			return false
		}
	}
	if len(name) >= len(ours) && like(name[:len(ours)], ours) {
		return false
	}
	for len(connection) > 0 {
		var named []byte
		named, connection, _ = bytes.Cut(connection, []byte(","))
		if bytes.EqualFold(bytes.TrimSpace(named), name) {
			return false
		}
	}
	return true
}

// ours is how the gateway's own headers begin.
const ours = "latchkey-"

// answerBody is a long answer that passes through as the client takes it.
type answerBody struct {
	stream io.Reader
	flight *flight
	close  func()
}

// Read returns the next part. When the exchange breaks off, or the key changes,
// the connection to the client is closed before the announced end, which no
// client can take for a whole answer. What waits in a buffer then is dropped.
func (b *answerBody) Read(p []byte) (int, error) {
	if cut, _ := b.flight.state(); cut {
		return 0, errCut
	}
	return b.stream.Read(p)
}

// Close gives the connection to the exchange back.
func (b *answerBody) Close() error {
	b.close()
	return nil
}
