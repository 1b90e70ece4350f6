package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
)

// The members of CycloneDX 1.6 that are used. There is neither a time nor a
// random number in the document: the same program has the same one.
type document struct {
	Format       string      `json:"bomFormat"`
	Spec         string      `json:"specVersion"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
	Dependencies []dependsOn `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version,omitempty"`
	Hashes   []hash    `json:"hashes,omitempty"`
	Licences []licence `json:"licenses,omitempty"`
	URL      string    `json:"purl,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type licence struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

type dependsOn struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// program is the binary itself. It says its version; what the linker was told
// is not in a binary without paths of its builder (-trimpath).
func program(binary string) (component, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return component{}, err
	}
	sum := sha256.Sum256(content)
	c := component{Type: "application", Ref: "latchkey", Name: "latchkey", Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}, Licences: licences([]string{"Apache-2.0"})}
	text, err := exec.Command(binary, "version").Output()
	if err != nil {
		return component{}, fmt.Errorf("%s version: %w", binary, err)
	}
	c.Version = strings.TrimSpace(strings.TrimPrefix(string(text), "latchkey "))
	return c, nil
}

func licences(ids []string) (out []licence) {
	for _, id := range ids {
		var l licence
		l.License.ID = id
		out = append(out, l)
	}
	return out
}

// writeSBOM writes the parts as a bill of materials.
func writeSBOM(out io.Writer, main component, parts []Part) error {
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{main}}
	on := dependsOn{Ref: main.Ref}
	for _, p := range parts {
		c := component{Type: "library", Name: p.Name, Version: p.Version, Licences: licences(p.Licences), URL: packageURL(p)}
		if p.SHA512 != "" {
			c.Hashes = []hash{{"SHA-512", p.SHA512}}
		}
		c.Ref = c.URL
		d.Components, on.On = append(d.Components, c), append(on.On, c.Ref)
	}
	d.Dependencies = []dependsOn{on}
	enc := json.NewEncoder(out)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	return enc.Encode(d)
}

// packageURL names a part as scanners look it up (package-url/purl-spec):
// pkg:golang/example.org/mod@v1.2.3, pkg:npm/%40scope/name@1.2.3.
func packageURL(p Part) string {
	segments := strings.Split(p.Name, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), "@", "%40")
	}
	return "pkg:" + p.Kind + "/" + strings.Join(segments, "/") + "@" + strings.ReplaceAll(url.PathEscape(p.Version), "+", "%2B")
}
