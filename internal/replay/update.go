package replay

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// copyScript copies the script to a folder of its own: testscript rewrites what
// it runs even if the rest of it fails.
func (s *scenario) copyScript(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read scenario: %w", err)
	}
	dir, err := os.MkdirTemp("", "scenario-")
	if err != nil {
		return "", err
	}
	copied := filepath.Join(dir, filepath.Base(file))
	return copied, os.WriteFile(copied, text, 0o644)
}

// update rewrites what differed in a scenario that passed otherwise: the golden
// files and the script itself, of which copied has become the new text.
func (s *scenario) update(file, copied string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(copied)
	if err != nil {
		return err
	}
	if !bytes.Equal(old, text) {
		s.rewritten[file] = text
	}
	for path, text := range s.rewritten {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
