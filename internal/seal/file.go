package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads the keyset in a file. The file must belong to its owner alone
// (mode 0600 or 0400). A missing file is fs.ErrNotExist.
func Load(path string) (*Box, error) {
	r, err := readRing(path)
	if err != nil {
		return nil, err
	}
	return boxOf(path, r), nil
}

// LoadOrMake is Load, but a file that does not exist is made with a new
// keyset, in a folder for its owner alone. Whoever calls it must know that no
// database holds values of a lost keyset; package store checks that.
func LoadOrMake(path string) (*Box, error) {
	b, err := Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	r, err := newRing()
	if err != nil {
		return nil, err
	}
	// Two first starts at once: the one that comes second takes the keyset of
	// the first, never puts its own over it.
	if err := writeRing(path, r, os.Link); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return Load(path)
}

// Parse reads a keyset from text, such as the value of an environment
// variable. Such a box cannot be rotated.
func Parse(text string) (*Box, error) {
	r, err := parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("the keyset cannot be used: %w; give the whole content of a keyset file", err)
	}
	return boxOf("", r), nil
}

// Rotatable says why Rotate cannot work, or nil.
func (b *Box) Rotatable() error {
	if b.path == "" {
		return errors.New("this keyset did not come from a file, so it cannot be rotated here; put it in a file, rotate that, and give the new content")
	}
	return nil
}

// Rotate adds a fresh key in front and writes the file. Values of the older
// keys go on opening; package store seals them again (Store.Reseal).
func (b *Box) Rotate() error {
	if err := b.Rotatable(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	// What stands in the file counts: another process may have rotated it.
	current, err := readRing(b.path)
	if err != nil {
		return err
	}
	next, err := current.rotated()
	if err != nil {
		return err
	}
	// First the file, then the memory: nothing may be sealed by a key that a
	// crash would lose.
	if err := writeRing(b.path, next, os.Rename); err != nil {
		return err
	}
	b.ring.Store(next)
	return nil
}

// Reload takes the keyset that the file holds now. A keyset without the key
// that seals at present is refused, and the present one stays in use.
func (b *Box) Reload() error {
	if b.path == "" {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	next, err := readRing(b.path)
	if err != nil {
		return err
	}
	if !next.has(b.Current()) {
		return fmt.Errorf("the keyset in %s lacks key %d, which sealed the newest values; put the former file back and rotate that", b.path, b.Current())
	}
	b.ring.Store(next)
	return nil
}

// boxOf puts a ring into a box; path is "" when there is no file behind it.
func boxOf(path string, r *ring) *Box {
	b := &Box{path: path}
	b.ring.Store(r)
	return b
}

// readRing reads and checks a keyset file. It never repairs anything: a wrong
// mode may mean that somebody else has read it, and only a person can know.
func readRing(path string) (*ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the keyset file cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the keyset %s is not a file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("the keyset file %s can be read by others (mode %04o): run chmod 600 on it, and rotate it if somebody may have read it", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the keyset file cannot be read: %w", err)
	}
	r, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("the keyset file %s cannot be used: %w; put the right file back from your backup", path, err)
	}
	return r, nil
}

// writeRing writes beside the file and moves it there in one step, so that
// nobody ever reads a half keyset. place is os.Rename, or os.Link when a file
// that is there already must stay.
func writeRing(path string, r *ring, place func(from, to string) error) error {
	text, err := r.text()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the folder of the keyset cannot be made: %w", err)
	}
	temp, err := writeTemp(dir, text)
	if err != nil {
		return fmt.Errorf("the keyset cannot be written: %w", err)
	}
	defer os.Remove(temp)
	if err := place(temp, path); err != nil {
		return fmt.Errorf("the keyset cannot be written: %w", err)
	}
	return syncDir(dir)
}

// writeTemp writes to a new file of mode 0600 and waits for the disk.
func writeTemp(dir string, text []byte) (path string, err error) {
	f, err := os.CreateTemp(dir, ".keyset-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// syncDir makes the new name itself survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
