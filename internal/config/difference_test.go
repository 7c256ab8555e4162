package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferences(t *testing.T) {
	const first = `
		databases: shop: url: env: "SHOP_URL"
		databases: desk: url: env: "DESK_URL"
		security: blocked: columns: ["*.password"]`
	for _, c := range []struct {
		second string
		want   []string
	}{
		{first, nil},
		{"// as before\n" + first, nil},
		{first + "\nsecurity: blocked: tables: [\"hr.*\"]\nanswers: date: \"none\"", []string{"answers.date", "security.blocked.tables"}},
		{first + "\ndatabases: desk: pool: max: 9", []string{"databases.desk.pool.max"}},
		{first + "\ndatabases: till: url: env: \"TILL_URL\"", []string{"databases.till"}},
		{first + "\nllm: model: \"m\"", []string{"llm"}},
	} {
		load := func(text string) *Config {
			got, err := Load(filepath.Join(write(t, map[string]string{"config.cue": text}), "config.cue"))
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		a, b := load(first), load(c.second)
		if diff := cmp.Diff(c.want, Differences(a, b)); diff != "" {
			t.Errorf("%s\n(-want +got):\n%s", c.second, diff)
		}
		if diff := cmp.Diff(c.want, Differences(b, a)); diff != "" {
			t.Errorf("the other way round (-want +got):\n%s", diff)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := write(t, map[string]string{
		"config/a.cue": `databases: shop: {url: file: "url", verified: "verified.cue"}`,
		"config/b.cue": `llm: {base_url: "https://a.example/v1", model: "m", api_key: file: "key", judge: {base_url: "https://b.example/v1", model: "j", api_key: file: "none"}}`,
		"config/url":   "postgres://a@b/c",
		"config/key":   "k",
		// No part of the configuration's package.
		"config/verified.cue": `package verified`,
		"config/_notes.cue":   `package notes`,
		"desk/a.cue":          `package verified`,
		"desk/b.cue":          `package verified`,
		"desk/notes.md":       `Not a query.`,
	})
	desk := filepath.Join(dir, "desk")
	dir = filepath.Join(dir, "config")
	c := &Config{
		Databases: map[string]Database{
			"shop": {URL: Secret{File: filepath.Join(dir, "url")}, Verified: filepath.Join(dir, "verified.cue")},
			"desk": {URL: Secret{Env: "DESK_URL"}, Verified: desk},
		},
		LLM: &LLM{APIKey: &Secret{File: filepath.Join(dir, "key")}, Judge: &Judge{APIKey: &Secret{File: filepath.Join(dir, "none")}}},
	}
	was := c.Files(dir, nil)
	for name, readable := range map[string]bool{"a.cue": true, "b.cue": true, "url": true, "key": true, "verified.cue": true, "none": false, "../desk/a.cue": true, "../desk/b.cue": true} {
		if hash, ok := was[filepath.Join(dir, name)]; !ok || (hash != "") != readable {
			t.Errorf("%s: %v, hash %x", name, ok, hash)
		}
	}
	if len(was) != 8 {
		t.Errorf("%d files", len(was))
	}

	// A folder changes with what is in it.
	if err := os.WriteFile(filepath.Join(desk, "c.cue"), []byte("package verified"), 0o600); err != nil {
		t.Fatal(err)
	}
	if is := c.Files(dir, nil); len(is) != 9 || is[filepath.Join(desk, "c.cue")] == "" {
		t.Errorf("with another file: %d files", len(is))
	}

	// What changes while the configuration is read is found afterwards.
	if err := os.WriteFile(filepath.Join(dir, "a.cue"), []byte("// changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(was, c.Files(dir, was)); diff != "" {
		t.Errorf("hashed before (-want +got):\n%s", diff)
	}
	delete(was, filepath.Join(dir, "key")) // which is named for the first time
	if is := c.Files(dir, was); len(is) != 8 || is[filepath.Join(dir, "key")] == "" {
		t.Errorf("%d files, hash %x", len(is), is[filepath.Join(dir, "key")])
	}
}
