package migrations

import (
	"fmt"
	"regexp"
)

// ValidCluster tells whether a name can be that of a cluster, or of a macro that
// stands for one, as {cluster}.
func ValidCluster(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_.{}-]{1,100}$`).MatchString(name)
}

// OnCluster is a migration in the words of a replicated cluster, whose name is a
// [ValidCluster]: each statement runs on every server, tables are replicated, and
// their windows of deduplication are those of replicated tables. Where the replicas
// keep what they agree on is up to the servers' default_replica_path.
//
// All servers hold all rows: a cluster has one shard.
func OnCluster(text, cluster string) string {
	on := "${1} ON CLUSTER '" + cluster + "'"
	text = regexp.MustCompile(`(?m)^((?:CREATE (?:OR REPLACE )?(?:TABLE|MATERIALIZED VIEW)|ALTER TABLE|DROP (?:TABLE|VIEW))(?: IF (?:NOT )?EXISTS)? \w+)`).
		ReplaceAllString(text, on)
	text = regexp.MustCompile(`(?m)^(ENGINE = )(\w*MergeTree)`).ReplaceAllString(text, "${1}Replicated${2}")
	return regexp.MustCompile(`\bnon_replicated_deduplication_window = (\d+)`).
		ReplaceAllString(text, fmt.Sprintf("replicated_deduplication_window = ${1}, replicated_deduplication_window_seconds = %d", windowSeconds))
}

// windowSeconds is how long a replicated table recognises an insert: longer than any
// outage after which a writer repeats one.
const windowSeconds = 7 * 24 * 60 * 60
