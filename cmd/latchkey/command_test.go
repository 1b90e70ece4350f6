package main

import (
	"bytes"
	"database/sql"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/tidwall/gjson"
	_ "modernc.org/sqlite"
)

// scriptCommand is one command that the scripts have beside testscript's own.
type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

// commandsOfScripts lists them. `latchkey ARG...` itself is a command too.
func commandsOfScripts() map[string]scriptCommand {
	return map[string]scriptCommand{
		"start":  cmdStart,  // start NAME serve|demo|sandbox|watch ARG...: run in the background until end; waits until it is ready
		"end":    cmdEnd,    // end NAME: ask it to end; it must end with 0
		"ended":  cmdEnded,  // ended NAME CODE: wait until it has ended by itself, which it must with that code
		"crash":  cmdCrash,  // crash NAME: kill -9
		"exits":  cmdExits,  // exits CODE ARG...: run latchkey, which must end with that code
		"json":   cmdJSON,   // json FILE PATH is VALUE, or to VAR: FILE (or stdout, stderr) is JSON and has VALUE at PATH (gjson)
		"api":    cmdAPI,    // api PERSON STATUS METHOD URL [BODY]: a request with the person's cookies; the answer is stdout
		"code":   cmdCode,   // code ADDRESS ABOUT VAR: wait for a code sent there in a message with that text
		"inbox":  cmdInbox,  // inbox URL ADDRESS VAR: wait for the next code in a demo's inbox
		"totp":   cmdTOTP,   // totp SEED STEPS VAR: the code of that many steps of 30 s from now
		"now":    cmdNow,    // now VAR: milliseconds since 1970, as orders carry them
		"mode":   cmdMode,   // mode PERM FILE...: each has exactly these permissions
		"hides":  cmdHides,  // hides TEXT FILE...: TEXT, which is not empty, stands in none of the files
		"sql":    cmdSQL,    // sql FILE STATEMENT: as somebody with a hand on the database
		"hold":   cmdHold,   // hold VAR: a port that something else uses
		"racers": cmdRacers, // racers N ARG...: run N of that command at once; prints the number of each exit code and error code
	}
}

func cmdStart(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 2 && readyWords[args[1]] != "", "start NAME serve|demo|sandbox|watch ARG...")
	s, name := stageOf(ts), args[0]
	path, err := exec.LookPath("latchkey")
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environment(ts)
	out, errs := outputFiles(ts, name)
	p, err := launch(cmd, out, errs)
	need(ts, err, "start %s", name)
	s.processes[name] = p
	for what, url := range p.urls() {
		ts.Setenv(name+"_"+what, url)
	}
}

func cmdEnd(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1 && stageOf(ts).processes[args[0]] != nil, "end NAME (of what was started)")
	code, err := stageOf(ts).processes[args[0]].stop()
	delete(stageOf(ts).processes, args[0])
	need(ts, err, "end %s", args[0])
	if code != 0 {
		ts.Fatalf("%s ended with %d", args[0], code)
	}
}

func cmdEnded(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 2 && stageOf(ts).processes[args[0]] != nil, "ended NAME CODE (of what was started)")
	code, err := stageOf(ts).processes[args[0]].ends()
	delete(stageOf(ts).processes, args[0])
	need(ts, err, "ended %s", args[0])
	if strconv.Itoa(code) != args[1] {
		ts.Fatalf("%s ended with %d, want %s", args[0], code, args[1])
	}
}

func cmdCrash(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1 && stageOf(ts).processes[args[0]] != nil, "crash NAME (of what was started)")
	stageOf(ts).processes[args[0]].kill()
	delete(stageOf(ts).processes, args[0])
}

func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 1, "exits CODE ARG...")
	err := ts.Exec("latchkey", args[1:]...)
	if got := exitCode(err); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d (%v), want %s", got, err, args[0])
	}
}

// exitCode is the code that a command ended with; -1 when it did not run.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return -1
}

func cmdJSON(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 4 && (args[2] == "is" || args[2] == "to"), "json FILE PATH is VALUE, or json FILE PATH to VAR")
	text := ts.ReadFile(args[0])
	if !gjson.Valid(text) {
		ts.Fatalf("%s is not JSON and nothing else:\n%s", args[0], text)
	}
	got := gjson.Get(text, args[1])
	if got.IsArray() || got.IsObject() {
		got = got.Get("@ugly") // however it is spaced
	}
	switch {
	case args[2] == "is" && got.String() != args[3]:
		ts.Fatalf("%s: %s is %q, want %q", args[0], args[1], got, args[3])
	case args[2] == "to" && !got.Exists():
		ts.Fatalf("%s has no %s:\n%s", args[0], args[1], text)
	case args[2] == "to":
		ts.Setenv(args[3], got.String())
	}
}

func cmdAPI(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 4 || len(args) == 5, "api PERSON STATUS METHOD URL [BODY]")
	client, err := stageOf(ts).browser(args[0])
	ts.Check(err)
	req, err := http.NewRequest(args[2], args[3], strings.NewReader(strings.Join(args[4:], "")))
	ts.Check(err)
	if len(args) == 5 {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s", body)
	if strconv.Itoa(res.StatusCode) != args[1] {
		ts.Fatalf("%s %s: status %d, want %s\n%s", args[2], args[3], res.StatusCode, args[1], body)
	}
}

func cmdCode(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 3, "code ADDRESS ABOUT VAR")
	ctx, cancel := within()
	defer cancel()
	code, ok := stageOf(ts).office.code(ctx, args[0], args[1])
	if !ok {
		ts.Fatalf("no code about %q came to %s", args[1], args[0])
	}
	ts.Setenv(args[2], code)
}

func cmdInbox(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 3, "inbox URL ADDRESS VAR")
	taken := stageOf(ts).taken
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // another process: real time
		codes := inboxCodes(ts, args[0], args[1])
		if n := taken[args[0]+args[1]]; len(codes) > n {
			taken[args[0]+args[1]]++
			ts.Setenv(args[2], codes[n])
			return
		}
	}
	ts.Fatalf("no code came to %s", args[1])
}

// inboxCodes are the codes that a demo's inbox holds for an address, oldest
// first.
func inboxCodes(ts *testscript.TestScript, url, to string) (codes []string) {
	res, err := http.Get(url + "/messages")
	ts.Check(err)
	defer res.Body.Close()
	var messages []struct{ To, Code string }
	ts.Check(json.NewDecoder(res.Body).Decode(&messages))
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].To == to && messages[i].Code != "" {
			codes = append(codes, messages[i].Code)
		}
	}
	return codes
}

func cmdTOTP(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 3, "totp SEED STEPS VAR")
	_, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(args[0])
	need(ts, err, "the seed")
	steps, err := strconv.Atoi(args[1])
	ts.Check(err)
	code, err := totp.GenerateCode(args[0], time.Now().Add(time.Duration(steps)*30*time.Second))
	ts.Check(err)
	ts.Setenv(args[2], code)
}

func cmdNow(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1, "now VAR")
	ts.Setenv(args[0], strconv.FormatInt(time.Now().UnixMilli(), 10)) // the program's clock is real too
}

func cmdMode(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 2, "mode PERM FILE...")
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

func cmdHides(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 2 && len(args[0]) >= 4, "hides TEXT FILE... (TEXT of 4 characters or more)")
	for _, name := range args[1:] {
		if strings.Contains(ts.ReadFile(name), args[0]) {
			ts.Fatalf("%q stands in %s", args[0], name)
		}
	}
}

func cmdSQL(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 2, "sql FILE STATEMENT")
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	need(ts, err, "%s", args[1])
}

func cmdHold(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1, "hold VAR")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	s := stageOf(ts)
	s.held = append(s.held, ln)
	ts.Setenv(args[0], ln.Addr().String())
}

// cmdRacers starts all commands before it waits for any, and prints lines like
// "exit 0: 1" and "wrong_status: 7".
func cmdRacers(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 2, "racers N ARG...")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var mu sync.Mutex
	var all sync.WaitGroup
	counts := map[string]int{}
	for range n {
		all.Go(func() {
			var errs bytes.Buffer
			cmd := exec.Command("latchkey", args[1:]...)
			cmd.Dir, cmd.Env, cmd.Stderr = ts.MkAbs("."), environment(ts), &errs
			code := exitCode(cmd.Run())
			mu.Lock()
			defer mu.Unlock()
			counts[fmt.Sprintf("exit %d", code)]++
			if code != 0 {
				counts[gjson.Get(errs.String(), "error.code").String()+": "+gjson.Get(errs.String(), "error.message").String()]++
			}
		})
	}
	all.Wait()
	for what, count := range counts {
		fmt.Fprintf(ts.Stdout(), "%d x %s\n", count, what)
	}
}
