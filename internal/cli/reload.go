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
	cfg     *config.Config    // in force
	files   map[string]string // it was read from
	seen    map[string]string // these, at the last look
	moving  bool              // they were not as at the look before it
	service *service          // in force
	server  *mcpserver.Server
	refused string // why, if the newest reload was
}

// start reloads in the background. What it returns ends that, and the services.
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
		r.server.Wait()
		r.service.end()
	}
}

// run reloads on every hangup, and whenever a file has changed, until ctx ends.
// What was refused is tried again, for the cause need not be in any file that is
// watched.
func (r *reloader) run(ctx context.Context, hangup <-chan os.Signal) {
	for {
		var look <-chan time.Time // never, where nothing is watched
		if every := time.Duration(r.cfg.Server.Watch); every > 0 {
			if r.moving {
				every = min(every, settle)
			}
			look = time.After(every)
		}
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			if r.service.audit != nil {
				_ = r.service.audit.Rotate() // the log says why not
			}
			r.refused = "" // whoever asks is told again
			r.reload(ctx)
		case <-look:
			if r.due() {
				r.reload(ctx)
			}
		}
	}
}

// settle is how long files must stay as they are, unless they are looked at more
// often.
const settle = time.Second

// due looks at the files and reports whether to reload: when they have changed, or
// were refused, and are as they were at the last look. Half a file can be a valid
// configuration, of one that blocks less.
func (r *reloader) due() bool {
	files := r.cfg.Files(r.path, nil)
	r.moving = !maps.Equal(files, r.seen)
	r.seen = files
	return !r.moving && (r.refused != "" || !maps.Equal(files, r.files))
}

// reload puts the configuration as it is now into force, whole or, where anything
// is wrong with it, not at all. Both are logged, and what is wrong is said once.
func (r *reloader) reload(ctx context.Context) {
	before := r.cfg.Files(r.path, nil)
	changed := changedFiles(r.files, before)
	settings, err := r.replace(ctx, before)
	if err != nil {
		if reason := err.Error(); reason != r.refused {
			r.refused = reason
			r.service.log.Error("the configuration is not reloaded, the old one stays in force", "files", changed, "reason", reason)
			r.record("refused", nil, changed)
		}
		return
	}
	r.refused = ""
	r.record("ok", settings, changed)
	r.service.log.Info("the configuration is reloaded", "settings", settings, "files", changed)
}

// record puts a reload on record. One that cannot be is in force all the same.
func (r *reloader) record(outcome string, settings, files []string) {
	if r.service.audit != nil {
		_ = r.service.audit.Append(audit.Line{Kind: "audit", Name: "reload", Outcome: outcome, Settings: settings, Files: files})
	}
}

// replace loads the configuration and puts it into force. Before are the files of
// the one that it replaces, as they were just now. It returns the paths of the
// settings that are no longer what they were.
func (r *reloader) replace(ctx context.Context, before map[string]string) ([]string, error) {
	cfg, err := loadConfig(r.path)
	if err != nil {
		return nil, err
	}
	files := cfg.Files(r.path, before)
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
	next.log.Set(cfg.Observability.Log)
	r.server.Admit(door)
	r.server.Replace(next.tools, next.chain, r.service.close)
	r.cfg, r.files, r.service = cfg, files, next
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
