package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Differences are the paths of the settings in which b is not as a, sorted, such
// as "databases.shop.pool.max". Secrets are compared by where they are kept.
func Differences(a, b *Config) []string {
	paths := map[string]bool{}
	differ("", tree(a), tree(b), paths)
	return slices.Sorted(maps.Keys(paths))
}

// tree is a configuration as JSON has it.
func tree(c *Config) any {
	text, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("encode configuration: %v", err)) // it is made of structs, texts and numbers
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		panic(fmt.Sprintf("decode configuration: %v", err))
	}
	return v
}

// differ notes where two trees differ. What only one of them has is noted whole.
func differ(path string, a, b any, paths map[string]bool) {
	m, isMap := a.(map[string]any)
	n, both := b.(map[string]any)
	if !isMap || !both {
		if !reflect.DeepEqual(a, b) {
			paths[path] = true
		}
		return
	}
	for _, keys := range []map[string]any{m, n} {
		for key := range keys {
			below := key
			if path != "" {
				below = path + "." + key
			}
			differ(below, m[key], n[key], paths)
		}
	}
}
