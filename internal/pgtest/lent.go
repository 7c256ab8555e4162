package pgtest

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Env is the environment in which another process uses these servers, and can
// start others like them where it could have found these itself.
func Env(servers []*Server) []string {
	var urls, origins []string
	for _, s := range servers {
		urls, origins = append(urls, s.url), append(origins, s.origin)
	}
	return []string{"PGMCP_TEST_POSTGRES=" + strings.Join(urls, " "), "PGMCP_TEST_ORIGINS=" + strings.Join(origins, "\n")}
}

// What an origin begins with: the image of a container or the folder of local
// binaries comes after it.
const (
	fromImage    = "image "
	fromBinaries = "binaries "
)

// lent are the servers at URLs that the environment names.
func lent(ctx context.Context, urls []string, limit int) ([]*Server, error) {
	origins := map[string]string{}
	for i, origin := range strings.Split(os.Getenv("PGMCP_TEST_ORIGINS"), "\n") {
		if i < len(urls) {
			origins[urls[i]] = origin
		}
	}
	return startEach(urls, limit, func(u string) (*Server, error) {
		s, err := connect(ctx, u, "url")
		if err != nil {
			return nil, err
		}
		s.origin = origins[u]
		if image, ok := strings.CutPrefix(s.origin, fromImage); ok {
			s.another = func(ctx context.Context) (*Server, error) { return ownContainer(ctx, image) }
		}
		if dir, ok := strings.CutPrefix(s.origin, fromBinaries); ok {
			s.another = func(ctx context.Context) (*Server, error) {
				b, ok := binariesIn(ctx, dir)
				if !ok {
					return nil, fmt.Errorf("the binaries in %s do not run any more", dir)
				}
				return startLocal(ctx, b)
			}
		}
		return s, nil
	})
}
