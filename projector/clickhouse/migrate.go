package clickhouse

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	driver "github.com/golang-migrate/migrate/v4/database/clickhouse"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/migrations"
)

// Prepare makes a database and brings its tables up to date.
func (c *Client) Prepare(ctx context.Context, database string) error {
	if !events.ValidID(database) {
		return fmt.Errorf("database %q: not a valid name", database)
	}
	if err := c.conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+database); err != nil {
		return fmt.Errorf("create database %s: %w", database, err)
	}
	m, err := c.migration(database)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", database, err)
	}
	defer m.Close() //nolint:errcheck // what matters has been said by up
	if err := up(m); err != nil {
		return fmt.Errorf("migrate %s: %w", database, err)
	}
	return nil
}

// Schema tells the version of a database's tables, and the newest there is.
func (c *Client) Schema(ctx context.Context, database string) (have, newest uint, err error) {
	if newest, err = newestVersion(); err != nil {
		return 0, 0, err
	}
	var made uint8
	row := c.conn.QueryRow(reading(ctx), "SELECT toUInt8(count()) FROM system.tables "+
		"WHERE database = {db:String} AND name = 'schema_migrations'", clickhouse.Named("db", database))
	if err := row.Scan(&made); err != nil || made == 0 {
		return 0, newest, err
	}
	m, err := c.migration(database)
	if err != nil {
		return 0, newest, err
	}
	defer m.Close() //nolint:errcheck // nothing was written
	have, _, err = m.Version()
	if errors.Is(err, migrate.ErrNilVersion) {
		err = nil
	}
	return have, newest, err
}

func newestVersion() (uint, error) {
	files, err := iofs.New(migrations.FS, ".")
	if err != nil {
		return 0, err
	}
	defer files.Close() //nolint:errcheck // embedded files
	v, err := files.First()
	for next := v; err == nil; next, err = files.Next(v) {
		v = next
	}
	return v, nil
}

func (c *Client) migration(name string) (*migrate.Migrate, error) {
	files, err := iofs.New(migrations.FS, ".")
	if err != nil {
		return nil, err
	}
	options := c.options
	options.Auth.Database = name
	options.Settings = clickhouse.Settings{"async_insert": 0}
	db, err := driver.WithInstance(clickhouse.OpenDB(&options), &driver.Config{DatabaseName: name, MigrationsTableEngine: "MergeTree"})
	if err != nil {
		return nil, err
	}
	return migrate.NewWithInstance("iofs", files, name, db)
}

// up runs what is missing. A version that was interrupted is run again: each is
// one statement that may be repeated.
func up(m *migrate.Migrate) error {
	err := m.Up()
	var dirty migrate.ErrDirty
	if errors.As(err, &dirty) {
		before := dirty.Version - 1
		if before == 0 {
			before = database.NilVersion
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
