package audit

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock makes this process the only writer of file until the result is closed, or
// the process ends. The lock is on a file beside it, which rotation leaves alone.
func lock(file string) (*os.File, error) {
	f, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("another process is writing %s: give each its own observability.audit.file", file)
	}
	return nil, err
}
