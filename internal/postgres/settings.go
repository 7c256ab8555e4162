package postgres

import (
	"reflect"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pgmcp/pgmcp/internal/config"
)

// settings are all that a database is made from. Where they are the same, so is
// the database.
type settings struct {
	database   config.Database // without its verified queries and limit, which packages above use
	security   config.Security
	breaker    config.DatabaseBreaker
	statistics bool   // are wanted
	url        string // what database.URL holds now

	config *config.Config // what all this is of; compared by the fields above
}

// settingsOf are those of one database. An error never holds the URL.
func settingsOf(c *config.Config, name string) (*settings, error) {
	s := &settings{
		database:   c.Databases[name],
		security:   c.Security,
		breaker:    c.Resilience.Breaker.Database,
		statistics: c.LLM != nil && c.Answers.Values != "off",
		config:     c,
	}
	s.database.Verified, s.database.Queries, s.database.Limit = "", nil, nil
	var err error
	if s.url, err = s.database.URL.Reveal(); err != nil {
		return nil, err
	}
	if _, err := pgxpool.ParseConfig(s.url); err != nil { // quotes the URL
		return nil, errNoURL
	}
	return s, nil
}

func (s *settings) equal(t *settings) bool {
	a, b := *s, *t
	a.config, b.config = nil, nil
	return reflect.DeepEqual(a, b)
}

// allowPrivileged is what is said of the roles of this database, or of all.
func (s *settings) allowPrivileged() bool {
	if o := s.database.Security; o != nil && o.AllowPrivilegedRole != nil {
		return *o.AllowPrivilegedRole
	}
	return s.security.AllowPrivilegedRole
}
