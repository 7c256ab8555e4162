package answer

import (
	lru "container/list"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/policy"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// A cache remembers what a model said about questions that were answered, in
// memory: SQL and verdicts, never rows. A question that is asked again takes the
// same way as before, with the replies of then: its SQL is checked, planned and
// run anew, and its confidence computed from the rows of now. A nil cache
// remembers nothing.
type cache struct {
	most int
	ttl  time.Duration // counted from when a reply was given

	mu      sync.Mutex
	entries map[cacheKey]*lru.Element
	order   *lru.List // of *cached, last used first
}

type cacheKey [sha256.Size]byte

type cached struct {
	key     cacheKey
	replies []reply
	until   time.Time
}

func newCache(c config.Cache) *cache {
	if c.MaxEntries == 0 {
		return nil
	}
	return &cache{most: c.MaxEntries, ttl: time.Duration(c.TTL), entries: map[cacheKey]*lru.Element{}, order: lru.New()}
}

// recall is a conversation that takes the replies under a key, if there are any.
func (c *cache) recall(key cacheKey) conversation {
	if c == nil {
		return conversation{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return conversation{}
	}
	found := e.Value.(*cached)
	if !time.Now().Before(found.until) {
		c.remove(e)
		return conversation{}
	}
	c.order.MoveToFront(e)
	return conversation{remembered: found.replies}
}

// keep remembers what the model said for an answer, if it is one to be trusted
// and every reply was of use: another attempt may do better. An answer that was
// remembered and is to be trusted no more is forgotten.
func (c *cache) keep(key cacheKey, a *Answer) {
	a.Cached = a.ModelCalls == 0 && len(a.talk.said) > 0
	if c == nil || a.Status == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, known := c.entries[key]
	fresh := a.Status == Answered && a.ModelCalls > 0 && a.talk.missing == 0
	if known && (fresh || a.Status != Answered) {
		c.remove(e)
	}
	if !fresh {
		return
	}
	c.entries[key] = c.order.PushFront(&cached{key, a.talk.said, time.Now().Add(c.ttl)})
	if c.order.Len() > c.most {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *lru.Element) {
	c.order.Remove(e)
	delete(c.entries, e.Value.(*cached).key)
}

// An occasion is all that an answer depends on beside the rows.
type occasion struct {
	Prompt   int
	Catalog  string // its fingerprint
	Role     string // whom the database takes pgmcp for
	Name     string // of the database
	Database config.Database
	Security config.Security
	Answers  config.Answers
	LLM      *config.LLM
	Question string
	Date     string // SQL may hold a date that was worked out from today's
}

// cacheKey identifies an occasion to ask. Of the question, space and marks at its
// ends do not matter; case does, for names in it may end up in the SQL.
func (p *Pipeline) cacheKey(db *postgres.Database, rules *policy.Policy, question string) cacheKey {
	if p.cache == nil {
		return cacheKey{}
	}
	return occasion{
		Prompt:   PromptVersion,
		Catalog:  rules.Catalog.Fingerprint(),
		Role:     db.User(),
		Name:     db.Name,
		Database: p.config.Databases[db.Name],
		Security: p.config.Security,
		Answers:  p.config.Answers,
		LLM:      p.config.LLM,
		Question: strings.TrimRight(strings.TrimSpace(question), "?! \t\r\n"),
		Date:     time.Now().UTC().Format(time.DateOnly),
	}.key()
}

func (o occasion) key() cacheKey {
	b, _ := json.Marshal(o) // nothing in it can fail
	return sha256.Sum256(b)
}
