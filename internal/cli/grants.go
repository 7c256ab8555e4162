package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp/internal/grants"
)

func (a *app) grants() *cobra.Command {
	var db, role, from string
	cmd := &cobra.Command{
		Use:   "grants [CONFIG]",
		Short: "Print SQL for a role that may read no more than the policy allows",
		Long: `Print SQL that makes a role which may read what the policy allows and do nothing
else. Run it in the database as a superuser or as the owner of everything there,
and give the role a password; then put its URL where the configuration says. The
SQL can be run again at any time, and must be when the policy changes or tables do.

The role is the one in the database's URL, if all it does so far is read. If that
is a superuser, owns anything or may write, it has other work to do: then, and with
--catalog, the role is called pgmcp_DATABASE. --role names another.

The catalog is read over the database's URL, whoever that connects as; an
administrator's will do. Nothing is changed.

The last part of the SQL takes from PUBLIC, and so from every role that is not
named in it, what PostgreSQL cannot deny to one role: read it before you run it.`,
		Example: `  pgmcp grants config.cue --db shop --role pgmcp_shop >grants.sql
  psql -v ON_ERROR_STOP=1 -f grants.sql "$ADMIN_URL"
  psql -c '\password pgmcp_shop' "$ADMIN_URL"`,
		Args: configAnd(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("role") {
				if err := checkRole(role); err != nil {
					return &usageError{err}
				}
			}
			path, _ := configOf(cmd, args)
			p, as, err := policyFor(cmd.Context(), path, db, from)
			if err != nil {
				return err
			}
			switch {
			case role != "":
			case as != nil && as.Reader():
				role = as.Name
			default:
				role = "pgmcp_" + p.Database
				if as != nil {
					fmt.Fprintf(a.stderr, "pgmcp: these are the grants of %s: %s does more than read\n", role, visible(as.Name))
				}
			}
			if _, err := io.WriteString(a.stdout, grants.SQL(p, role)); err != nil {
				return fmt.Errorf("write grants: %w", err)
			}
			return nil
		},
	}
	configFlag(cmd)
	dbFlag(cmd, &db, true)
	cmd.Flags().StringVar(&role, "role", "", "the `NAME` of the role")
	cmd.Flags().StringVar(&from, "catalog", "", "read the catalog from `FILE`, written by \"pgmcp catalog\", and connect to nothing")
	return cmd
}

// checkRole finds what no role can be called.
func checkRole(name string) error {
	switch {
	case name == "":
		return errors.New("--role must not be empty")
	case len(name) > 63:
		return errors.New("--role is longer than the 63 bytes that PostgreSQL keeps of a name")
	case name == "public", name == "none", strings.HasPrefix(name, "pg_"):
		return fmt.Errorf("--role %s: PostgreSQL keeps that name for itself", name)
	}
	return nil
}
