package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// goModules are the modules that the binary itself says it was built from, and
// the binary as a component.
func goModules(place string, allowed map[string]bool) ([]Part, component, error) {
	binary := filepath.Join(place, "bin", "latchkey")
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, component{}, fmt.Errorf("%w; build it with make bin", err)
	}
	files, err := licenceFiles(place)
	if err != nil {
		return nil, component{}, err
	}
	// Go's own library has the licence of Go.
	parts := []Part{{Kind: "golang", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go"), Licences: []string{"BSD-3-Clause"}}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		p := Part{Kind: "golang", Name: m.Path, Version: m.Version}
		for _, name := range files[m.Path+"@"+m.Version] {
			if allowed["skip "+m.Path+"@"+m.Version+"/"+filepath.Base(name)] {
				continue
			}
			ids, err := licencesOf(name)
			if err != nil {
				return nil, component{}, err
			}
			p.Licences = append(p.Licences, ids...)
		}
		slices.Sort(p.Licences)
		p.Licences = slices.Compact(p.Licences)
		parts = append(parts, p)
	}
	main, err := program(binary)
	return parts, main, err
}

// licenceFiles finds the files that may say under which licence each package of
// the program is: in its folder and all folders above, up to its module's.
// Modules often have code of others, with its own licence, in a folder below.
func licenceFiles(place string) (map[string][]string, error) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}", "./cmd/latchkey")
	cmd.Dir, cmd.Stderr = place, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the program is built
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	files := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			continue
		}
		module, root, dir := fields[0], fields[1], fields[2]
		for ; len(dir) >= len(root); dir = filepath.Dir(dir) {
			for _, name := range candidates(dir) {
				if !slices.Contains(files[module], name) {
					files[module] = append(files[module], name)
				}
			}
		}
	}
	return files, nil
}

// Names of files that hold licences. NOTICE holds none: it names authors.
var licenceName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)([-._].*)?$`)

func candidates(dir string) (names []string) {
	entries, _ := os.ReadDir(dir) // a folder that is not there has no licence, which is found out
	for _, e := range entries {
		if e.Type().IsRegular() && licenceName.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), ".go") {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names
}
