package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// floor is what the disk alone needs: 4 KB, then fdatasync. Over what a file
// holds already, as a log is written that is used again, and at its end.
func floor(dir string, length time.Duration) error {
	file, err := os.Create(filepath.Join(dir, "floor"))
	if err != nil {
		return err
	}
	defer file.Close()
	page := make([]byte, 4096)
	for _, where := range []struct {
		name  string
		pages int64 // before it begins again
	}{{"at the end of a file", 1 << 40}, {"over what is there", 128}} {
		var took []time.Duration
		for begin := time.Now(); time.Since(begin) < length; {
			n := int64(len(took))
			page[0] = byte(n)
			each := time.Now()
			if _, err := file.WriteAt(page, n%where.pages*4096); err != nil {
				return err
			}
			if err := syscall.Fdatasync(int(file.Fd())); err != nil {
				return err
			}
			took = append(took, time.Since(each))
		}
		p50 := at(0.5, took)
		fmt.Printf("the disk: 4 KB and fdatasync %s: %s, %.0f a second\n", where.name, p50.Round(time.Microsecond), 1/p50.Seconds())
	}
	return nil
}
