package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Duration is written as "1m30s".
type Duration time.Duration

// UnmarshalText parses a duration as time.ParseDuration does.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// An Interval is a [Duration], or 0 for "off".
type Interval time.Duration

// UnmarshalText parses a duration as time.ParseDuration does, or "off".
func (i *Interval) UnmarshalText(b []byte) error {
	if string(b) == "off" {
		*i = 0
		return nil
	}
	return (*Duration)(i).UnmarshalText(b)
}

// A Size is a number of bytes, written as "512KiB".
type Size int64

// UnmarshalText parses a size with its unit: B, KiB, MiB or GiB.
func (s *Size) UnmarshalText(b []byte) error {
	digits := strings.TrimRight(string(b), "KMGiB")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return fmt.Errorf("parse size: %w", err)
	}
	shift, ok := map[string]uint{"B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[string(b[len(digits):])]
	if !ok || n < 0 || n<<shift>>shift != n {
		return fmt.Errorf("parse size %q: want a number and B, KiB, MiB or GiB", b)
	}
	*s = Size(n << shift)
	return nil
}

// A Rate is a number in a time, written as "120/min", or "off", which is 0.
type Rate struct {
	Count int
	Per   time.Duration
}

// UnmarshalText parses a rate with its unit: s, min or h.
func (r *Rate) UnmarshalText(b []byte) error {
	if string(b) == "off" {
		*r = Rate{}
		return nil
	}
	count, unit, _ := strings.Cut(string(b), "/")
	n, err := strconv.Atoi(count)
	per, ok := map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour}[unit]
	if err != nil || !ok || n < 1 {
		return fmt.Errorf("parse rate %q: want \"off\" or a number and /s, /min or /h", b)
	}
	*r = Rate{n, per}
	return nil
}

// A Secret names where a secret is kept. It cannot print the secret.
type Secret struct {
	Env  string `json:"env"`
	File string `json:"file"`
}

// String names the place, not the secret.
func (s Secret) String() string {
	if s.Env != "" {
		return "environment variable " + s.Env
	}
	return "file " + s.File
}

// Reveal reads the secret. Errors name its place and never its value.
func (s Secret) Reveal() (string, error) {
	if s.Env != "" {
		v := os.Getenv(s.Env)
		if v == "" {
			return "", fmt.Errorf("environment variable %s is not set", s.Env)
		}
		return v, nil
	}
	b, err := os.ReadFile(s.File)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" {
		return "", fmt.Errorf("file %s is empty", s.File)
	}
	return v, nil
}
