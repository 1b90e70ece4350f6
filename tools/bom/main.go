// Command bom says what ./bin/latchkey is made of: every Go module in the
// program and every npm package in its console.
//
//	bom licences   lists them with their licences; fails on one that is not allowed
//	bom sbom       writes a bill of materials, CycloneDX 1.6 as JSON
//
// What it reads: the binary itself, the folders of Go's module cache,
// web/package-lock.json, and the list of packages that vite.config.ts writes
// with each build. It runs in the root of the repository and needs no network.
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// Part is something of others that is in the program.
type Part struct {
	Kind     string // "golang" or "npm", as in a package URL
	Name     string
	Version  string
	SHA512   string   // of the npm package's archive, hex; Go has hashes of its own kind
	Licences []string // SPDX identifiers; all of them hold
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bom:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 || (args[0] != "licences" && args[0] != "sbom") {
		return fmt.Errorf("usage: bom licences|sbom FOLDER")
	}
	place := args[1]
	text, err := os.ReadFile(place + "/tools/licences.txt")
	if err != nil {
		return err
	}
	allowed := readAllowed(string(text))
	goParts, main, err := goModules(place, allowed)
	if err != nil {
		return err
	}
	npmParts, err := npmPackages(place)
	if err != nil {
		return err
	}
	parts := append(goParts, npmParts...)
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	if args[0] == "sbom" {
		return writeSBOM(out, main, parts)
	}
	return list(out, parts, allowed)
}

// list prints the parts, and fails when a licence is not allowed.
func list(out io.Writer, parts []Part, allowed map[string]bool) error {
	var bad []string
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, p := range parts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Kind, p.Name, p.Version, strings.Join(p.Licences, " AND "))
		if fault := refused(p, allowed); fault != "" {
			bad = append(bad, fault)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("not allowed by tools/licences.txt:\n%s", strings.Join(bad, "\n"))
	}
	_, err := fmt.Fprintf(out, "%d parts, all under licences of tools/licences.txt\n", len(parts))
	return err
}

// refused says why a part may not be in the program; "" when it may.
func refused(p Part, allowed map[string]bool) string {
	if len(p.Licences) == 0 {
		return fmt.Sprintf("%s %s: no licence is known", p.Name, p.Version)
	}
	for _, id := range p.Licences {
		if !allowed[id] && !allowed[id+" "+p.Name] {
			return fmt.Sprintf("%s %s: %s", p.Name, p.Version, id)
		}
	}
	return ""
}

// readAllowed reads lines of an identifier, and behind it the name of the only
// part that it is allowed for; or "skip" and a file. # begins a comment.
func readAllowed(text string) map[string]bool {
	allowed := map[string]bool{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			allowed[strings.Join(fields, " ")] = true
		}
	}
	return allowed
}
