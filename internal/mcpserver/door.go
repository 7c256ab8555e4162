package mcpserver

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/pgmcp/pgmcp/internal/call"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/postgres"
)

// shortest is how many characters a token has at least: fewer can be guessed.
const shortest = 16

// A Door finds out whom an HTTP request is for, and turns strangers away. Without
// tokens there are none, and whoever comes is known by the address: so is it with
// the zero Door.
type Door struct {
	bearers []bearer
	trusted []netip.Prefix // our own proxies
}

// A bearer is somebody who has a token. The token itself is not kept.
type bearer struct {
	name      string
	sum       [sha256.Size]byte
	databases []string // nil: all
	tools     []string // nil: all
}

// NewDoor is the door that c describes. It reads the tokens; its errors name
// their places and never hold them.
func NewDoor(c config.Server) (*Door, error) {
	d := &Door{}
	for _, name := range slices.Sorted(maps.Keys(c.Tokens)) {
		t := c.Tokens[name]
		text, err := t.Token.Reveal()
		if err != nil {
			return nil, fmt.Errorf("token of %s: %w", name, err)
		}
		if len(text) < shortest {
			return nil, fmt.Errorf("token of %s: %s has fewer than %d characters", name, t.Token, shortest)
		}
		b := bearer{name, sha256.Sum256([]byte(text)), t.Databases, t.Tools}
		for _, other := range d.bearers {
			if other.sum == b.sum {
				return nil, fmt.Errorf("token of %s: it is that of %s, too", name, other.name)
			}
		}
		d.bearers = append(d.bearers, b)
	}
	for _, network := range c.TrustedProxies {
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, fmt.Errorf("server.trusted_proxies: %w", err)
		}
		d.trusted = append(d.trusted, p)
	}
	return d, nil
}

// Admit has requests that come from now on go through door.
func (s *Server) Admit(door *Door) { s.door.Store(door) }

type toolsKey struct{}

// admit hands requests on that are for somebody, who is then the principal of
// their contexts, in which no more exists than that one may see.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ctx := s.door.Load(), r.Context()
		if len(d.bearers) == 0 {
			next.ServeHTTP(w, r.WithContext(call.WithPrincipal(ctx, d.client(r))))
			return
		}
		b, ok := d.bearer(r.Header.Get("Authorization"))
		if !ok {
			s.log.WarnContext(ctx, "no valid token", "client", d.client(r))
			w.Header().Set("WWW-Authenticate", `Bearer realm="pgmcp"`)
			http.Error(w, `a valid token is needed, as "Authorization: Bearer TOKEN"`, http.StatusUnauthorized)
			return
		}
		ctx = postgres.Restrict(call.WithPrincipal(ctx, b.name), b.databases)
		if b.tools != nil {
			ctx = context.WithValue(ctx, toolsKey{}, b.tools)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// bearer is who has the token of an Authorization header. How long it takes says
// nothing about any token.
func (d *Door) bearer(header string) (found bearer, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	for _, b := range d.bearers {
		if subtle.ConstantTimeCompare(sum[:], b.sum[:]) == 1 {
			found, ok = b, strings.EqualFold(scheme, "Bearer")
		}
	}
	return found, ok
}

// client is the address that a request comes from. What X-Forwarded-For says is
// believed from its end, as far as our own proxies have written it.
func (d *Door) client(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !d.trusts(addr) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = before.Unmap()
	}
	return addr.String()
}

func (d *Door) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(d.trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// everything lets nobody through whom something is kept from: numbers are of all.
func everything(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, some := r.Context().Value(toolsKey{}).([]string); some || postgres.Restricted(r.Context()) {
			http.Error(w, "this token does not see everything, and the metrics are of everything", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// mayCall reports whether the tool exists for whom ctx is.
func mayCall(ctx context.Context, tool string) bool {
	tools, restricted := ctx.Value(toolsKey{}).([]string)
	return !restricted || slices.Contains(tools, tool)
}
