package latchkey_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey"
)

// shunned are packages that nothing of the program may import by itself, with
// what would become possible.
var shunned = map[string]string{
	"os/exec": "a text that becomes a command", "plugin": "code from a file", "unsafe": "memory without its bounds", "C": "memory without its bounds",
	"encoding/xml": "entities that are fetched", "encoding/gob": "types that the sender chooses",
	"net/http/pprof": "memory of the process over HTTP", "expvar": "its command line over HTTP", "net/http/cgi": "a request that starts a program",
	"crypto/md5": "a broken hash", "crypto/sha1": "a broken hash", "crypto/des": "a broken cipher", "crypto/rc4": "a broken cipher", "crypto/dsa": "a withdrawn signature",
	"crypto/aes": "a mode of our own; internal/seal has Tink's AEAD", "crypto/cipher": "a mode of our own; internal/seal has Tink's AEAD", "crypto/rsa": "a padding of our own choice",
}

// starts are ways to run another program that packages have which may be imported.
var starts = regexp.MustCompile(`\b(?:os\.StartProcess|(?:syscall|unix)\.(?:Exec|ForkExec|StartProcess|RawSyscall6?|Syscall6?))\(`)

// only says which files may import what others may not.
var only = map[string][]string{
	// Waits of a random length, which nobody gains by guessing.
	"math/rand/v2": {"internal/cluster/epoch.go", "internal/courier/lane.go", "internal/gateway/leg.go", "internal/store/tx.go"},
	"math/rand":    {},
	// Letters are plain text; their templates are constants.
	"text/template": {"internal/courier/templates.go"},
}

// dangers lists what a file imports and should not.
func dangers(name string, imports []string) (faults []string) {
	for _, path := range imports {
		if why, bad := shunned[path]; bad {
			faults = append(faults, name+" imports "+path+": "+why)
		}
		if allowed, some := only[path]; some && !slices.Contains(allowed, filepath.ToSlash(name)) {
			faults = append(faults, name+" imports "+path+", which is for "+strings.Join(allowed, " ")+" alone")
		}
	}
	return faults
}

// What is not there cannot be injected into (ASVS 1.2.5, 1.4.1, 1.5.1, 1.5.2,
// 11.3.1, 11.5.1, 13.4.2).
func TestTheProgramShunsWhatIsDangerous(t *testing.T) {
	all := packages(t)
	top := slices.IndexFunc(all, func(p pkg) bool { return p.ImportPath == "latchkey/cmd/latchkey" })
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, p := range all {
		if p.ImportPath != all[top].ImportPath && !slices.Contains(all[top].Deps, p.ImportPath) {
			continue // benchmarks and tests start databases and the like
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			var imports []string
			for _, i := range file.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				imports = append(imports, path)
			}
			rel, err := filepath.Rel(here, filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range dangers(rel, imports) {
				t.Error(fault)
			}
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range starts.FindAllString(string(text), -1) {
				t.Errorf("%s calls %s: a text that becomes a command", rel, call)
			}
			seen++
		}
	}
	if seen < 100 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// Ways by which text becomes code or markup in a browser, and places where data
// outlives the page (ASVS 1.3.2, 3.2.2, 3.5.5, 14.3.3).
var browserDangers = regexp.MustCompile(`dangerouslySetInnerHTML|\.(?:inner|outer)HTML|insertAdjacentHTML|document\.write|srcdoc|` +
	`\beval\(|new Function\(|setTimeout\(\s*['"` + "`" + `]|javascript:|__proto__|postMessage|` +
	`\blocalStorage\b|\bsessionStorage\b|indexedDB|document\.cookie|caches\.open|serviceWorker`)

func TestTheConsoleRunsNoTextAndKeepsNothing(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("web/src", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !regexp.MustCompile(`\.tsx?$`).MatchString(name) || regexp.MustCompile(`\.test\.tsx?$|schema\.d\.ts$`).MatchString(name) {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, found := range browserDangers.FindAllString(string(text), -1) {
			t.Errorf("%s uses %s", name, found)
		}
		seen++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// The twins.
func TestWhatIsDangerousIsFound(t *testing.T) {
	for path := range shunned {
		if len(dangers("internal/api/x.go", []string{"fmt", path})) != 1 {
			t.Errorf("the import of %s is not found", path)
		}
	}
	for _, text := range []string{`os.StartProcess("/bin/sh", nil, nil)`, `syscall.Exec(p, nil, nil)`, `syscall.ForkExec(p, nil, nil)`, `unix.Exec(p, nil, nil)`} {
		if !starts.MatchString(text) || starts.MatchString("unix.Prctl(1)") {
			t.Errorf("%s is not found", text)
		}
	}
	if len(dangers("internal/stepup/code.go", []string{"math/rand/v2"})) != 1 || len(dangers("internal/courier/lane.go", []string{"math/rand/v2"})) != 0 {
		t.Error("math/rand/v2 is not kept to its files")
	}
	for _, text := range []string{
		`<b dangerouslySetInnerHTML={x} />`, `e.innerHTML = x`, `eval(x)`, `new Function('a')`, "setTimeout('x', 1)", `href="javascript:x"`,
		`window.postMessage(x)`, `localStorage.setItem('a', b)`, `sessionStorage.a`, `document.cookie`,
	} {
		if !browserDangers.MatchString(text) {
			t.Errorf("%s is not found", text)
		}
	}
	if browserDangers.MatchString(`localStorageColorSchemeManager({ key: 'latchkey-colours' }); setTimeout(() => f(), 1); const evaluate = retrieval(1)`) {
		t.Error("what is harmless is found, too")
	}
}

// Somebody types a format instead of a name (ASVS 1.3.10).
func TestWhatSomebodyTypesIsNoFormat(t *testing.T) {
	const typed = "%d%s%v%n%.999999999f%[99]d"
	_, email := latchkey.NormalEmail(typed)
	_, phone := latchkey.NormalPhone(typed)
	_, name := latchkey.NormalName("name", typed+"\x00")
	_, role := latchkey.ParseRole(typed)
	_, permissions := latchkey.ParsePermissions([]string{typed})
	texts := map[string]string{}
	for what, err := range map[string]error{"address": email, "phone": phone, "name": name, "role": role, "permissions": permissions} {
		if err == nil {
			t.Fatalf("%s: %q was accepted", what, typed)
		}
		texts[what] = err.Error()
	}
	_, entries := latchkey.ParseAllowlist(typed)
	for _, e := range entries {
		texts["allowlist"] += fmt.Sprint(e)
	}
	for what, text := range texts {
		if strings.Contains(text, "%!") || len(text) > 1000 {
			t.Errorf("%s: it was taken for a format: %s", what, text)
		}
	}
}

// passwordFields finds what is wrong with the fields of passwords in a file:
// they mask, take a paste, and tell password managers which one they are
// (ASVS 6.2.6, 6.2.7).
func passwordFields(text string) (fields int, faults []string) {
	const element = "<PasswordInput"
	for _, part := range strings.Split(text, element)[1:] {
		fields++
		part, _, _ = strings.Cut(part, "/>")
		if !regexp.MustCompile(`autoComplete="(current|new)-password"`).MatchString(part) {
			faults = append(faults, "a field that password managers do not know")
		}
		if regexp.MustCompile(`onPaste|onDrop|onCopy|visible=\{true\}|\bvisible\s`).MatchString(part) {
			faults = append(faults, "a field that takes no paste or shows what is typed")
		}
	}
	if strings.Count(text, `autoComplete="current-password"`)+strings.Count(text, `autoComplete="new-password"`) != fields || strings.Contains(text, `type="password"`) {
		faults = append(faults, "a password in a field of another kind")
	}
	return fields, faults
}

func TestPasswordFieldsMaskAndTakeAPaste(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("web/src", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".tsx") {
			return err
		}
		text, err := os.ReadFile(name)
		fields, faults := passwordFields(string(text))
		for _, fault := range faults {
			t.Errorf("%s: %s", name, fault)
		}
		seen += fields
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 4 { // the sign-in, a new one, the change, the question before a factor
		t.Errorf("%d fields; the test looked in the wrong place", seen)
	}
	for _, twin := range []string{
		`<PasswordInput label="x" />`, `<TextInput autoComplete="new-password" />`, `<PasswordInput autoComplete="new-password" onPaste={f} />`,
		`<PasswordInput visible autoComplete="new-password" />`,
	} {
		if _, faults := passwordFields(twin); len(faults) == 0 {
			t.Errorf("%s is not found", twin)
		}
	}
}
