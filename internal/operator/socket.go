package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"latchkey"
)

// maxRequest bounds one command on the socket, in bytes.
const maxRequest = 1 << 20

// requestTime bounds one command on the socket.
const requestTime = 30 * time.Second

// SocketPath is where a server listens for commands, beside its data.
func SocketPath(dataDir string) string { return filepath.Join(dataDir, "latchkey.sock") }

// answer is what comes back on the socket: one of both.
type answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  *wireError      `json:"error,omitempty"`
}

// wireError carries a *latchkey.Error across the socket.
type wireError struct {
	Kind    latchkey.Kind `json:"kind"`
	Code    string        `json:"code"`
	Message string        `json:"message"`
	Field   string        `json:"field,omitempty"`
}

// Listen opens the socket with mode 0600. A socket that a dead server left
// behind is replaced; the caller must hold the lock of the data folder, so
// that no live server's socket can be taken away.
func Listen(dataDir string) (net.Listener, error) {
	path := SocketPath(dataDir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("operator socket: %w", err)
	}
	// The socket must never be open to others, not even between bind and chmod.
	old := syscall.Umask(0o177)
	ln, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("operator socket: %w (a path has at most 107 bytes; use a shorter --data)", err)
	}
	return ln, nil
}

// acceptPause is waited when a connection cannot be taken, before the next try.
const acceptPause = 200 * time.Millisecond

// Serve answers commands until the listener is closed, then waits for those
// that run. A process that has no file left for one more connection goes on: a
// flood of clients elsewhere must not end the server by way of this socket.
func Serve(ctx context.Context, ln net.Listener, door Door, log *slog.Logger) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		conn, err := ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
			log.WarnContext(ctx, "operator socket: no file left for a connection", "error", err)
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
				return nil
			}
		case err != nil:
			return fmt.Errorf("operator socket: %w", err)
		default:
			running.Go(func() { serveOne(ctx, conn, door, log) })
		}
	}
}

// serveOne reads one command, carries it out and answers.
func serveOne(ctx context.Context, conn net.Conn, door Door, log *slog.Logger) {
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	var req Request
	line, err := io.ReadAll(io.LimitReader(conn, maxRequest+1)) // the client closes its side when it has said all
	if err == nil && len(line) > maxRequest {
		err = errors.New("too long")
	}
	if err == nil {
		err = decode(line, &req)
	}
	var out answer
	if err == nil {
		out.Result, err = door.Run(ctx, req)
	} else {
		err = latchkey.Invalid("request", "invalid_request", "the command was not readable")
	}
	if err != nil {
		out = answer{Error: wireErrorOf(err)}
	}
	log.InfoContext(ctx, "operator command", "op", req.Op, "ok", err == nil, "error", errText(err))
	_ = json.NewEncoder(conn).Encode(out)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// wireErrorOf keeps the whole text: the operator sits at the machine.
func wireErrorOf(err error) *wireError {
	w := &wireError{Message: err.Error()}
	if e, ok := errors.AsType[*latchkey.Error](err); ok {
		w.Kind, w.Code, w.Field = e.Kind, e.Code, e.Field
	}
	return w
}

// ErrNoServer says that no server listens in that data folder.
var ErrNoServer = errors.New("no server is running on this data folder")

// Call sends one command to the server of a data folder. ErrNoServer when none
// listens there; a *latchkey.Error when the server refused.
func Call(ctx context.Context, dataDir string, req Request) (json.RawMessage, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", SocketPath(dataDir))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, ErrNoServer
	}
	if err != nil {
		return nil, fmt.Errorf("operator socket: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(requestTime + 5*time.Second))
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return nil, fmt.Errorf("operator socket: %w", err)
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		return nil, fmt.Errorf("operator socket: %w", err)
	}
	var out answer
	if err := json.NewDecoder(io.LimitReader(conn, 64<<20)).Decode(&out); err != nil {
		return nil, fmt.Errorf("operator socket: the server did not answer (%w); whether the command was carried out is not known: list to see", err)
	}
	if e := out.Error; e != nil {
		return nil, &latchkey.Error{Kind: e.Kind, Code: e.Code, Message: e.Message, Field: e.Field}
	}
	return out.Result, nil
}

// decode reads one JSON value strictly.
func decode(raw []byte, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = []byte("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}
