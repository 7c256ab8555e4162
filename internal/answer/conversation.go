package answer

import (
	"bytes"
	"slices"

	"github.com/pgmcp/pgmcp/internal/llm"
)

// A conversation is what a model was asked about one question, and what it said.
type conversation struct {
	asked      []llm.Request
	said       []reply
	missing    int     // requests without a reply that was of use
	remembered []reply // of an earlier time, to be taken instead of asking
}

// A reply is what a model said in a stage.
type reply struct{ stage, content string }

// ask notes a request, and returns how many equal ones there were before.
func (c *conversation) ask(r llm.Request) (sample int) {
	for _, other := range c.asked {
		if other.Stage == r.Stage && other.Model == r.Model && slices.Equal(other.Messages, r.Messages) && bytes.Equal(other.Schema, r.Schema) {
			sample++
		}
	}
	c.asked = append(c.asked, r)
	c.missing++
	return sample
}

// hear notes the reply to what was asked last, if it is of use.
func (c *conversation) hear(stage, content string) {
	c.said = append(c.said, reply{stage, content})
	c.missing--
}

// recall is what the model said at this point of an earlier conversation. If that
// went another way, the rest of it is of no use.
func (c *conversation) recall(stage string) (content string, ok bool) {
	if len(c.remembered) == 0 {
		return "", false
	}
	next := c.remembered[0]
	if next.stage != stage {
		c.remembered = nil
		return "", false
	}
	c.said, c.remembered = append(c.said, next), c.remembered[1:]
	return next.content, true
}
