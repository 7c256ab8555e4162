package catalog_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pgmcp/pgmcp/internal/catalog"
)

// FuzzRead looks for files that Read chokes on, or reads as something else than
// what Write makes of them.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"", "{}", "[]", `{"database": "shop"}`,
		`{"database": "shop", "server_version": 170004} {}`,
		`{"database": "shop", "server_version": 170004, "colour": "red"}`,
		`{"database": "shop", "server_version": 170004, "loaded_at": "2026-01-02T03:04:05Z", "schemas": ["public"],
			"relations": [{"oid": 20000, "row_type": 20001, "schema": "public", "name": "orders", "kind": "table",
				"columns": [{"name": "id", "number": 1, "type": "integer", "type_oid": 23}], "parents": [20000], "reads": [{"relation": 1, "whole": true}]}],
			"functions": [{"oid": 20002, "schema": "public", "name": "f", "argument_types": [23]}],
			"types": [{"oid": 20003, "schema": "public", "name": "t", "kind": "domain", "base": 23}], "casts": [{"source": 23, "target": 20003}]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := catalog.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := c.Write(&b); err != nil {
			t.Skip(err) // a time that JSON cannot hold
		}
		again, err := catalog.Read(&b)
		if err != nil {
			t.Fatalf("%q was read, but not what was written of it: %v", text, err)
		}
		if diff := cmp.Diff(c, again, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(catalog.Catalog{})); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	})
}
