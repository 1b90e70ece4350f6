package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"latchkey/internal/testenv/postgres"
)

// patience is how long a script waits for something that must come.
const patience = 20 * time.Second

// TestScripts runs every scenario on SQLite, each in a folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: commandsOfScripts(), Setup: func(e *testscript.Env) error {
		return setUp(e, "")
	}})
}

// TestScriptsOnPostgres runs the scenarios that must not depend on the
// database once more, on a real PostgreSQL.
func TestScriptsOnPostgres(t *testing.T) {
	server, err := postgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	var files []string
	for _, name := range []string{"activity", "folder", "life", "operator", "people", "race"} {
		files = append(files, filepath.Join("testdata", "script", name+".txtar"))
	}
	testscript.Run(t, testscript.Params{Files: files, Cmds: commandsOfScripts(), Setup: func(e *testscript.Env) error {
		return setUp(e, server.Database(e.T().(testing.TB)))
	}})
}

// stage is what one script has beside the program: where messages arrive,
// people with browsers, servers that run.
type stage struct {
	office    *office
	browsers  map[string]*http.Client
	processes map[string]*process
	held      []net.Listener
	taken     map[string]int // codes taken out of a demo's inbox, by address
}

// stageKey is where a script keeps its stage.
type stageKey struct{}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// setUp opens the office and tells the script where it is. SERVE are the flags
// that every server needs; LATCHKEY_DATABASE is read by the program itself.
func setUp(e *testscript.Env, database string) error {
	office, err := openOffice()
	if err != nil {
		return err
	}
	s := &stage{office: office, browsers: map[string]*http.Client{}, processes: map[string]*process{}, taken: map[string]int{}}
	e.Values[stageKey{}] = s
	e.Defer(s.close)
	for name, value := range map[string]string{
		"SMTP": office.smtp, "SMS": office.sms,
		"LATCHKEY_SMTP_SERVER": office.smtp, "LATCHKEY_SMTP_TLS": "none", "LATCHKEY_SMTP_FROM": "keys@example.com",
		"LATCHKEY_SMS_WEBHOOK": office.sms, "LATCHKEY_SMS_SECRET": smsSecret,
		"LATCHKEY_IDENTITY_SECRET": "identity secret of the scripts, 32+ bytes",
		"LATCHKEY_UPSTREAM":        "http://127.0.0.1:1", "LATCHKEY_CONSOLE": "127.0.0.1:0",
		"LATCHKEY_GATEWAY_LISTEN": "127.0.0.1:0", "LATCHKEY_METRICS": "127.0.0.1:0",
		"LATCHKEY_DATABASE": database,
	} {
		e.Setenv(name, value)
	}
	return nil
}

// close ends what a script left running.
func (s *stage) close() {
	for _, p := range s.processes {
		p.kill()
	}
	for _, ln := range s.held {
		_ = ln.Close()
	}
	s.office.close()
}

// browser is the browser of a person, with cookies of its own.
func (s *stage) browser(person string) (*http.Client, error) {
	if c := s.browsers[person]; c != nil {
		return c, nil
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	s.browsers[person] = &http.Client{Jar: jar, Timeout: patience}
	return s.browsers[person], nil
}

// outputFiles opens where a server's output goes: NAME.out and NAME.err.
func outputFiles(ts *testscript.TestScript, name string) (out, err *os.File) {
	open := func(suffix string) *os.File {
		f, err := os.OpenFile(ts.MkAbs(name+suffix), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		ts.Check(err)
		return f
	}
	return open(".out"), open(".err")
}

// environment is the script's, for a process that testscript does not start.
func environment(ts *testscript.TestScript) []string {
	env := []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	for _, name := range strings.Fields("SMTP_SERVER SMTP_TLS SMTP_FROM SMS_WEBHOOK SMS_SECRET IDENTITY_SECRET UPSTREAM CONSOLE CONSOLE_URL GATEWAY_LISTEN GATEWAY_TLS METRICS DATABASE KEYSET CONFIG GATEWAY_CERT GATEWAY_KEY") {
		if value := ts.Getenv("LATCHKEY_" + name); value != "" {
			env = append(env, "LATCHKEY_"+name+"="+value)
		}
	}
	return env
}

// within gives up after patience.
func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func usage(ts *testscript.TestScript, ok bool, form string) {
	if !ok {
		ts.Fatalf("usage: %s", form)
	}
}

// need fails the script when something went wrong in a step.
func need(ts *testscript.TestScript, err error, format string, args ...any) {
	if err != nil {
		ts.Fatalf("%s: %v", fmt.Sprintf(format, args...), err)
	}
}
