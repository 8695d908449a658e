// Package clickhouse keeps the analytics tables in ClickHouse. It is the only
// importer of the ClickHouse client and of the migration runner; the server is
// another process or cluster, or the engine that projector/clickhouse/embedded
// runs as a child. Everything here works over HTTP and over the native protocol.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/migrations"
)

// Bounds of a connection.
const (
	dialTimeout = 5 * time.Second
	readTimeout = 2 * time.Minute
	maxConns    = 8
)

// Config says where the tables are.
type Config struct {
	// URL is http://, https:// or clickhouse://, with user, password and database:
	// http://user:password@host:8123/database. The database is that of the first
	// generation of tables; the others are made beside it.
	URL string
	// Cluster, if not empty, is the replicated cluster that the server is of, as its
	// configuration names it: tables are made on all its servers, see
	// [migrations.OnCluster].
	Cluster string
}

// Client is a connection to a ClickHouse.
type Client struct {
	options  clickhouse.Options
	conn     driver.Conn
	database string
	cluster  string // empty: the server is alone
}

// Open prepares a connection; nothing is sent before the first call. Errors never
// hold the password.
func Open(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("clickhouse URL is malformed") // the parser's error holds it whole
	}
	switch u.Scheme {
	case "http", "https", "clickhouse":
	default:
		return nil, fmt.Errorf("clickhouse URL: scheme %q is not http, https or clickhouse", u.Scheme)
	}
	if u.Scheme == "https" {
		q := u.Query()
		q.Set("secure", "true") // the driver wants to be told twice
		u.RawQuery = q.Encode()
	}
	if cfg.Cluster != "" && !migrations.ValidCluster(cfg.Cluster) {
		return nil, fmt.Errorf("clickhouse cluster %q: not the name of a cluster: letters, digits and -_.{}", cfg.Cluster)
	}
	options, err := clickhouse.ParseDSN(u.String())
	if err != nil {
		return nil, fmt.Errorf("clickhouse URL %s: malformed", u.Redacted())
	}
	if !events.ValidID(options.Auth.Database) || strings.Contains(options.Auth.Database, "-") {
		return nil, fmt.Errorf("clickhouse URL %s: must end with the name of a database: a-z, 0-9 and _", u.Redacted())
	}
	options.DialTimeout, options.ReadTimeout = dialTimeout, readTimeout
	options.MaxOpenConns, options.MaxIdleConns = maxConns, maxConns
	if options.Compression == nil && !loopback(u.Hostname()) {
		options.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	c := &Client{options: *options, database: options.Auth.Database, cluster: cfg.Cluster}
	c.options.Auth.Database = "" // it may not exist yet, and statements name theirs
	if c.conn, err = clickhouse.Open(&c.options); err != nil {
		return nil, fmt.Errorf("clickhouse URL %s: %w", u.Redacted(), err)
	}
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Database is that of the first generation of tables.
func (c *Client) Database() string { return c.database }

// Close ends all connections.
func (c *Client) Close() error { return c.conn.Close() }

// Ping tells whether the server answers.
func (c *Client) Ping(ctx context.Context) error { return c.conn.Ping(ctx) }

// Version is the server's version.
func (c *Client) Version(ctx context.Context) (string, error) {
	var v string
	err := c.conn.QueryRow(ctx, "SELECT version()").Scan(&v)
	return v, err
}

// Databases lists the databases of the server.
func (c *Client) Databases(ctx context.Context) ([]string, error) {
	var out []string
	err := c.Query(ctx, "SELECT name FROM system.databases ORDER BY name", nil, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		out = append(out, name)
		return err
	})
	return out, err
}

// Drop removes a database and everything in it. Of the one that the URL names only
// the tables go: a server may want it to be there when a client connects.
func (c *Client) Drop(ctx context.Context, database string) error {
	if !events.ValidID(database) {
		return fmt.Errorf("drop database %q: not a valid name", database)
	}
	if database != c.database {
		return c.conn.Exec(ctx, "DROP DATABASE IF EXISTS "+database+c.onCluster()+" SYNC")
	}
	var tables []string // views first: they feed tables
	err := c.Query(ctx, "SELECT name FROM system.tables WHERE database = {db:String} ORDER BY engine != 'MaterializedView', name",
		map[string]any{"db": database}, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			tables = append(tables, name)
			return err
		})
	for _, table := range tables {
		if err == nil {
			err = c.conn.Exec(ctx, "DROP TABLE IF EXISTS "+database+".`"+table+"`"+c.onCluster()+" SYNC")
		}
	}
	return err
}

// Exec runs a statement that changes something; for operators and tests.
func (c *Client) Exec(ctx context.Context, sql string) error { return c.conn.Exec(ctx, sql) }
