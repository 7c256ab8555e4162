package cli

import "github.com/spf13/cobra"

func (a *app) catalog() *cobra.Command {
	var db string
	cmd := &cobra.Command{
		Use:   "catalog [CONFIG]",
		Short: "Print what a database is made of, for \"pgmcp check --catalog\"",
		Long: `Prints the catalog of a database as JSON: schemas, tables, columns, views and
what they read, functions. It holds no rows. It does hold the names of what the
policy blocks: the policy is applied where the catalog is used.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "config.cue"
			if len(args) == 1 {
				path = args[0]
			}
			cfg, err := load(path)
			if err != nil {
				return err
			}
			p, err := a.policyFor(cmd.Context(), cfg, db, "")
			if err != nil {
				return err
			}
			return p.Catalog.Write(a.stdout)
		},
	}
	cmd.Flags().StringVar(&db, "db", "", "database `NAME`; needed if the configuration has several")
	return cmd
}
