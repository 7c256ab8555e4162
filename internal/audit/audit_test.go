package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/observe"
)

// open is a log in a folder of its own.
func open(t testing.TB, c config.Audit) *Log {
	t.Helper()
	if c.File == "" {
		c.File = filepath.Join(t.TempDir(), "audit.jsonl")
	}
	l, err := Open(c, func(sql string) string { return "print of " + sql[:1] }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// files are those of a log.
func files(t testing.TB, l *Log) []string {
	t.Helper()
	all, err := filepath.Glob(l.config.File + "*")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(name string) bool { return strings.HasSuffix(name, ".lock") })
}

// However many write and rotate at once, no line is lost and the chain is whole.
func TestConcurrentRotation(t *testing.T) {
	for _, required := range []bool{false, true} {
		l := open(t, config.Audit{MaxSize: 4 << 10, Required: required})
		const writers, each = 8, 100
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for i := range each {
					if err := l.Append(Line{Kind: "tool", Name: "ask"}); err != nil {
						t.Error(err)
					}
					if i%25 == 0 {
						if err := l.Rotate(); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		mark := l.Marked()
		r, err := Verify(files(t, l), mark.Head)
		if err != nil || len(r.Problems) > 0 || r.Vouched != mark.Seq {
			t.Errorf("%v, %+v", err, r)
		}
		lines := 0
		for _, name := range files(t, l) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte(`"kind":"tool"`))
		}
		if lines != writers*each || r.Files < 10 {
			t.Errorf("%d lines of %d in %d files", lines, writers*each, r.Files)
		}
	}
}

// Whatever is done to any line is found and, but for the last, without the head.
func TestVerifyFindsEveryChange(t *testing.T) {
	l := open(t, config.Audit{MaxSize: 1 << 20})
	for i := range 5 {
		if err := l.Append(Line{Kind: "tool", Name: fmt.Sprint("t", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(l.config.File)
	if err != nil {
		t.Fatal(err)
	}
	head := l.Marked().Head
	verify := func(lines [][]byte, head string) []Problem {
		name := filepath.Join(t.TempDir(), "tampered")
		if err := os.WriteFile(name, bytes.Join(lines, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Verify([]string{name}, head)
		if err != nil {
			t.Fatal(err)
		}
		return r.Problems
	}
	lines := slices.Collect(bytes.Lines(whole))
	if got := verify(lines, head); len(got) > 0 {
		t.Fatal(got)
	}
	last := len(lines) - 1
	for i := range lines {
		removed := slices.Delete(slices.Clone(lines), i, i+1)
		if found := len(verify(removed, "")) > 0; found != (i > 0 && i < last) { // the first may have been moved away with its file
			t.Errorf("line %d removed, found: %v", i+1, found)
		}
		if i == last && len(verify(removed, head)) == 0 {
			t.Error("the last line is removed, and the head does not tell")
		}
		for at := range lines[i] {
			changed := slices.Clone(lines)
			changed[i] = bytes.Clone(lines[i])
			changed[i][at] ^= 1
			if len(verify(changed, head)) == 0 {
				t.Errorf("line %d is changed at byte %d, and that is not found", i+1, at)
			}
		}
		if i < last {
			moved := slices.Clone(lines)
			moved[i], moved[i+1] = moved[i+1], moved[i]
			if len(verify(moved, "")) == 0 {
				t.Errorf("lines %d and %d have changed places, and that is not found", i+1, i+2)
			}
		}
		repeated := slices.Insert(slices.Clone(lines), i, lines[i])
		if len(verify(repeated, "")) == 0 {
			t.Errorf("line %d is there twice, and that is not found", i+1)
		}
	}
}

// A moved-away file takes nothing of the chain with it.
func TestResume(t *testing.T) {
	l := open(t, config.Audit{MaxSize: 1 << 20})
	name := l.config.File
	if err := errors.Join(l.Rotate(), l.Close()); err != nil {
		t.Fatal(err)
	}
	mark := l.Marked()
	rotated := slices.DeleteFunc(files(t, l), func(f string) bool { return f == name })
	if err := os.Remove(rotated[0]); err != nil {
		t.Fatal(err)
	}
	l = open(t, config.Audit{File: name, MaxSize: 1 << 20})
	if err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	// And where the process died before the new file had its first line.
	l.file.close()
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	l = open(t, config.Audit{File: name, MaxSize: 1 << 20})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(files(t, l), mark.Head); err != nil || len(r.Problems) > 0 || r.Vouched != mark.Seq {
		t.Errorf("%v, %+v", err, r)
	}
}

// What cannot be written is refused where the record is required, and counted in
// the next line where it is not.
func TestWriteFailure(t *testing.T) {
	for _, required := range []bool{true, false} {
		l := open(t, config.Audit{MaxSize: 1 << 20, Required: required})
		layer := l.Layer(func(error) (observe.Outcome, string) { return observe.OK, "" })
		run := func() error {
			_, err := call.Do(t.Context(), call.New(layer), call.Op{Kind: call.Tool, Name: "ask"}, func(context.Context) (int, error) { return 1, nil })
			return err
		}
		whole := l.file.os
		readOnly, err := os.Open(l.config.File)
		if err != nil {
			t.Fatal(err)
		}
		l.file.os = readOnly
		_, refused := errors.AsType[*Error](run())
		if refused != required {
			t.Errorf("required %v, refused %v", required, refused)
		}
		readOnly.Close()
		l.file.os = whole
		if err := run(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(l.config.File)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), `"lost":1`); n != 1 {
			t.Errorf("required %v: %d lines say that one was lost:\n%s", required, n, text)
		}
		if r, err := Verify(files(t, l), ""); err != nil || len(r.Problems) > 0 {
			t.Errorf("%v, %+v", err, r)
		}
	}
}

// Where the file cannot be rotated its lines go on in it, and rotating is tried
// again, and said, once in a while.
func TestRotationFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		name := filepath.Join(t.TempDir(), "audit.jsonl")
		l, err := Open(config.Audit{File: name, MaxSize: 1}, nil, slog.New(slog.NewTextHandler(&said, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name, name+".away"); err != nil {
			t.Fatal(err)
		}
		write := func() {
			t.Helper()
			if err := l.Append(Line{Kind: "tool", Name: "ask"}); err != nil {
				t.Error(err)
			}
		}
		for minute := 1; minute <= 3; minute++ {
			for range 100 {
				write()
			}
			if n := strings.Count(said.String(), "audit cannot be rotated"); n != minute {
				t.Errorf("minute %d: failures are said %d times", minute, n)
			}
			time.Sleep(time.Minute)
		}
		if l.Rotate() == nil {
			t.Error("who asks is not told")
		}
		if err := os.Rename(name+".away", name); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		write()
		mark := l.Marked()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := Verify(files(t, l), mark.Head)
		if err != nil || len(r.Problems) > 0 || r.Vouched != 301 || r.Files < 2 {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

// Where the record is required a line is not on the disk before the name of its
// file is, which a new file needs.
func TestNameIsSynced(t *testing.T) {
	for _, required := range []bool{true, false} {
		l := open(t, config.Audit{MaxSize: 1 << 20, Required: required})
		name := l.file.name
		write := func(nowhere bool) error {
			l.file.name = name
			if nowhere {
				l.file.name = filepath.Join(t.TempDir(), "nowhere", "audit.jsonl")
			}
			defer func() { l.file.name = name }()
			return l.Append(Line{Kind: "tool", Name: "ask"})
		}
		if err := write(true); err != nil {
			t.Errorf("required %v: the name was synced at the start: %v", required, err)
		}
		if err := l.Rotate(); err != nil {
			t.Fatal(err)
		}
		if err := write(true); (err != nil) != required {
			t.Errorf("required %v: the new name cannot be synced: %v", required, err)
		}
		if err := write(false); err != nil {
			t.Error(err)
		}
		if err := write(true); err != nil {
			t.Errorf("required %v: the new name was synced: %v", required, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkLayer(b *testing.B) {
	for _, required := range []bool{false, true} {
		b.Run(fmt.Sprintf("required=%v", required), func(b *testing.B) {
			l := open(b, config.Audit{MaxSize: 1 << 30, Required: required})
			chain := call.New(l.Layer(func(error) (observe.Outcome, string) { return observe.OK, "" }))
			b.ReportAllocs()
			for b.Loop() {
				call.Do(b.Context(), chain, call.Op{Kind: call.Statement, Name: "shop"}, func(context.Context) (int, error) { return 1, nil })
			}
			l.Close()
		})
	}
}
