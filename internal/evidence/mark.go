package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// ErrNoMark says that a file has no checkpoint to go by.
var ErrNoMark = errors.New("there is no checkpoint in it: give an older export, or the log of a server")

// ReadMarks finds the checkpoints in a file that was kept elsewhere: an older
// export, or the log of a server, which signs one every hour. Other lines mean
// nothing here. A checkpoint that none of the keys has signed is a *Fault; no
// keys are any key.
func ReadMarks(r io.Reader, keys []Key) ([]Checkpoint, error) {
	var marks []Checkpoint
	at := map[int64]Checkpoint{}
	_, err := eachLine(r, func(number int, line []byte) error {
		// In the text of an entry the quotes have backslashes.
		if !bytes.Contains(line, []byte(`"checkpoint":{`)) {
			return nil
		}
		var l last
		if err := json.Unmarshal(line[bytes.IndexByte(line, '{'):], &l); err != nil {
			return faultf(number, "the checkpoint cannot be read: %v", err)
		}
		c := l.normal().Checkpoint
		allowed := keys
		if len(allowed) == 0 {
			allowed = []Key{c.Key}
		}
		if err := trusted(number, c, allowed); err != nil {
			return err
		}
		if m, twice := at[c.Seq]; twice && m.Hash != c.Hash {
			return faultf(number, "activity %d was signed at %s and at %s, and is not the same: the log was written anew between the two, or the database put back from a backup", c.Seq, m.time(), c.time())
		}
		at[c.Seq] = c
		marks = append(marks, c)
		return nil
	})
	if err == nil && len(marks) == 0 {
		err = ErrNoMark
	}
	return marks, err
}
