package catalog_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"latchkey"
	"latchkey/catalog"

	"github.com/google/go-cmp/cmp"
)

func itoa(n int) string { return strconv.Itoa(n) }

// good is the least private action; the table below spoils it.
const good = `actions:
  - name: do_thing
    permission: trade
    cost: 1
    rest: true
    mutating: true
    purpose: Does a thing
`

func TestEveryFieldIsRead(t *testing.T) {
	c, err := catalog.Load(strings.NewReader(`# an operator's own
actions:
  - name: "do_thing"   # quotes are fine
    group: Things
    permission: funds_wallet
    cost: 7
    rest: true
    ws: true
    on_behalf: true
    mutating: true
    deprecated: true
    purpose: 'Does a thing: well'
    public_rest: false
  - {name: get_thing, public_cost: 3, public_rest: true, public_ws: true, purpose: Shows a thing}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []latchkey.Action{
		{Name: "do_thing", Permission: latchkey.FundsWallet, Cost: 7, REST: true, WS: true, OnBehalf: true, Mutating: true,
			Deprecated: true, Group: "Things", Purpose: "Does a thing: well"},
		{Name: "get_thing", PublicCost: 3, PublicREST: true, PublicWS: true, Purpose: "Shows a thing"},
	}
	if diff := cmp.Diff(want, c.Actions()); diff != "" {
		t.Error(diff)
	}
}

func TestABadCatalogIsRefusedWithItsLine(t *testing.T) {
	change := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("%q is not in the good catalog", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	second := strings.TrimPrefix(good, "actions:\n")
	for name, c := range map[string]struct{ yaml, want string }{
		"empty":                  {"", "the catalog is empty"},
		"only a comment":         {"# nothing\n", "the catalog is empty"},
		"not YAML":               {"actions: [", "line 1: "},
		"tab":                    {"actions:\n\t- name: a\n", "line 2: "},
		"not a mapping":          {"- a\n", "line 1: the file must be a list of actions"},
		"text":                   {"hello\n", "line 1: the file must be a list of actions"},
		"other top field":        {"action:\n  - name: a\n", "line 1: unknown field action;"},
		"second top field":       {good + "version: 1\n", "line 8: a second field begins"},
		"actions twice":          {good + good, "line 8: mapping key \"actions\" already defined"},
		"no actions":             {"actions:\n", "line 1: there is no action"},
		"empty list":             {"actions: []\n", "line 1: there is no action"},
		"actions is a number":    {"actions: 5\n", "line 1: there is no action"},
		"second document":        {good + "---\n" + good, "line 9: a second YAML document"},
		"entry is text":          {good + "  - get_thing\n", "line 8: an action is a group of fields"},
		"entry is empty":         {good + "  -\n", "line 8: an action is a group of fields"},
		"unknown field":          {change("mutating: true", "mutatin: true"), `line 6: unknown field "mutatin"; the fields are name,`},
		"field in capitals":      {change("rest: true", "REST: true"), `line 5: unknown field "REST"`},
		"field twice":            {change("cost: 1", "cost: 1\n    cost: 2"), "line 5: "},
		"field twice in quotes":  {change("cost: 1", "cost: 1\n    \"cost\": 2"), `line 5: `},
		"field twice, escaped":   {change("cost: 1", "cost: 1\n    \"c\\u006fst\": 2"), `line 5: `},
		"action twice":           {good + second, `line 8: action "do_thing" stands already in line 2`},
		"unknown permission":     {change("trade", "write"), `line 3: permission must be one of read, trade, funds_internal, funds_wallet or funds_external, not "write"`},
		"display name":           {change("trade", "Trade"), `line 3: permission must be one of`},
		"two permissions":        {change("trade", "[read, trade]"), "line 3: permission must be text"},
		"no permission":          {change("    permission: trade\n", ""), "line 2: action \"do_thing\": permission must be exactly one"},
		"permission is null":     {change("trade", "null"), "line 3: permission must be text"},
		"cost in quotes":         {change("cost: 1", `cost: "1"`), "line 4: cost must be a whole number"},
		"cost with a fraction":   {change("cost: 1", "cost: 1.5"), "line 4: cost must be a whole number"},
		"cost 0":                 {change("cost: 1", "cost: 0"), "line 4: cost must be from 1 to 1000"},
		"negative cost":          {change("cost: 1", "cost: -1"), "line 4: cost must be from 1 to 1000"},
		"huge cost":              {change("cost: 1", "cost: 99999999999999999999"), "line 4: cost must be"},
		"no cost":                {change("    cost: 1\n", ""), "line 2: action \"do_thing\": cost must be from 1 to 1000"},
		"cost without a value":   {change("cost: 1", "cost:"), "line 4: cost must be a whole number"},
		"yes":                    {change("rest: true", "rest: yes"), "line 5: rest must be true or false"},
		"true in quotes":         {change("rest: true", `rest: "true"`), "line 5: rest must be true or false"},
		"1 for true":             {change("mutating: true", "mutating: 1"), "line 6: mutating must be true or false"},
		"no transport":           {change("    rest: true\n", ""), "line 2: action \"do_thing\": no transport"},
		"changes, not mutating":  {change("    mutating: true\n", ""), "line 2: action \"do_thing\": permission Trade changes state"},
		"public and mutating":    {change("rest: true", "rest: true\n    public_rest: true\n    public_cost: 1"), "a public action cannot be mutating"},
		"no purpose":             {change("    purpose: Does a thing\n", ""), "line 2: action \"do_thing\": purpose must be"},
		"number as the purpose":  {change("Does a thing", "5"), "line 7: purpose must be text"},
		"several lines":          {change("Does a thing", "|\n      Does\n      a thing"), "line 7: purpose must be text on one line"},
		"bad name":               {change("do_thing", "do-thing"), "line 2: action \"do-thing\": a name is"},
		"number as the name":     {change("do_thing", "5"), "line 2: name must be text"},
		"no name":                {"actions:\n  - permission: read\n    cost: 1\n    ws: true\n    purpose: x\n", "line 2: action \"\": a name is"},
		"public cost, no public": {change("cost: 1", "cost: 1\n    public_cost: 1"), "line 2: action \"do_thing\": public_cost is for calls without a key"},
		"permission, no private": {"actions:\n- name: get_thing\n  permission: read\n  public_rest: true\n  public_cost: 1\n  purpose: x\n", "line 2: action \"get_thing\": permission and cost are for calls with a key"},
		"protocol message":       {change("do_thing", "ping"), "line 2: action \"ping\": the name belongs to a message"},
		"anchor":                 {change("- name", "- &a\n    name"), "line 2: an action is a group of fields"},
		"alias":                  {good + "  - *a\n", "line "},
		"merge":                  {change("cost: 1", "<<: {cost: 1}"), "line 4: "},
		"tag":                    {change("cost: 1", "cost: !!int 1"), "line 4: cost must be a whole number"},
		"too long":               {good + strings.Repeat("#", 1<<20), "longer than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := catalog.Load(strings.NewReader(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
			if got != nil {
				t.Error("a catalog came with the error")
			}
		})
	}
	if _, err := catalog.Load(strings.NewReader(good)); err != nil {
		t.Errorf("the good catalog is refused: %v", err)
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	_, err := catalog.Load(strings.NewReader("actions:\n- name: get_a\n  rest: 1\n  csot: 1\n- name: get_b\n"))
	if err == nil || !cmp.Equal(lines(err.Error()), []string{"line 3", "line 4", "line 5"}) {
		t.Errorf("error is %v", err)
	}
}

// lines keeps what stands before the colon of each line.
func lines(text string) (heads []string) {
	for line := range strings.Lines(text) {
		head, _, _ := strings.Cut(line, ":")
		heads = append(heads, head)
	}
	return heads
}

func TestAFileIsNamedInItsErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "own.yaml")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := catalog.LoadFile(path); err != nil || len(c.Actions()) != 1 {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, []byte("actions:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.LoadFile(path); err == nil || !strings.HasPrefix(err.Error(), path+": line 1: ") {
		t.Errorf("error is %v", err)
	}
	if _, err := catalog.LoadFile(filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}

func TestABrokenReaderIsAnError(t *testing.T) {
	if _, err := catalog.Load(iotest.ErrReader(errors.New("disk"))); err == nil || !strings.Contains(err.Error(), "disk") {
		t.Errorf("error is %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(good)
	f.Add("actions:\n- {name: get_thing, public_cost: 3, public_rest: true, purpose: x}\n")
	f.Add("actions:\n- &a\n  name: a\n- *a\n---\n")
	f.Add("{actions: [{\"name\": }]}")
	f.Fuzz(func(t *testing.T, yaml string) {
		c, err := catalog.Load(strings.NewReader(yaml))
		if err != nil {
			return
		}
		for _, a := range c.Actions() {
			if err := a.Check(); err != nil {
				t.Errorf("accepted: %v", err)
			}
		}
	})
}
