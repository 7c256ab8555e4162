package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Write writes the catalog as indented JSON, for [Read] and for people to compare.
func (c *Catalog) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(c); err != nil {
		return fmt.Errorf("write catalog: %w", err)
	}
	return nil
}

// Read reads a catalog that [Catalog.Write] wrote. It refuses fields that it does
// not know, since a policy closed over half a catalog would allow too much.
func Read(r io.Reader) (*Catalog, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	c := &Catalog{}
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	if c.Database == "" || c.ServerVersion == 0 {
		return nil, errors.New("read catalog: it names no database and server version: this is not a catalog")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("read catalog: something follows it")
	}
	return c, nil
}
