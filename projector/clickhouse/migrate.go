package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	driver "github.com/golang-migrate/migrate/v4/database/clickhouse"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/migrations"
)

// Prepare makes a database and brings its tables up to date.
func (c *Client) Prepare(ctx context.Context, database string) error {
	if !events.ValidID(database) {
		return fmt.Errorf("database %q: not a valid name", database)
	}
	if err := c.conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+database+c.onCluster()); err != nil {
		return fmt.Errorf("create database %s: %w", database, err)
	}
	m, err := c.migration(database)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", database, err)
	}
	defer m.Close() //nolint:errcheck // what matters has been said by up
	if err := up(m); err != nil {
		return fmt.Errorf("migrate %s: %w", database, c.stopped(ctx, database, err))
	}
	return nil
}

// stopped adds to the error of a migration where it stands.
func (c *Client) stopped(ctx context.Context, database string, err error) error {
	s, schemaErr := c.Schema(ctx, database)
	if schemaErr != nil || len(s.Pending) == 0 {
		return err
	}
	return fmt.Errorf("stopped at version %d (%s) of %d, `llm-hub migrate up` goes on from there: %w", s.Pending[0].Version, s.Pending[0].Title, s.Newest, err)
}

// Schema is where the tables of a database stand.
type Schema struct {
	Database string      `json:"database"`
	Version  uint        `json:"version"` // that all of is there; 0: none
	Newest   uint        `json:"newest"`  // that this build knows
	Stopped  bool        `json:"stopped"` // the first pending one was begun and not finished
	Pending  []Migration `json:"pending"`
}

// Migration is one version of the schema.
type Migration struct {
	Version uint   `json:"version"`
	Title   string `json:"title"`
}

// Schema tells where the tables of a database stand. Nothing is changed.
func (c *Client) Schema(ctx context.Context, database string) (Schema, error) {
	s := Schema{Database: database, Pending: []Migration{}}
	all, err := known()
	if err != nil {
		return s, err
	}
	s.Newest = all[len(all)-1].Version
	var made uint8
	row := c.conn.QueryRow(reading(ctx), "SELECT toUInt8(count()) FROM system.tables "+
		"WHERE database = {db:String} AND name = 'schema_migrations'", clickhouse.Named("db", database))
	if err := row.Scan(&made); err != nil {
		return s, err
	}
	if made > 0 {
		if s.Version, s.Stopped, err = c.version(database); err != nil {
			return s, err
		}
	}
	begun := s.Version
	s.Version = 0
	for _, m := range all {
		if m.Version < begun || m.Version == begun && !s.Stopped {
			s.Version = m.Version
		} else {
			s.Pending = append(s.Pending, m)
		}
	}
	return s, nil
}

// version is the latest that was begun, and whether it was not finished.
func (c *Client) version(database string) (version uint, dirty bool, err error) {
	m, err := c.migration(database)
	if err != nil {
		return 0, false, err
	}
	defer m.Close() //nolint:errcheck // nothing was written
	version, dirty, err = m.Version()
	if errors.Is(err, migrate.ErrNilVersion) {
		err = nil
	}
	return version, dirty, err
}

// known lists every version, oldest first.
func known() ([]Migration, error) {
	files, err := iofs.New(migrations.FS, ".")
	if err != nil {
		return nil, err
	}
	defer files.Close() //nolint:errcheck // embedded files
	var out []Migration
	v, err := files.First()
	for ; err == nil; v, err = files.Next(v) {
		r, title, readErr := files.ReadUp(v)
		if readErr != nil {
			return nil, readErr
		}
		r.Close()
		out = append(out, Migration{v, title})
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return out, nil
}

func (c *Client) migration(name string) (*migrate.Migrate, error) {
	var files source.Driver
	files, err := iofs.New(migrations.FS, ".")
	if err != nil {
		return nil, err
	}
	cfg := driver.Config{DatabaseName: name, MigrationsTableEngine: "MergeTree"}
	if c.cluster != "" {
		files = onCluster{files, c.cluster}
		cfg.ClusterName, cfg.MigrationsTableEngine = "'"+c.cluster+"'", "ReplicatedMergeTree"
	}
	options := c.options
	options.Auth.Database = name
	options.Settings = clickhouse.Settings{"async_insert": 0}
	db, err := driver.WithInstance(clickhouse.OpenDB(&options), &cfg)
	if err != nil {
		return nil, err
	}
	return migrate.NewWithInstance("iofs", files, name, db)
}

// onCluster is where a statement that changes the schema runs.
func (c *Client) onCluster() string {
	if c.cluster == "" {
		return ""
	}
	return " ON CLUSTER '" + c.cluster + "'"
}

// onCluster gives migrations in the words of a cluster.
type onCluster struct {
	source.Driver
	cluster string
}

// ReadUp implements [source.Driver].
func (o onCluster) ReadUp(version uint) (io.ReadCloser, string, error) {
	return o.translated(o.Driver.ReadUp(version))
}

// ReadDown implements [source.Driver].
func (o onCluster) ReadDown(version uint) (io.ReadCloser, string, error) {
	return o.translated(o.Driver.ReadDown(version))
}

func (o onCluster) translated(r io.ReadCloser, title string, err error) (io.ReadCloser, string, error) {
	if err != nil {
		return nil, title, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return io.NopCloser(strings.NewReader(migrations.OnCluster(string(text), o.cluster))), title, err
}

// up runs what is missing. A version that was interrupted is run again: each is
// one statement that may be repeated.
func up(m *migrate.Migrate) error {
	err := m.Up()
	var dirty migrate.ErrDirty
	if errors.As(err, &dirty) {
		before, versionErr := previous(uint(dirty.Version))
		if versionErr != nil {
			return versionErr
		}
		if err := m.Force(before); err != nil {
			return err
		}
		err = m.Up()
	}
	if errors.Is(err, migrate.ErrNoChange) {
		return nil
	}
	return err
}

// previous is the version before one, [database.NilVersion] before the first.
func previous(version uint) (int, error) {
	all, err := known()
	before := database.NilVersion
	for _, m := range all {
		if m.Version < version {
			before = int(m.Version)
		}
	}
	return before, err
}
