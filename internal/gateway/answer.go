package gateway

import (
	"errors"
	"io"
	"strings"

	"latchkey/identity"

	"github.com/valyala/fasthttp"
)

// wholeAnswer is the size up to which an answer is read before it is sent on.
// It is cheaper, and when the exchange breaks off in the middle the client gets
// a refusal in place of half an answer.
const wholeAnswer = 64 << 10

// hopByHop are the headers of an answer that do not concern the client: they
// belong to the connection with the exchange (RFC 9110, 7.6.1), are written anew,
// or say what software runs there.
var hopByHop = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-authenticate": true, "proxy-connection": true, "te": true,
	"trailer": true, "transfer-encoding": true, "upgrade": true, "content-length": true, "content-type": true,
	"date": true, "server": true, "set-cookie": true, "cache-control": true, "alt-svc": true,
}

var errProtocol = errors.New("the exchange switched to another protocol, which nobody asked for")

// relay sends the exchange's answer on, and releases resp.
func (g *Gateway) relay(ctx *fasthttp.RequestCtx, x *exchange, resp *fasthttp.Response) *refusal {
	if resp.StatusCode() < 200 {
		closeAnswer(resp)
		g.upstream.client.CloseIdleConnections() // one of them is out of step
		return g.unanswered(x, errProtocol)
	}
	copyHeader(ctx, resp)
	ctx.Response.Header.Set(identity.RequestIDHeader, x.id)
	x.status = resp.StatusCode()
	size := resp.Header.ContentLength()
	if size < 0 || size > wholeAnswer {
		ctx.SetBodyStream(&answerBody{resp: resp, stream: resp.BodyStream()}, max(size, -1))
		return nil
	}
	body, err := readAnswer(resp, size)
	closeAnswer(resp)
	if err != nil {
		return g.unanswered(x, err)
	}
	ctx.Response.SetBodyRaw(body)
	return nil
}

func readAnswer(resp *fasthttp.Response, size int) ([]byte, error) {
	body := make([]byte, size)
	if stream := resp.BodyStream(); stream != nil {
		_, err := io.ReadFull(stream, body)
		return body, err
	}
	return append(body[:0], resp.Body()...), nil
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
	to.Set(fasthttp.HeaderCacheControl, "no-store")
	named := strings.Split(strings.ToLower(string(resp.Header.Peek(fasthttp.HeaderConnection))), ",")
	for name, value := range resp.Header.All() {
		if low := strings.ToLower(string(name)); !hopByHop[low] && !ours(low) && !isIn(low, named) {
			to.AddBytesKV(name, value)
		}
	}
}

// ours reports whether a header could be taken for one of the gateway's own.
func ours(low string) bool {
	return strings.HasPrefix(strings.ReplaceAll(low, "_", "-"), "latchkey-")
}

// isIn reports whether the answer's Connection header names a header.
func isIn(low string, named []string) bool {
	for _, n := range named {
		if strings.TrimSpace(n) == low {
			return true
		}
	}
	return false
}

// answerBody is a long answer that passes through as the client takes it.
type answerBody struct {
	resp   *fasthttp.Response
	stream io.Reader
}

// Read returns the next part. When the exchange breaks off, the connection to
// the client is closed before the announced end, which no client can take for a
// whole answer.
func (b *answerBody) Read(p []byte) (int, error) { return b.stream.Read(p) }

// Close gives the connection to the exchange back.
func (b *answerBody) Close() error {
	closeAnswer(b.resp)
	return nil
}
