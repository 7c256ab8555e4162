package postgres

import (
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/pgmcp/pgmcp/internal/observe"
)

// Watch shows how the pools and catalogs are in m, until stop is called. It asks
// no server anything.
func (d *Databases) Watch(m *observe.Meter) (stop func(), err error) {
	var stops []func()
	var problems []error
	watch := func(name, unit, description string, of func(db *Database, tell func(float64, ...attribute.KeyValue))) {
		stop, err := m.Watch(name, unit, description, func(tell func(float64, ...attribute.KeyValue)) {
			for name, db := range d.byName {
				of(db, func(value float64, labels ...attribute.KeyValue) {
					tell(value, append(labels, semconv.DBClientConnectionPoolName(name))...)
				})
			}
		})
		problems = append(problems, err)
		if err == nil {
			stops = append(stops, stop)
		}
	}
	watch("db.client.connection.count", "{connection}", "Connections, by whether they are lent", func(db *Database, tell func(float64, ...attribute.KeyValue)) {
		tell(float64(db.pool.Stat().AcquiredConns()), semconv.DBClientConnectionStateUsed)
		tell(float64(db.pool.Stat().IdleConns()), semconv.DBClientConnectionStateIdle)
	})
	watch("db.client.connection.max", "{connection}", "The most connections that may be open", func(db *Database, tell func(float64, ...attribute.KeyValue)) {
		tell(float64(db.pool.Stat().MaxConns()))
	})
	watch("db.client.connection.pending_requests", "{request}", "Statements that wait for a connection", func(db *Database, tell func(float64, ...attribute.KeyValue)) {
		tell(float64(db.waiting.Load()))
	})
	watch("pgmcp.orphans", "{statement}", "Statements that PostgreSQL could not stop", func(db *Database, tell func(float64, ...attribute.KeyValue)) {
		tell(float64(db.orphans.count()))
	})
	watch("pgmcp.catalog.age", "s", "The time since the catalog was read", func(db *Database, tell func(float64, ...attribute.KeyValue)) {
		if s := db.keeper.newest.Load(); s != nil {
			tell(time.Since(s.catalog.LoadedAt).Seconds())
		}
	})
	stop = func() {
		for _, stop := range stops {
			stop()
		}
	}
	if err := errors.Join(problems...); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}
