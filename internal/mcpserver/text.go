package mcpserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// maxText bounds the text beside the structured content, in bytes: some clients
// show a model only the one, some both.
const maxText = 4 << 10

// elements are the elements of a JSON array, decoded no further than they are asked for.
func elements(array json.RawMessage) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		dec := json.NewDecoder(bytes.NewReader(array))
		if _, err := dec.Token(); err != nil {
			return
		}
		for dec.More() {
			var e json.RawMessage
			if dec.Decode(&e) != nil || !yield(e) {
				return
			}
		}
	}
}

// clip cuts text that is too long, at a line's end where there is one.
func clip(text string) string {
	const note = "\n… more in the structured content"
	if len(text) <= maxText {
		return text
	}
	text = text[:maxText-len(note)]
	if i := strings.LastIndexByte(text, '\n'); i > 0 {
		text = text[:i]
	}
	for !utf8.ValidString(text) { // cut within a character
		text = text[:len(text)-1]
	}
	return text + note
}

// Count is "1 row", "2 rows", of a noun with a plain plural.
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
