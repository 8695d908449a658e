-- One row for each change of the configuration, as the control stream has it: what is sealed there is sealed here.
-- A row that is written again, as after a crash, takes its own place: read it FINAL.
CREATE TABLE IF NOT EXISTS changes
(
    seq     UInt64 CODEC(Delta, ZSTD), -- in the control stream
    idx     UInt16,
    at      DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    logged  DateTime64(9, 'UTC') CODEC(Delta, ZSTD), -- by the log's clock
    node    LowCardinality(String),
    tenant  LowCardinality(String), -- _ for what belongs to none
    request String CODEC(ZSTD),
    sort    LowCardinality(String),
    object  String CODEC(ZSTD),
    verb    LowCardinality(String), -- made, set, removed
    actor   LowCardinality(String),
    cause   LowCardinality(String),
    origin  LowCardinality(String),
    before  String CODEC(ZSTD), -- empty: there was none
    after   String CODEC(ZSTD)  -- empty: removed
)
ENGINE = ReplacingMergeTree
ORDER BY (seq, idx)
