package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Statistics are what PostgreSQL's ANALYZE last found in columns. They are apart
// from a [Catalog], because they hold data: who reads them says of which columns.
// Nil has none.
type Statistics struct {
	columns map[ColumnID]*ColumnStatistics

	once  sync.Once
	index valueIndex // made by the first search
}

// A ColumnID names a column by its relation's OID and its own number.
type ColumnID struct {
	Relation uint32
	Number   int16
}

// ColumnStatistics are those of one column. They are estimates from a sample, and
// as old as the last ANALYZE.
type ColumnStatistics struct {
	Distinct float64  // as pg_stats.n_distinct: above 0 how many values there are, below 0 their share of the rows negated, 0 unknown
	Nulls    float64  // the share of rows that hold NULL
	Common   []Common // the most common values
	Bounds   []string // of a histogram: values that are there too
}

// A Common is a value and the share of rows that hold it.
type Common struct {
	Value string // as text
	Share float64
}

// NewStatistics are the statistics that a test or a file gives.
func NewStatistics(columns map[ColumnID]*ColumnStatistics) *Statistics {
	return &Statistics{columns: columns}
}

// Column are the statistics of a column, or nil if there are none.
func (s *Statistics) Column(relation uint32, number int16) *ColumnStatistics {
	if s == nil {
		return nil
	}
	return s.columns[ColumnID{relation, number}]
}

// Bounds of what LoadStatistics reads: columns in one query, values of a column
// of each sort, and bytes of values after which it stops.
const (
	statisticsBatch = 2_000
	statisticsEach  = 200
	statisticsBytes = 16 << 20
)

// LoadStatistics reads the statistics of these columns and of no others, as far
// as they hold text or whole numbers, and as the connection's role may see them:
// PostgreSQL shows none of columns that the role may not read, nor of tables with
// row-level security. Of many columns the last ones may be left out.
func LoadStatistics(ctx context.Context, db Beginner, columns []ColumnID) (*Statistics, error) {
	s := &Statistics{columns: map[ColumnID]*ColumnStatistics{}}
	tx, err := db.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("load statistics: %w", err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, statisticsSettingsSQL); err != nil {
		return nil, fmt.Errorf("load statistics: %w", err)
	}
	size := 0
	for batch := range slices.Chunk(columns, statisticsBatch) {
		if size > statisticsBytes {
			break
		}
		read, err := s.read(ctx, tx, batch)
		if err != nil {
			return nil, fmt.Errorf("load statistics: %w", err)
		}
		size += read
	}
	return s, nil
}

// statisticsSettingsSQL pins how values are printed. With pg_temp last, no
// temporary table can pass for a catalog.
const statisticsSettingsSQL = `
select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), pg_catalog.set_config('lock_timeout', '2s', true)`

// statisticsSQL reads pg_stats, which is the part of the statistics that the role
// may see. Where a table has children, theirs are meant too. Of numbers only few
// different ones tell anything; a histogram of them tells nothing. The tables' names
// are there twice, because pg_stats asks for the rights to each column of all others,
// unless it is told constants.
const statisticsSQL = `
select distinct on (w.place) w.relation, w.number, s.n_distinct, s.null_frac,
	case when text or s.n_distinct between 1 and $4 then (s.most_common_vals::text::text[])[1:$3] end,
	case when text or s.n_distinct between 1 and $4 then s.most_common_freqs[1:$3] end,
	case when text then (s.histogram_bounds::text::text[])[1:$3] end
from unnest($1::oid[], $2::int2[]) with ordinality w (relation, number, place)
	join pg_attribute a on a.attrelid = w.relation and a.attnum = w.number
	join pg_class c on c.oid = w.relation
	join pg_namespace n on n.oid = c.relnamespace
	join pg_type t on t.oid = a.atttypid
	join pg_type base on base.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end,
	lateral (select base.typcategory = 'S' and (base.oid < 16384 or base.typname = 'citext')) k (text),
	lateral (select * from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname
		and s.tablename = any (array(select relname from pg_class where oid = any ($1)))) s
where text or base.oid in (20, 21, 23)
order by w.place, s.inherited desc`

// read reads the statistics of some columns and returns the size of their values in bytes.
func (s *Statistics) read(ctx context.Context, tx pgx.Tx, columns []ColumnID) (size int, err error) {
	relations, numbers := make([]uint32, len(columns)), make([]int16, len(columns))
	for i, c := range columns {
		relations[i], numbers[i] = c.Relation, c.Number
	}
	rows, err := tx.Query(ctx, statisticsSQL, relations, numbers, statisticsEach, statisticsEach)
	if err != nil {
		return 0, err
	}
	var id ColumnID
	var distinct, nulls float32
	var common, bounds []string
	var shares []float32
	err = each(rows, func() {
		c := &ColumnStatistics{Distinct: float64(distinct), Nulls: float64(nulls), Bounds: slices.Clone(bounds)}
		for i, value := range common {
			c.Common = append(c.Common, Common{value, float64(shares[i])})
			size += len(value)
		}
		for _, value := range bounds {
			size += len(value)
		}
		s.columns[id] = c
	}, &id.Relation, &id.Number, &distinct, &nulls, &common, &shares, &bounds)
	return size, err
}

// A Found is a value of a column that a text resembles.
type Found struct {
	Column     ColumnID
	Value      string
	Similarity float64 // 1: they are the same, but for their case
}

// valueIndex is where each value is, by its text in lower case.
type valueIndex struct {
	columns map[string][]Found
	grams   map[string][]string
}

// Find are the values that are the same as text, but for their case, or where
// there are none and alike is set those that look like it: what stands between
// words makes no difference.
func (s *Statistics) Find(text string, alike bool) []Found {
	const threshold = 0.5
	if s == nil {
		return nil
	}
	s.once.Do(s.makeIndex)
	text = strings.ToLower(strings.TrimSpace(text))
	if same := s.index.columns[text]; len(same) > 0 || !alike {
		return same
	}
	var found []Found
	grams := trigrams(spelled(text))
	for value, columns := range s.index.columns {
		if n := len(value) - len(text); n > 3+len(text)/3 || -n > 3+len(text)/3 {
			continue
		}
		if n := similarity(grams, s.index.grams[value]); n >= threshold {
			for _, f := range columns {
				f.Similarity = n
				found = append(found, f)
			}
		}
	}
	return found
}

// spelled is text with one blank for all that stands between two words.
func spelled(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return kindOf(r) == neither }), " ")
}

func (s *Statistics) makeIndex() {
	x := valueIndex{map[string][]Found{}, map[string][]string{}}
	for id, c := range s.columns {
		add := func(value string) {
			key := strings.ToLower(value)
			x.columns[key] = append(x.columns[key], Found{id, value, 1})
			if x.grams[key] == nil {
				x.grams[key] = trigrams(spelled(key))
			}
		}
		for _, common := range c.Common {
			add(common.Value)
		}
		for _, bound := range c.Bounds {
			add(bound)
		}
	}
	s.index = x
}
