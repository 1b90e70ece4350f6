package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

func onPostgres(ctx context.Context, s settings) ([]string, error) {
	if s.postgres != "" {
		return writes(ctx, s, "PostgreSQL", s.postgres)
	}
	server, err := startServer(ctx, filepath.Join(s.dir, "pg"))
	if err != nil {
		return nil, err
	}
	defer server.stop()
	return writes(ctx, s, "PostgreSQL", server.url)
}

// server is a PostgreSQL as it comes: what it acknowledges is on the disk. The
// one of the tests is no use here, it does without.
type server struct {
	url string
	cmd *exec.Cmd
}

// startServer makes a data folder and starts a server on a socket in it.
func startServer(ctx context.Context, dir string) (*server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := owner(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "latchkey", "-A", "trust", "-E", "UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=")
	cmd.SysProcAttr, cmd.Dir = as, dir
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "postgres", User: url.User("latchkey"), Path: "/postgres", RawQuery: url.Values{"host": {dir}}.Encode()}
	s := &server{address.String(), cmd}
	for range 300 {
		if err = s.answers(ctx); err == nil {
			return s, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("the server does not start: %w", err)
}

// answers demands the settings without which the figures would mean nothing.
func (s *server) answers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := conn.QueryRow(ctx, "SHOW "+name).Scan(&value); err != nil || value != "on" {
			return errors.Join(err, fmt.Errorf("%s is %q", name, value))
		}
	}
	return nil
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	_ = s.cmd.Wait()
}

// owner makes the folder and says as whom the server runs: it refuses root.
func owner(dir string) (*syscall.SysProcAttr, error) {
	// However this process ends, the server does not outlive it.
	as := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if err := os.Mkdir(dir, 0o700); err != nil || os.Geteuid() != 0 {
		return as, err
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
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
	// It must be able to walk through the folder above its own.
	return as, errors.Join(os.Chown(dir, int(uid), int(gid)), os.Chmod(filepath.Dir(dir), 0o711))
}

// programs is the folder of initdb and postgres, which Debian keeps out of PATH.
func programs() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("PostgreSQL is not installed; install it, or give -postgres URL")
}
