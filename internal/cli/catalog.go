package cli

import "github.com/spf13/cobra"

func (a *app) catalog() *cobra.Command {
	var db string
	cmd := &cobra.Command{
		Use:   "catalog [CONFIG]",
		Short: "Print what a database is made of, for \"pgmcp check --catalog\"",
		Long: `Print the catalog of a database as JSON: schemas, tables, columns, views and
what they read, functions. It holds no rows. It does hold the names of what the
policy blocks: the policy is applied where the catalog is used.`,
		Args: configAnd(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, _ := configOf(cmd, args)
			p, _, err := policyFor(cmd.Context(), path, db, "")
			if err != nil {
				return err
			}
			return p.Catalog.Write(a.stdout)
		},
	}
	configFlag(cmd)
	dbFlag(cmd, &db, true)
	return cmd
}
