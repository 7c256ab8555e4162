package cli

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/audit"
)

func (a *app) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Examine the record of what was done",
		Args:  unknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditVerify())
	return cmd
}

func (a *app) auditVerify() *cobra.Command {
	var head string
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Say whether audit lines were removed, changed or moved",
		Long: `Follow the chain of hashes through audit files, given in any order, and print
each place at which lines were removed, changed or moved: file:line: what.

That lines were cut off at the end shows only with --head: the hash that the log
and the metrics told at a rotation or a stop.

The exit code is 1 if anything is wrong, 2 if a file cannot be read.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			if head != "" && !isHash.MatchString(head) {
				return &usageError{errors.New("--head: not a hash, which has 64 hex digits")}
			}
			return a.runAuditVerify(files, head)
		},
	}
	cmd.Flags().StringVar(&head, "head", "", "also want a line of this `HASH`")
	return cmd
}

var isHash = regexp.MustCompile("^[0-9a-f]{64}$")

func (a *app) runAuditVerify(files []string, head string) error {
	r, err := audit.Verify(files, head)
	if err != nil {
		return &usageError{err}
	}
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(a.stdout, p); err != nil {
			return err
		}
	}
	if len(r.Problems) > 0 {
		return errNo
	}
	if r.Lines == 0 {
		_, err := fmt.Fprintln(a.stdout, "whole: there is no line")
		return err
	}
	vouched := "with no head to compare, lines cut off at the end do not show"
	if head != "" {
		vouched = fmt.Sprintf("the head given is that of line %d", r.Vouched)
	}
	_, err = fmt.Fprintf(a.stdout, "whole: lines %d to %d, head %s; %s\n", r.First, r.Last, r.Head, vouched)
	return err
}
