package config

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"reflect"
)

// Files are what the configuration c at path was read from: its own files and
// those of secrets, verified queries and the calibration, each with a hash of what
// it holds now, which is empty for one that cannot be read. What was hashed before
// c was read, if before is not nil, is as it was then: a change meanwhile shows
// the next time.
func (c *Config) Files(path string, before map[string]string) map[string]string {
	files := map[string]string{}
	add := func(name string) {
		if name == "" {
			return
		}
		hash, known := before[name]
		if !known {
			if text, err := os.ReadFile(name); err == nil {
				sum := sha256.Sum256(text)
				hash = string(sum[:])
			}
		}
		files[name] = hash
	}
	source := func(name string) { // a file, or a folder of them
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			add(name)
			return
		}
		var names []string
		for known := range before {
			if filepath.Dir(known) == filepath.Clean(name) && filepath.Ext(known) == ".cue" {
				names = append(names, known)
			}
		}
		if len(names) == 0 {
			names, _ = cueFiles(name) // none: that is a change too
		}
		for _, name := range names {
			add(name)
		}
	}
	source(path)
	add(c.Answers.Calibration)
	for _, db := range c.Databases {
		source(db.Verified)
	}
	for _, secret := range secrets(reflect.ValueOf(c)) {
		add(secret.File)
	}
	return files
}

// secrets are all that v holds.
func secrets(v reflect.Value) []Secret {
	var found []Secret
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return secrets(v.Elem())
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			found = append(found, secrets(v.MapIndex(key))...)
		}
	case reflect.Struct:
		if secret, ok := v.Interface().(Secret); ok {
			return []Secret{secret}
		}
		for i := range v.NumField() {
			found = append(found, secrets(v.Field(i))...)
		}
	}
	return found
}
