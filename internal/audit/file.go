package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// A file is the one that is being written, and the chain up to its end.
type file struct {
	name  string
	os    *os.File
	lock  *os.File
	chain chain
	size  int64 // of all whole lines
	torn  bool  // something may stand after them

	required bool // its name has to be on the disk as well
	named    bool // it is
}

// openFile opens the file to go on with its chain.
func openFile(name string, required bool, log *slog.Logger) (*file, error) {
	held, err := lock(name)
	if err != nil {
		return nil, fmt.Errorf("open audit: %w", err)
	}
	f := &file{name: name, lock: held, required: required}
	if err := f.resume(log); err != nil {
		f.close()
		return nil, fmt.Errorf("open audit: %w", err)
	}
	return f, nil
}

// resume follows the chain to its end: that of the file or, where it holds nothing
// yet, of the newest one before it.
func (f *file) resume(log *slog.Logger) (err error) {
	f.os, err = os.OpenFile(f.name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	var torn int64
	if f.chain, torn, err = end(f.name, f.os); err != nil {
		return err
	}
	if f.size, err = f.os.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	f.size -= torn
	if torn > 0 {
		log.Warn("audit: the last line was not written to its end and is taken away", "audit", f.name, "bytes", torn)
		f.torn = true
	}
	if f.size > 0 {
		return nil
	}
	before, err := filepath.Glob(escape(f.name) + ".[0-9]*")
	if err != nil || len(before) == 0 {
		f.chain.head = origin
		return err
	}
	newest, err := os.Open(slices.Max(before))
	if err != nil {
		return err
	}
	defer newest.Close()
	f.chain, _, err = end(newest.Name(), newest)
	return err
}

// escape is a name in which a pattern finds nothing special.
func escape(name string) string {
	var out []rune
	for _, r := range name {
		if slices.Contains([]rune(`*?[\`), r) {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

// end follows the chain through one file. Torn is how many bytes at its end are no
// whole line.
func end(name string, r io.Reader) (c chain, torn int64, err error) {
	var damage error
	torn, err = walk(r, func(number int, line []byte) {
		if broken := c.follow(line); broken != nil && damage == nil {
			if broken.before {
				number--
			}
			damage = fmt.Errorf("the file is damaged, move it away to begin another: %w", errors.New(Problem{name, number, broken.message}.String()))
		}
	})
	return c, torn, errors.Join(err, damage)
}

// append writes a line at the end, or nothing of it.
func (f *file) append(line Line) error {
	if f.torn {
		if err := f.os.Truncate(f.size); err != nil {
			return err
		}
		f.torn = false
	}
	line.Seq, line.Prev = f.chain.seq+1, f.chain.head
	text, err := line.encode()
	if err != nil {
		return err
	}
	if _, err := f.os.Write(text); err != nil {
		f.torn = f.os.Truncate(f.size) != nil
		return err
	}
	f.size += int64(len(text))
	f.chain = chain{line.Seq, hash(text)}
	return nil
}

// rotate moves the file away, under its name and the number of its last line, and
// begins another. If it fails the file is where it was.
func (f *file) rotate() (moved string, err error) {
	if err := f.sync(); err != nil {
		return "", err
	}
	moved = fmt.Sprintf("%s.%012d", f.name, f.chain.seq)
	if _, err := os.Lstat(moved); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s exists already", moved)
	}
	if err := os.Rename(f.name, moved); err != nil {
		return "", err
	}
	next, err := os.OpenFile(f.name, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return "", errors.Join(err, os.Rename(moved, f.name))
	}
	f.os.Close()
	f.os, f.size, f.torn, f.named = next, 0, false, false
	return moved, nil
}

// sync waits until all that was written is on the disk and, where the record is
// required, can be found there.
func (f *file) sync() error {
	if err := f.os.Sync(); err != nil || f.named || !f.required {
		return err
	}
	folder, err := os.Open(filepath.Dir(f.name))
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // it keeps names by itself
		return err
	}
	f.named = true
	return nil
}

// close gives the file up, everything in it on the disk.
func (f *file) close() error {
	defer f.lock.Close()
	if f.os == nil {
		return nil
	}
	return errors.Join(f.sync(), f.os.Close())
}
