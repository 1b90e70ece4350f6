// Command gosec looks for insecure code in the folders of packages that are
// named, by the rules of github.com/securego/gosec. Its own command would bring
// the clients of three language models with it, which offer to mend what is
// found; this one only finds. A `#nosec` must name its rules and its reason.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/issue"
	"github.com/securego/gosec/v2/rules"
)

// left says which rules are not applied, and why.
var left = map[string]string{
	"G304": "every file is one that the operator names, or one of the data folder",
	"G404": "shunned_test.go says which files may wait for a random time, and that nothing else is random so",
}

func main() {
	found, err := look(os.Args[1:])
	for _, line := range found {
		fmt.Fprintln(os.Stderr, line)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gosec:", err)
		os.Exit(2)
	}
	if len(found) > 0 {
		fmt.Fprintf(os.Stderr, "gosec: %d findings; mend them, or write `#nosec Gxxx -- why` at the line\n", len(found))
		os.Exit(1)
	}
}

// look returns what is found as lines of file:line, rule and text. What could
// not be read is an error: nothing may pass because it was not seen.
func look(folders []string) ([]string, error) {
	if len(folders) == 0 {
		return nil, fmt.Errorf("name the folders of the packages to look at")
	}
	config := gosec.NewConfig()
	config.SetGlobal(gosec.NoSecRequireRules, "true")
	config.SetGlobal(gosec.NoSecRequireJustification, "true")
	var ids []string
	for id := range left {
		ids = append(ids, id)
	}
	ruleList := rules.Generate(false, rules.NewRuleFilter(true, ids...))
	analyzerList := analyzers.Generate(false, analyzers.NewAnalyzerFilter(true, ids...))
	a := gosec.NewAnalyzer(config, false, true, false, runtime.NumCPU(), log.New(io.Discard, "", 0))
	a.LoadRules(ruleList.RulesInfo())
	a.LoadAnalyzers(analyzerList.AnalyzersInfo())
	if err := a.Process(nil, folders...); err != nil {
		return nil, err
	}
	issues, seen, unread := a.Report()
	for name, errs := range unread { // it does not build, or has a `#nosec` without its reason
		return nil, fmt.Errorf("%s:%d: %s", name, errs[0].Line, errs[0].Err)
	}
	if seen.NumFiles == 0 {
		return nil, fmt.Errorf("no file was looked at")
	}
	return lines(issues), nil
}

func lines(issues []*issue.Issue) (out []string) {
	here, _ := os.Getwd()
	for _, i := range issues {
		name := i.File
		if rel, err := filepath.Rel(here, name); err == nil {
			name = rel
		}
		out = append(out, fmt.Sprintf("%s:%s: %s: %s", name, i.Line, i.RuleID, i.What))
	}
	slices.Sort(out)
	return out
}
