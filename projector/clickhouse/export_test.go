package clickhouse

import (
	"context"
	"fmt"
	"time"
)

// Interrupt leaves a database as a process does that was killed while it ran a
// version of the schema.
func Interrupt(c *Client, database string, version uint) error {
	return c.conn.Exec(context.Background(), fmt.Sprintf(
		"INSERT INTO %s.schema_migrations (version, dirty, sequence) VALUES (%d, 1, %d)", database, version, time.Now().UnixNano()))
}

// Down takes back every version.
func Down(c *Client, database string) error {
	m, err := c.migration(database)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.Down()
}

// Migrate brings a new database to a version.
func Migrate(c *Client, database string, version uint) error {
	if err := c.conn.Exec(context.Background(), "CREATE DATABASE "+database); err != nil {
		return err
	}
	m, err := c.migration(database)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.Migrate(version)
}
