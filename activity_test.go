package latchkey_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"latchkey"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyTheSignedInOwnerIsOwner(t *testing.T) {
	owner := latchkey.Actor{Source: latchkey.SourceConsole, AccountID: "acc_1", MemberID: "mem_1", SessionID: "ses_1", Role: latchkey.RoleOwner}
	if !owner.Owner() {
		t.Fatal("the owner is not the owner")
	}
	for name, change := range map[string]func(a *latchkey.Actor){
		"subuser": func(a *latchkey.Actor) { a.Role = latchkey.RoleSubuser }, "no role": func(a *latchkey.Actor) { a.Role = "" },
		"unknown role": func(a *latchkey.Actor) { a.Role = "Owner" }, "no member": func(a *latchkey.Actor) { a.MemberID = "" },
		"no account": func(a *latchkey.Actor) { a.AccountID = "" }, "operator": func(a *latchkey.Actor) { a.Source = latchkey.SourceOperator },
		"system": func(a *latchkey.Actor) { a.Source = latchkey.SourceSystem }, "no source": func(a *latchkey.Actor) { a.Source = "" },
		"nobody": func(a *latchkey.Actor) { *a = latchkey.Actor{} },
	} {
		a := owner
		if change(&a); a.Owner() {
			t.Errorf("%s counts as the owner", name)
		}
	}
}

func TestAnActivitySaysWhoDidIt(t *testing.T) {
	actor := latchkey.Actor{
		Source: latchkey.SourceConsole, AccountID: "acc_1", MemberID: "mem_1", SessionID: "ses_1",
		Role: latchkey.RoleOwner, IP: "8.8.8.8", UserAgent: "browser",
	}
	want := latchkey.Activity{At: noon, AccountID: "acc_1", Type: latchkey.ActKeyEdited, Source: latchkey.SourceConsole, MemberID: "mem_1", IP: "8.8.8.8"}
	if diff := cmp.Diff(want, latchkey.NewActivity(noon, actor, latchkey.ActKeyEdited)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A type that is missing from the list could be written, and never be filtered.
func TestEveryActivityTypeStandsInTheList(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "activity.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []latchkey.ActivityType
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "ActivityType" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared = append(declared, latchkey.ActivityType(text))
		}
		return true
	})
	listed := slices.Sorted(slices.Values(latchkey.ActivityTypes))
	if diff := cmp.Diff(slices.Sorted(slices.Values(declared)), listed); diff != "" || len(declared) < 20 {
		t.Errorf("%d types (-declared +listed):\n%s", len(declared), diff)
	}
	if n := len(listed); n != len(slices.Compact(listed)) {
		t.Error("two types have the same text")
	}
}
