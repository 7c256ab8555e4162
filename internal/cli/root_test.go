package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command is there once, in a group, and says what it does.
func TestCommands(t *testing.T) {
	root := (&app{}).root()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	seen := map[string]bool{}
	for _, cmd := range root.Commands() {
		if seen[cmd.Name()] {
			t.Errorf("%s is there twice", cmd.Name())
		}
		seen[cmd.Name()] = true
		if !root.ContainsGroup(cmd.GroupID) {
			t.Errorf("%s is in no group", cmd.Name())
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s is described as %q", cmd.Name(), cmd.Short)
		}
	}
}

// What is asked of the command line itself is printed, and is no mistake.
func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string // a regular expression that standard output matches
	}{
		{nil, `(?m)^  serve +Serve the databases to MCP clients$`},
		{[]string{"help", "ask"}, `pgmcp ask QUESTION`},
		{[]string{"--version"}, `^pgmcp \S+\n$`},
		{[]string{"completion", "bash"}, `^# bash completion V2 for pgmcp `},
		{[]string{"completion", "zsh"}, `^#compdef pgmcp\n`},
		{[]string{"completion", "fish"}, `^# fish completion for pgmcp `},
		{[]string{"completion", "powershell"}, `^# powershell completion for pgmcp `},
		{[]string{"__complete", "ver"}, `^version\t`},
		{[]string{"__complete", "ask", "--format", ""}, `^table\njson\ncsv\n:4\n$`},
		{[]string{"__complete", "vet", "--format", ""}, `^text\njson\n:4\n$`},
	} {
		code, stdout, _ := run(t, nil, tt.args...)
		if code != 0 || !regexp.MustCompile(tt.want).MatchString(stdout) {
			t.Errorf("%q: exit code %d, stdout %q, want %q", tt.args, code, stdout, tt.want)
		}
	}
}

func TestConfigOf(t *testing.T) {
	for _, c := range []struct{ args, path, rest string }{
		{"", "config.cue", ""},
		{"a.cue", "a.cue", ""},
		{"a.cue b", "a.cue", "b"},
		{"--config a.cue", "a.cue", ""},
		{"--config a.cue b", "a.cue", "b"},
		{"b --config config.cue", "config.cue", "b"},
	} {
		var path, rest string
		cmd := &cobra.Command{
			Args: configAnd(1),
			Run: func(cmd *cobra.Command, args []string) {
				var others []string
				path, others = configOf(cmd, args)
				rest = strings.Join(others, " ")
			},
		}
		configFlag(cmd)
		cmd.SetArgs(strings.Fields(c.args))
		if err := cmd.Execute(); err != nil || path != c.path || rest != c.rest {
			t.Errorf("%q: %q and %q, %v", c.args, path, rest, err)
		}
	}
	for _, args := range []string{"a.cue b c", "--config a.cue b c"} {
		cmd := &cobra.Command{Args: configAnd(1), Run: func(*cobra.Command, []string) {}, SilenceErrors: true, SilenceUsage: true}
		configFlag(cmd)
		cmd.SetArgs(strings.Fields(args))
		if cmd.Execute() == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
