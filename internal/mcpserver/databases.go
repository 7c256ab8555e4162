package mcpserver

import (
	"context"
	"fmt"
	"strings"
)

// DatabaseList is the answer of list_databases.
type DatabaseList struct {
	Databases []DatabaseInfo `json:"databases"`
}

// DatabaseInfo is one database that can be queried.
type DatabaseInfo struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// ListDatabases lists the databases by name. It asks none of them.
func (t *Tools) ListDatabases(ctx context.Context, _ NoArgs) (*DatabaseList, error) {
	out := &DatabaseList{Databases: []DatabaseInfo{}}
	for _, name := range t.Databases.Names(ctx) {
		db, err := t.Databases.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		out.Databases = append(out.Databases, DatabaseInfo{db.Name, db.Description})
	}
	return out, nil
}

func listText(l *DatabaseList) string {
	var b strings.Builder
	for _, d := range l.Databases {
		fmt.Fprintf(&b, "%s: %s\n", d.Name, d.Description)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
