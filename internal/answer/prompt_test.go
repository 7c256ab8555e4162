package answer

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// A prompt that changes needs a new version, and golden answers written anew.
func TestPromptVersion(t *testing.T) {
	const want = "2: e9fbd203d3027d34"
	sum := sha256.Sum256([]byte(generatePrompt + draftSchema + judgePrompt + verdictSchema))
	if got := fmt.Sprintf("%d: %x", PromptVersion, sum[:8]); got != want {
		t.Errorf("the prompts are %q, not %q: raise PromptVersion, write this here, and the golden answers anew", got, want)
	}
}

func TestPlain(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{
		{"", 5, ""},
		{" a \n\tb\u00a0c ", 10, "a b c"},
		{"Zürich 東京 👍", 20, "Zürich 東京 👍"},
		{"a\u202eb\u200bc\x00d\x1b[31m", 20, "abcd[31m"},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abcde…"},
		{"\xff", 5, "\ufffd"},
	} {
		if got := plain(tt.text, tt.n); got != tt.want {
			t.Errorf("plain(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}

func TestQuoted(t *testing.T) {
	if got, want := quoted("a\"\n<b>\u2028\\"), `"a\"\n<b>\u2028\\"`; got != want {
		t.Errorf("quoted: %s, want %s", got, want)
	}
	if got, want := barred("a\n\nb"), "| a\n| \n| b"; got != want {
		t.Errorf("barred: %q, want %q", got, want)
	}
}
