// Package postgres starts a real PostgreSQL server for tests, once for each
// test binary, in a temporary folder and on a socket of its own. It is never
// skipped: without the server's programs the tests fail and say what to
// install.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// role is the superuser of the server.
const role = "latchkey"

// startLimit bounds how long the server may take until it answers.
const startLimit = 60 * time.Second

// Server is a running PostgreSQL.
type Server struct {
	dir   string
	guard *exec.Cmd
	// alive is the guard's standard input: it ends with this process, however
	// that ends, and the guard then stops the server and removes the folder.
	alive io.Closer
}

// Main runs the tests of a binary with a server: call it in TestMain and give
// its result to os.Exit.
func Main(m *testing.M, use func(*Server)) int {
	s, err := Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL for the tests:", err)
		return 1
	}
	defer s.Stop()
	use(s)
	return m.Run()
}

// Start makes a new, empty server.
func Start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "latchkey-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if err := s.launch(bin); err != nil {
		s.Stop()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// launch makes the data folder, starts the server and waits until it answers.
// There is no TCP port, so two runs of the tests cannot meet.
func (s *Server) launch(bin string) error {
	as, err := s.unprivileged()
	if err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", s.data(), "-U", role, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// fsync=off: these databases need not survive a loss of power. The guard waits
	// for the end of its input, which comes with the end of the tests, also with
	// one by a panic or a kill.
	s.guard = exec.Command("/bin/sh", "-c", `"$1" -D "$2" -k "$3" -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=200 >"$3/log" 2>&1 &
cat >/dev/null
kill -QUIT $!
wait
rm -rf "$3"`, "guard", filepath.Join(bin, "postgres"), s.data(), s.dir)
	s.guard.SysProcAttr, s.guard.Dir = as, s.dir
	if s.alive, err = s.guard.StdinPipe(); err != nil {
		return err
	}
	if err := s.guard.Start(); err != nil {
		return err
	}
	return s.await()
}

// await waits until the server answers. Its log is part of the error, since the
// folder is gone by the time somebody would look for it.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.admin(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("the server does not start: %w\n%s", err, text)
		case <-tick.C:
		}
	}
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() {
	if s.alive == nil {
		return
	}
	s.alive.Close()
	s.guard.Wait()
	s.alive = nil
}

// URL is the address of one database of the server. "postgres" exists from the
// start.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}}.Encode()}
	return u.String()
}

// Database makes an empty database for one test and returns its URL. It is
// dropped when the test ends.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text())
	if err := s.admin(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.admin(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	return s.URL(name)
}

// admin runs one statement as the superuser, on a connection of its own: CREATE
// DATABASE does not run in a transaction.
func (s *Server) admin(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// unprivileged says as whom the server runs: PostgreSQL refuses root, so root
// lends its folder to the user postgres or nobody.
func (s *Server) unprivileged() (*syscall.SysProcAttr, error) {
	// A group of its own: Ctrl-C goes to the tests, which stop the server.
	as := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return as, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		if who, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user to run it: %w", err)
		}
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return as, os.Chown(s.dir, int(uid), int(gid))
}

// programs is the folder of initdb and postgres. Debian keeps them out of PATH,
// one folder for each version.
func programs() (string, error) {
	var dirs []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin"} {
		more, _ := filepath.Glob(pattern) // the pattern is well formed
		dirs = append(dirs, more...)
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("its programs are not installed; run: sudo apt-get install postgresql")
}
