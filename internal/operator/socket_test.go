package operator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"latchkey"
	"latchkey/internal/operator"
)

// keeper stands for the database where no command needs it.
type keeper struct{ err error }

func (k keeper) RotateKeyset(context.Context) (int, error)     { return 3, k.err }
func (k keeper) VerifyActivity(context.Context) (int64, error) { return 7, k.err }
func (k keeper) Nodes(context.Context) ([]latchkey.GatewayNode, latchkey.Revs, error) {
	return []latchkey.GatewayNode{{ID: "node_a", State: latchkey.NodeLive, Applied: 4}}, latchkey.Revs{Newest: 6, Confirmed: 4}, k.err
}

// serve answers commands on the listener until the test ends.
func serve(t *testing.T, ln net.Listener, k keeper) {
	t.Helper()
	done := make(chan error, 1)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	go func() { done <- operator.Serve(t.Context(), ln, operator.Door{Maintenance: k}, log) }()
	t.Cleanup(func() {
		ln.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// folder is short: the path of a socket has at most 107 bytes.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T, dir string) net.Listener {
	t.Helper()
	ln, err := operator.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func call(t *testing.T, dir, op, args string) (string, error) {
	t.Helper()
	req := operator.Request{Op: op}
	if args != "" {
		req.Args = json.RawMessage(args)
	}
	raw, err := operator.Call(t.Context(), dir, req)
	return string(raw), err
}

func TestSocketIsItsOwnersAlone(t *testing.T) {
	dir := folder(t)
	if err := os.WriteFile(operator.SocketPath(dir), nil, 0o666); err != nil { // what a dead server left
		t.Fatal(err)
	}
	ln := listen(t, dir)
	defer ln.Close()
	info, err := os.Stat(operator.SocketPath(dir))
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Fatalf("mode %v, error %v, want a socket with 0600", info.Mode(), err)
	}
	old := syscall.Umask(0)
	syscall.Umask(old)
	if old == 0o177 {
		t.Error("the mask of the process was not put back")
	}
}

func TestCommandGoesOverTheSocket(t *testing.T) {
	dir := folder(t)
	serve(t, listen(t, dir), keeper{})
	if got, err := call(t, dir, "activity.verify", ""); err != nil || got != `{"rows":7}` {
		t.Fatalf("answer %s, error %v", got, err)
	}
	if got, err := call(t, dir, "keyset.rotate", "{}"); err != nil || got != `{"waiting":3}` {
		t.Fatalf("answer %s, error %v", got, err)
	}
}

func TestRefusalCrossesTheSocketWhole(t *testing.T) {
	dir := folder(t)
	want := &latchkey.Error{Kind: latchkey.KindConflict, Code: "owner_stays", Message: "the owner cannot be removed", Field: "email"}
	serve(t, listen(t, dir), keeper{want})
	_, err := call(t, dir, "activity.verify", "")
	got, ok := errors.AsType[*latchkey.Error](err)
	if !ok || *got != *want {
		t.Fatalf("error %+v, want %+v", got, want)
	}
	for args, code := range map[string]string{`{"force":true}`: "invalid_arguments", `[]`: "invalid_arguments"} {
		if _, err := call(t, dir, "activity.verify", args); latchkey.Code(err) != code {
			t.Errorf("%s: error %v, want code %q", args, err, code)
		}
	}
	if _, err := call(t, dir, "no.such", ""); latchkey.Code(err) != "unknown_command" {
		t.Errorf("error %v, want unknown_command", err)
	}
}

func TestUnreadableCommandIsRefused(t *testing.T) {
	dir := folder(t)
	serve(t, listen(t, dir), keeper{})
	for _, text := range []string{"", "x", `{"op":"activity.verify"} {}`, `{"op":"activity.verify"}}`, `{"op":"activity.verify","as":"root"}`, strings.Repeat(" ", 1<<20-1) + `{}`} {
		conn, err := net.Dial("unix", operator.SocketPath(dir))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.UnixConn).CloseWrite()
		answer, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || !strings.Contains(string(answer), `"message"`) || strings.Contains(string(answer), `"result"`) {
			t.Errorf("%.40q: answer %q, error %v", text, answer, err)
		}
	}
}

// The mistake: a command that names one database reaches the server of another.
func TestCommandForAnotherDatabaseIsRefused(t *testing.T) {
	door := operator.Door{Maintenance: keeper{}, Database: "postgres://db/keys"}
	for named, code := range map[string]string{"": "", "postgres://db/keys": "", "postgres://db/other": "other_database"} {
		_, err := door.Run(t.Context(), operator.Request{Op: "activity.verify", Database: named})
		if latchkey.Code(err) != code {
			t.Errorf("%q: error %v, want code %q", named, err, code)
		}
	}
	if _, err := (operator.Door{Maintenance: keeper{}}).Run(t.Context(), operator.Request{Op: "activity.verify", Database: "x"}); err == nil {
		t.Error("a door that does not know its database takes any")
	}
}

func TestNoServerIsToldApart(t *testing.T) {
	dir := folder(t)
	if _, err := call(t, dir, "activity.verify", ""); !errors.Is(err, operator.ErrNoServer) {
		t.Errorf("without a socket: %v", err)
	}
	ln := listen(t, dir)
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close() // as after kill -9
	if _, err := call(t, dir, "activity.verify", ""); !errors.Is(err, operator.ErrNoServer) {
		t.Errorf("with a dead socket: %v", err)
	}
}

// starved is a listener in a process that has no file left, for a while.
type starved struct {
	net.Listener
	left atomic.Int64
}

func (s *starved) Accept() (net.Conn, error) {
	if s.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return s.Listener.Accept()
}

// The attack: use up all files of the process by connections to the gateway,
// and wait for an operator, whose command then would end the server.
func TestProcessWithoutFilesGoesOn(t *testing.T) {
	dir := folder(t)
	ln := &starved{Listener: listen(t, dir)}
	ln.left.Store(2)
	serve(t, ln, keeper{})
	if _, err := call(t, dir, "activity.verify", ""); err != nil {
		t.Fatal(err)
	}
}
