package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pgmcp/pgmcp/internal/audit"
	"github.com/pgmcp/pgmcp/internal/config"
	"github.com/pgmcp/pgmcp/internal/mcpserver"
)

// A reloader keeps what is served as the configuration says, when that changes.
type reloader struct {
	app     *app
	path    string
	cfg     *config.Config // in force
	files   map[string]string
	service *service // in force
	server  *mcpserver.Server
}

// start reloads in the background. What it returns ends that, and the service in
// force.
func (r *reloader) start(ctx context.Context, hangup <-chan os.Signal) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run(ctx, hangup)
	}()
	return func() {
		cancel()
		<-done
		r.service.end()
	}
}

// run reloads on every hangup, and whenever a file has changed, until ctx ends.
func (r *reloader) run(ctx context.Context, hangup <-chan os.Signal) {
	for {
		var look <-chan time.Time // never, where nothing is watched
		if every := time.Duration(r.cfg.Server.Watch); every > 0 {
			look = time.After(every)
		}
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			if r.service.audit != nil {
				_ = r.service.audit.Rotate() // the log says why not
			}
			r.reload(ctx)
		case <-look:
			if files := r.cfg.Files(r.path); !maps.Equal(files, r.files) {
				r.reload(ctx)
			}
		}
	}
}

// reload puts the configuration as it is now into force, whole or, where anything
// is wrong with it, not at all. Both are logged.
func (r *reloader) reload(ctx context.Context) {
	files := r.cfg.Files(r.path)
	changed := changedFiles(r.files, files)
	r.files = files // what is wrong now is said once
	settings, err := r.replace(ctx)
	if err != nil {
		r.service.log.Error("the configuration is not reloaded, the old one stays in force", "files", changed, "reason", err.Error())
		r.record("refused", nil)
		return
	}
	r.record("ok", settings)
	r.service.log.Info("the configuration is reloaded", "settings", settings, "files", changed)
}

// record puts a reload on record. One that cannot be is in force all the same.
func (r *reloader) record(outcome string, settings []string) {
	if r.service.audit != nil {
		_ = r.service.audit.Append(audit.Line{Kind: "audit", Name: "reload", Outcome: outcome, Settings: settings})
	}
}

// replace loads the configuration and puts it into force. It returns the paths of
// the settings that are no longer what they were.
func (r *reloader) replace(ctx context.Context) ([]string, error) {
	cfg, err := loadConfig(r.path)
	if err != nil {
		return nil, err
	}
	settings := config.Differences(r.cfg, cfg)
	if fixed := slices.DeleteFunc(slices.Clone(settings), reloadable); len(fixed) > 0 {
		return nil, fmt.Errorf("%s can change with a restart only", strings.Join(fixed, ", "))
	}
	door, err := mcpserver.NewDoor(cfg.Server)
	if err != nil {
		return nil, err
	}
	next, err := r.app.open(ctx, cfg, "", r.service)
	if err != nil {
		return nil, err
	}
	r.server.Admit(door)
	r.server.Replace(next.tools, next.chain, r.service.close)
	r.cfg, r.files, r.service = cfg, cfg.Files(r.path), next
	return settings, nil
}

// reloadable reports whether a setting takes effect without a restart.
func reloadable(setting string) bool {
	top, rest, _ := strings.Cut(setting, ".")
	switch {
	case top == "server":
		rest, _, _ = strings.Cut(rest, ".")
		return slices.Contains([]string{"watch", "tokens", "trusted_proxies"}, rest)
	case top == "observability":
		return strings.HasPrefix(rest, "log.")
	}
	return true
}

// changedFiles are the names of the files that are not as they were, sorted.
func changedFiles(was, is map[string]string) []string {
	changed := map[string]bool{}
	for _, files := range []map[string]string{was, is} {
		for name := range files {
			if was[name] != is[name] {
				changed[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(changed))
}

// hangups are the signals that ask for a reload, from now on.
func hangups() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
