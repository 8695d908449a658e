package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

// commands is the command line: a contract. Every flag has a variable.
type commands struct {
	Serve  serveCmd  `cmd:"" help:"Run the gateway and the projector."`
	Apply  applyCmd  `cmd:"" help:"Put a hub.yaml in force."`
	Config configCmd `cmd:"" help:"The configuration in force."`
	Import importCmd `cmd:"" help:"Make a hub.yaml of another gateway's configuration."`
	objectCmds
	Budgets     budgetsCmd     `cmd:"" help:"How every limit stands, or stood at a past instant."`
	Replay      replayCmd      `cmd:"" help:"Print the events of the log."`
	Verify      verifyCmd      `cmd:"" help:"Compare log, counters and tables; exit 1 on a difference."`
	Archive     archiveCmd     `cmd:"" help:"The archive of old parts of the log."`
	Rebuild     rebuildCmd     `cmd:"" help:"Make counters and tables anew from the log."`
	Backup      backupCmd      `cmd:"" help:"Write everything that cannot be made anew to a file, while the hub runs."`
	Restore     restoreCmd     `cmd:"" help:"Make a data directory of a backup."`
	Migrate     migrateCmd     `cmd:"" help:"The schema of the analytics tables."`
	Request     requestCmd     `cmd:"" help:"What is known about one request."`
	Export      exportCmd      `cmd:"" help:"Export what was recorded."`
	Reprice     repriceCmd     `cmd:"" help:"Show what the prices in force would have billed, beside what was billed."`
	Simulate    simulateCmd    `cmd:"" help:"Run recorded requests through a draft of a hub.yaml: cost, refusals, choices. Nothing is changed."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
	Healthcheck healthcheckCmd `cmd:"" help:"Exit 0 if the server is ready."`
}

// serveCmd holds the process settings: they change with a restart only.
type serveCmd struct {
	Config            string   `help:"The product's configuration, hub.yaml. Without it vendors are found in the environment." env:"LLMHUB_CONFIG" type:"path" placeholder:"FILE"`
	Data              string   `help:"Directory of everything this node keeps." env:"LLMHUB_DATA" default:"data" type:"path" placeholder:"DIR"`
	Listen            string   `help:"Address of the API." env:"LLMHUB_LISTEN" default:"127.0.0.1:4000"`
	MetricsListen     string   `help:"Address of metrics and health." env:"LLMHUB_METRICS_LISTEN" default:"127.0.0.1:9090"`
	Roles             []string `help:"Roles of this process: gateway, projector." env:"LLMHUB_ROLES" default:"gateway,projector" enum:"gateway,projector"`
	ClickHouseURL     string   `name:"clickhouse-url" help:"An external ClickHouse instead of the embedded engine." env:"LLMHUB_CLICKHOUSE_URL" placeholder:"URL"`
	ClickHouseCluster string   `name:"clickhouse-cluster" help:"The replicated cluster that --clickhouse-url is a server of: tables are made on all its servers." env:"LLMHUB_CLICKHOUSE_CLUSTER" placeholder:"NAME"`
	ClickHouseLib     string   `name:"clickhouse-lib" help:"The engine's library, libchdb.so." env:"LLMHUB_CLICKHOUSE_LIB" type:"path" placeholder:"PATH"`
	Demo              bool     `help:"Bring up three demo vendors and a configuration for them." env:"LLMHUB_DEMO"`
	Ack               string   `help:"What must be on the log before a client gets its first and last byte: strict, first-byte, async." env:"LLMHUB_ACK" default:"strict" enum:"strict,first-byte,async"`
	LogClass          string   `help:"Durability of the log: dev, durable, ha." env:"LLMHUB_LOG_CLASS" default:"durable" enum:"dev,durable,ha"`
	LogMaxBytes       int64    `help:"Largest size of the traffic stream in bytes; 0: a share of the free disk, or with --nats-url no bound of ours." env:"LLMHUB_LOG_MAX_BYTES" default:"0"`
	AllowPrivateCIDRs string   `name:"allow-private-cidrs" help:"Private networks that vendors and webhooks may be in." env:"LLMHUB_ALLOW_PRIVATE_CIDRS" placeholder:"CIDR"`

	keyFlags
	natsFlags
	OutboxMaxBytes int64         `help:"With --nats-url: largest size in bytes of what waits on this node's disk while NATS is out of reach." env:"LLMHUB_OUTBOX_MAX_BYTES" default:"268435456"`
	VerifyEvery    time.Duration `help:"How often the books are verified in the background; 0: never." env:"LLMHUB_VERIFY_EVERY" default:"1h"`
	Archive        string        `help:"Where old parts of the log are kept: a directory, or s3://bucket/prefix?endpoint=URL&region=NAME, with the usual AWS variables. Default: nothing is archived." env:"LLMHUB_ARCHIVE" placeholder:"LOCATION"`
	LogRetention   time.Duration `help:"With --archive: how long a message stays in the log though it is archived, such as 720h; 0: for ever." env:"LLMHUB_LOG_RETENTION" default:"0"`
	paces
}

// keyFlags say where the master key is.
type keyFlags struct {
	MasterKeyFile string `name:"master-key-file" help:"File of the master key that secrets are sealed by, made if it is not there; the same on every node. Default: master.key in the data directory." env:"LLMHUB_MASTER_KEY_FILE" type:"path" placeholder:"FILE"`
}

// natsFlags say how to reach an external NATS.
type natsFlags struct {
	NATSURL         string `name:"nats-url" help:"An external NATS instead of the embedded one." env:"LLMHUB_NATS_URL" placeholder:"URL"`
	NATSCredentials string `name:"nats-credentials" help:"Credentials file for it." env:"LLMHUB_NATS_CREDENTIALS" type:"path" placeholder:"FILE"`
	NATSClientCert  string `name:"nats-client-cert" help:"PEM file of the certificate to show it." env:"LLMHUB_NATS_CLIENT_CERT" type:"path" placeholder:"FILE"`
	NATSClientKey   string `name:"nats-client-key" help:"PEM file of that certificate's key." env:"LLMHUB_NATS_CLIENT_KEY" type:"path" placeholder:"FILE"`
	NATSInboxPrefix string `name:"nats-inbox-prefix" help:"Prefix of the subjects that answers come on, where the user may not listen to all." env:"LLMHUB_NATS_INBOX_PREFIX" placeholder:"PREFIX"`
	NATSCA          string `name:"nats-ca" help:"PEM file of the authorities that its certificate is checked against." env:"LLMHUB_NATS_CA" type:"path" placeholder:"FILE"`
}

// check finds files that cannot be read.
func (f natsFlags) check() error {
	for _, file := range []struct{ flag, path string }{
		{"--nats-credentials", f.NATSCredentials}, {"--nats-client-cert", f.NATSClientCert},
		{"--nats-client-key", f.NATSClientKey}, {"--nats-ca", f.NATSCA},
	} {
		if file.path == "" {
			continue
		}
		if _, err := os.ReadFile(file.path); err != nil {
			return fmt.Errorf("%s: %w", file.flag, err)
		}
	}
	return nil
}

// paces are times that nobody needs to change but tests. Their defaults are those
// of the packages they are for.
type paces struct {
	LeaseTTL  time.Duration `hidden:"" help:"How long a lease on a limit is good for." env:"LLMHUB_LEASE_TTL" default:"30s"`
	Heartbeat time.Duration `hidden:"" help:"How often a silent node says that it lives." env:"LLMHUB_HEARTBEAT" default:"60s"`
	DeadAfter time.Duration `hidden:"" help:"How long a node must be silent to be lost." env:"LLMHUB_DEAD_AFTER" default:"15m"`
	SignEvery time.Duration `hidden:"" help:"How often changes of the configuration are signed." env:"LLMHUB_SIGN_EVERY" default:"1m"`
	OwnerTTL  time.Duration `hidden:"" help:"How long a projector owns work that it does not renew." env:"LLMHUB_OWNER_TTL" default:"10s"`
}

// remote says how a command reaches the hub: through a running server, or by
// opening the data directory itself when none runs.
type remote struct {
	Data    string `help:"The server's data directory." env:"LLMHUB_DATA" default:"data" type:"path" placeholder:"DIR"`
	Address string `help:"A server's address, instead of a data directory." env:"LLMHUB_ADDRESS" placeholder:"URL"`
	Token   string `help:"Operator token for --address." env:"LLMHUB_TOKEN" placeholder:"TOKEN"`

	ClickHouseURL     string `name:"clickhouse-url" help:"ClickHouse to use when no server runs." env:"LLMHUB_CLICKHOUSE_URL" placeholder:"URL"`
	ClickHouseCluster string `name:"clickhouse-cluster" help:"Its replicated cluster." env:"LLMHUB_CLICKHOUSE_CLUSTER" placeholder:"NAME"`
	ClickHouseLib     string `name:"clickhouse-lib" help:"Engine library to use when no server runs." env:"LLMHUB_CLICKHOUSE_LIB" type:"path" placeholder:"PATH"`
	Archive           string `help:"Archive of the log to use when no server runs. Default: the one that the log was trimmed for." env:"LLMHUB_ARCHIVE" placeholder:"LOCATION"`
	keyFlags
	natsFlags
	retention time.Duration // of the log, when no server runs; 0: it is not trimmed
}

type applyCmd struct {
	remote
	File   string `short:"f" required:"" help:"The configuration, hub.yaml." type:"path" placeholder:"FILE"`
	DryRun bool   `help:"Only show what would change. Without a hub, only validate."`
	Check  bool   `help:"Only show what differs, and exit 1 if anything does."`
	Prune  bool   `help:"Remove everything that the file has not."`
	Output string `short:"o" help:"text or json." default:"text" enum:"text,json"`
}

type configCmd struct {
	Export configExportCmd `cmd:"" help:"Print the configuration in force, for apply. Secrets are sealed: only this hub can read them."`
}

type configExportCmd struct {
	remote
	At string `help:"As it was at this time (RFC 3339 or a date in UTC)." placeholder:"TIME"`
}

type replayCmd struct {
	remote
	From        string `help:"First sequence or time (RFC 3339)." default:"1"`
	To          string `help:"Last sequence or time; empty is the end of the log."`
	Tenant      string `help:"Only this tenant."`
	Request     string `help:"Only this request."`
	Kind        string `help:"Only this kind."`
	DeadLetters bool   `help:"The events that could not be applied instead."`
	Apply       bool   `help:"With --dead-letters: apply them again; --from and --to are sequences of dead letters."`
	Format      string `help:"text or jsonl." default:"text" enum:"text,jsonl"`
}

type verifyCmd struct {
	remote
	Output string   `short:"o" help:"text or json." default:"text" enum:"text,json"`
	Audit  bool     `help:"Check the chain of the control stream instead."`
	File   string   `help:"With --audit: a file that audit export wrote, instead of the hub." type:"path" placeholder:"FILE"`
	Known  string   `help:"With --audit: a message that must be there, as an earlier run told it." placeholder:"SEQ:HASH"`
	Key    []string `help:"With --audit: the public key, or a file that has it, that alone may have signed, as audit export told it." placeholder:"KEY"`
}

type rebuildCmd struct {
	remote
	Counters bool `help:"Only the counters."`
	Tables   bool `help:"Only the tables."`
}

type versionCmd struct{}

func (versionCmd) Run(w world) error {
	_, err := fmt.Fprintf(w.out, "llm-hub %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

type healthcheckCmd struct {
	remote
	Timeout time.Duration `help:"How long to wait for an answer." default:"3s"`
}

func (c *serveCmd) has(role string) bool {
	return slices.Contains(c.Roles, role)
}
