// Package catalog reads the table of the exchange's actions from YAML. Prime is
// the table that comes with the program; an operator with another API writes a
// file of the same form (the head of prime.yaml explains every field) and loads
// it with Load.
//
// The gateway lets nothing pass that is not in the catalog, and requires
// what the catalog says. A slip in the file would be a hole, so the reader
// guesses nothing: it refuses unknown and repeated fields, values of another
// type ("yes", "5", 5.0), YAML's anchors and merges, and fields that contradict
// each other. Every error names its line.
package catalog

import (
	"bytes"
	_ "embed" // prime.yaml
	"errors"
	"fmt"
	"io"
	"os"

	"latchkey"
)

//go:embed prime.yaml
var prime []byte

// maxSize is the longest file in bytes; prime.yaml has under 16 KiB.
const maxSize = 1 << 20

// Prime returns the embedded catalog.
func Prime() (*latchkey.Catalog, error) {
	c, err := Load(bytes.NewReader(prime))
	if err != nil {
		return nil, fmt.Errorf("prime.yaml: %w", err)
	}
	return c, nil
}

// Load reads a catalog. The error joins everything that is wrong with it, one
// line each in the form "line 12: what and what to do"; there is no catalog then.
func Load(r io.Reader) (*latchkey.Catalog, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("the catalog cannot be read: %w", err)
	}
	if len(data) > maxSize {
		return nil, errors.New("the catalog is longer than 1 MiB; is it the right file?")
	}
	actions, err := parse(data)
	if err != nil {
		return nil, err
	}
	return latchkey.NewCatalog(actions)
}

// LoadFile is Load for a file; its errors begin with the path.
func LoadFile(path string) (*latchkey.Catalog, error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, fmt.Errorf("the catalog cannot be opened: %w", err)
	}
	defer f.Close()
	c, err := Load(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
