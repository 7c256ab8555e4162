package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pgmcp/pgmcp"
	"github.com/pgmcp/pgmcp/internal/config"
)

func (a *app) schema() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print what a configuration may hold: every setting, its meaning and default",
		Long: `Print the schema of a configuration, in CUE: every setting, its meaning and its
default. It is the reference manual.

With --install it is written to where editors that know CUE look for it. A
configuration in DIR that begins

	package conf

	import "pgmcp.dev/config:pgmcp"

	pgmcp.#Config & {
		databases: shop: pgmcp.#Database & {
			url: env: "SHOP_URL"
		}
	}

is then completed and explained while you type. "cue vet -c DIR" works too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("install") {
				return a.installSchema(dir)
			}
			_, err := fmt.Fprint(a.stdout, pgmcp.Schema)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "install", "", "write the schema into `DIR`/cue.mod, for editors")
	cmd.MarkFlagDirname("install")
	return cmd
}

// installSchema writes the schema and, if there is none yet, the file that makes
// dir a CUE module. An older schema is replaced.
func (a *app) installSchema(dir string) error {
	module, schema := filepath.Join(dir, config.ModuleFile), filepath.Join(dir, config.SchemaFile)
	if err := os.MkdirAll(filepath.Dir(schema), 0o755); err != nil {
		return fmt.Errorf("install schema: %w", err)
	}
	if _, err := os.Stat(module); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(module, []byte(config.Module), 0o644); err != nil {
			return fmt.Errorf("install schema: %w", err)
		}
		fmt.Fprintf(a.stdout, "wrote %s\n", module)
	}
	if err := os.WriteFile(schema, []byte(pgmcp.Schema), 0o644); err != nil {
		return fmt.Errorf("install schema: %w", err)
	}
	fmt.Fprintf(a.stdout, "wrote %s\n", schema)
	return nil
}
