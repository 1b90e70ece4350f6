package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// lock is what is read of package-lock.json.
type lock struct {
	Packages map[string]struct {
		Version   string `json:"version"`
		Integrity string `json:"integrity"`
		License   string `json:"license"`
	} `json:"packages"`
}

// npmPackages are the packages that the console's bundle holds something of.
// The licence is read from the package itself where it has a file of it, and
// must then be what its author states.
func npmPackages(place string) ([]Part, error) {
	list, err := os.ReadFile(filepath.Join(place, "web", "node_modules", ".latchkey-packages"))
	if err != nil {
		return nil, fmt.Errorf("which packages are in the console is not known: %w; build it with make console", err)
	}
	text, err := os.ReadFile(filepath.Join(place, "web", "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var l lock
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("package-lock.json: %w", err)
	}
	var parts []Part
	for _, path := range strings.Fields(string(list)) {
		entry, known := l.Packages[path]
		if !known || entry.Version == "" {
			return nil, fmt.Errorf("%s is in the console, but not in package-lock.json", path)
		}
		_, name, _ := cutLast(path, "node_modules/")
		p := Part{Kind: "npm", Name: name, Version: entry.Version}
		if p.SHA512, err = sha512Of(entry.Integrity); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if p.Licences, err = stated(filepath.Join(place, "web", path), entry.License); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("no package is in the console")
	}
	return parts, nil
}

// stated compares what the author states with the file of the licence. The
// bundler itself carries the licences of what it is built of, which is not in
// the few lines that it adds; so the file may say more.
func stated(dir, licence string) ([]string, error) {
	if licence == "" {
		return nil, nil
	}
	for _, name := range candidates(dir) {
		ids, err := licencesOf(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, licence) {
			return nil, fmt.Errorf("package.json states %s, but its file of the licence is %s", licence, strings.Join(ids, " AND "))
		}
	}
	return []string{licence}, nil
}

// sha512Of reads "sha512-" and base64, as npm writes it.
func sha512Of(integrity string) (string, error) {
	kind, text, _ := strings.Cut(integrity, "-")
	sum, err := base64.StdEncoding.DecodeString(text)
	if err != nil || kind != "sha512" || len(sum) != 64 {
		return "", fmt.Errorf("package-lock.json has no SHA-512 of it")
	}
	return hex.EncodeToString(sum), nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
