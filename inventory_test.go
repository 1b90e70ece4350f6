package latchkey_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey"
)

const inventoryPage = "docs/inventory.md"

// section returns what stands under a heading, up to the next heading of the
// same level or above.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no %q", inventoryPage, heading)
	}
	marks := strings.IndexByte(heading, ' ')
	end := regexp.MustCompile(`\n#{2,` + strconv.Itoa(marks) + `} `).FindStringIndex(rest)
	if end == nil {
		return rest
	}
	return rest[:end[0]]
}

func inventory(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(inventoryPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// firsts are the backticked first cells of the tables in a text.
func firsts(text string) (out []string) {
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// apart says what is in one list alone.
func apart(page, code []string) (faults []string) {
	for _, name := range code {
		if !slices.Contains(page, name) {
			faults = append(faults, fmt.Sprintf("%q is in the program and not in %s", name, inventoryPage))
		}
	}
	for _, name := range page {
		if !slices.Contains(code, name) {
			faults = append(faults, fmt.Sprintf("%q is in %s and not in the program", name, inventoryPage))
		}
	}
	return faults
}

// programFiles parses every file that ./bin/latchkey is made of.
func programFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	all, out := packages(t), map[string]*ast.File{}
	top := slices.IndexFunc(all, func(p pkg) bool { return p.ImportPath == "latchkey/cmd/latchkey" })
	for _, p := range all {
		if p.ImportPath != all[top].ImportPath && !slices.Contains(all[top].Deps, p.ImportPath) {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Join(p.Dir, name)] = file
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d files were looked at", len(out))
	}
	return out
}

// textOf is the value of a literal, "" for anything else.
func textOf(n ast.Node) string {
	if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			return text
		}
	}
	return ""
}

// ofCryptography are packages that make or check secrets, or hash.
var ofCryptography = regexp.MustCompile(`^(crypto|hash)/|tink|argon2|webauthn|/otp|x/crypto|jose|jwt|nacl|blake`)

// A weak algorithm that nobody wrote down is one that nobody looks for (ASVS 11.1.2).
func TestTheInventoryHasEveryAlgorithm(t *testing.T) {
	found := map[string]bool{}
	for _, file := range programFiles(t) {
		for _, i := range file.Imports {
			if path := textOf(i.Path); ofCryptography.MatchString(path) {
				found[path] = true
			}
		}
	}
	page := firsts(section(t, inventory(t), "### Algorithms in use"))
	for _, fault := range apart(page, slices.Sorted(maps.Keys(found))) {
		t.Error(fault)
	}
}

var logCall = regexp.MustCompile(`^(Debug|Info|Warn|Error)(Context)?$|^LogAttrs$`)

// logged returns the constant parts of the message of a call that logs, nil for
// any other call.
func logged(n ast.Node) (parts []string) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !logCall.MatchString(f.Sel.Name) {
		return nil
	}
	switch on := f.X.(type) {
	case *ast.Ident:
		ok = strings.EqualFold(on.Name, "log") || on.Name == "slog"
	case *ast.SelectorExpr:
		ok = strings.EqualFold(on.Sel.Name, "log")
	default:
		ok = false
	}
	for _, arg := range call.Args {
		if !ok || len(parts) > 0 {
			break
		}
		ast.Inspect(arg, func(n ast.Node) bool {
			if text := textOf(n); text != "" {
				parts = append(parts, text)
			}
			return true
		})
	}
	if ok && len(parts) == 0 {
		return []string{"a message that is no constant"}
	}
	return parts
}

// says reports whether a line of the page is that message: its parts in order,
// with anything between them.
func says(line string, parts []string) bool {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = regexp.QuoteMeta(p)
	}
	text := strings.Join(quoted, ".+")
	if len(parts) == 1 {
		text = "^" + text + "$"
	}
	return regexp.MustCompile(text).MatchString(line)
}

// What is logged and nobody knows of is read by nobody, and protected by nobody
// (ASVS 16.1.1).
func TestTheInventoryHasEveryLogLine(t *testing.T) {
	page := firsts(section(t, inventory(t), "### Lines"))
	used := map[string]bool{}
	for name, file := range programFiles(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			parts := logged(n)
			if parts == nil {
				return true
			}
			known := false
			for _, line := range page {
				if says(line, parts) {
					known, used[line] = true, true
				}
			}
			if !known {
				t.Errorf("%s logs %q, which is not in %s", name, parts, inventoryPage)
			}
			return true
		})
	}
	for _, line := range page {
		if !used[line] {
			t.Errorf("%s has the line %q, which nothing logs", inventoryPage, line)
		}
	}
}

func TestTheInventoryHasEveryActivityAndMetric(t *testing.T) {
	text := inventory(t)
	var page, code []string
	for _, m := range backticked.FindAllStringSubmatch(section(t, text, "### Activities"), -1) {
		page = append(page, m[1])
	}
	for _, a := range latchkey.ActivityTypes {
		code = append(code, string(a))
	}
	for _, fault := range apart(page, code) {
		t.Error(fault)
	}
	names := map[string]bool{}
	for _, file := range programFiles(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if name := textOf(n); regexp.MustCompile(`^latchkey_(gateway|node|barrier)_\w+$`).MatchString(name) {
				names[name] = true
			}
			return true
		})
	}
	for _, fault := range apart(firsts(section(t, text, "### Metrics")), slices.Sorted(maps.Keys(names))) {
		t.Error(fault)
	}
}

func TestTheInventoryHasEveryFactorAndLink(t *testing.T) {
	ways := section(t, inventory(t), "## Ways in")
	for _, kind := range []string{
		string(latchkey.FactorTOTP), string(latchkey.FactorSMS), string(latchkey.FactorEmail), string(latchkey.FactorPasskey),
		string(latchkey.FactorRecovery), string(latchkey.LinkReset), string(latchkey.LinkSetup),
	} {
		if !strings.Contains(ways, "`"+kind+"`") {
			t.Errorf("no way in is %q", kind)
		}
	}
}

var fileLine = regexp.MustCompile(`^([\w./-]+\.(?:go|sql|lua)): (.+)$`)

// lineFaults is what of the page's `file: text` and tests does not exist.
func lineFaults(text string, tree testTree, read func(string) ([]byte, error)) (lines int, faults []string) {
	for _, m := range backticked.FindAllStringSubmatch(text, -1) {
		if looksLikeTest(m[1]) {
			if fault := tree.fault(m[1]); fault != "" {
				faults = append(faults, fault)
			}
		}
		at := fileLine.FindStringSubmatch(m[1])
		if at == nil {
			continue
		}
		lines++
		content, err := read(at[1])
		if flat := strings.Join(strings.Fields(string(content)), " "); err != nil || !strings.Contains(flat, at[2]) {
			faults = append(faults, fmt.Sprintf("%s does not hold %q", at[1], at[2]))
		}
	}
	return lines, faults
}

func TestWhatTheInventoryQuotesStandsInTheCode(t *testing.T) {
	lines, faults := lineFaults(inventory(t), readTests(t, "."), os.ReadFile)
	for _, fault := range faults {
		t.Error(inventoryPage + ": " + fault)
	}
	if lines < 20 {
		t.Errorf("only %d lines were looked for", lines)
	}
}

// The twins.
func TestAWrongInventoryIsFoundOut(t *testing.T) {
	if faults := apart([]string{"a", "b"}, []string{"b", "c"}); len(faults) != 2 {
		t.Errorf("two that are apart: %q", faults)
	}
	read := func(name string) ([]byte, error) { return []byte("const\tmost   = 2\n"), nil }
	tree := testTree{map[string]string{"a.TestGood": ""}, nil}
	if lines, faults := lineFaults("`a.go: most = 2`, `a.TestGood`, `--flag`", tree, read); lines != 1 || len(faults) != 0 {
		t.Errorf("good ones: %d, %q", lines, faults)
	}
	if _, faults := lineFaults("`a.go: most = 3` and `a.TestGone`", tree, read); len(faults) != 2 {
		t.Errorf("bad ones: %q", faults)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "a.go", `package a
func f() { s.Log.Warn("one", "k", v); log.ErrorContext(ctx, "two "+what+" end"); http.Error(w, "none", 1); g.Log.Info(text); t.Error("none") }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found [][]string
	ast.Inspect(file, func(n ast.Node) bool {
		if parts := logged(n); parts != nil {
			found = append(found, parts)
		}
		return true
	})
	if got := fmt.Sprintf("%q", found); got != `[["one"] ["two " " end"] ["a message that is no constant"]]` {
		t.Errorf("found %s", got)
	}
	if !says("two tries end", found[1]) || says("one more", found[0]) || !says("one", found[0]) {
		t.Error("lines are told apart wrongly")
	}
	for _, path := range []string{"crypto/md5", "hash/fnv", "golang.org/x/crypto/blowfish", "github.com/pquerna/otp", "github.com/golang-jwt/jwt/v5"} {
		if !ofCryptography.MatchString(path) {
			t.Errorf("%s is not found", path)
		}
	}
}
