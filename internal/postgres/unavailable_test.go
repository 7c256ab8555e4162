package postgres

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/pgtest"
)

func TestTroubleGivesNothingAway(t *testing.T) {
	real, err := url.Parse(pgtest.Open(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	at := func(host, user, db string) string {
		return "postgres://" + user + ":s3cret@" + host + "/" + db + "?sslmode=disable"
	}
	user := real.User.Username()
	for _, c := range []struct{ name, url, want string }{
		{"nobody listens", at(closedPort(t), user, "db"), "connection refused"},
		{"no such database", at(real.Host, user, "nosuchdb"), "database does not exist"},
		{"no such role", at(real.Host, "nosuchrole", "postgres"), "authentication failed"},
		{"no such host", at("nosuchhost.invalid", user, "db"), "host not found"},
		{"no answer", at(silent.Addr().String(), user, "db"), "timeout"},
		{"no TLS", strings.Replace(at(real.Host, user, "postgres"), "disable", "require", 1), "connection failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := one(t, c.url, func(c *config.Database) { c.ConnectTimeout = config.Duration(300 * time.Millisecond) })
			start := time.Now()
			_, err := db.Policy(t.Context())
			var unavailable *Unavailable
			if !errors.As(err, &unavailable) {
				t.Fatalf("got %v, want *Unavailable", err)
			}
			if want := "database shop is not available: " + c.want; err.Error() != want {
				t.Errorf("got %q, want %q (of %v)", err, want, unavailable.Err)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("it took %v", d)
			}
			h := db.Health(t.Context())
			if h.Status != "down" || h.Error != c.want {
				t.Errorf("health: %+v", h)
			}
		})
	}
}
