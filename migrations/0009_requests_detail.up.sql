-- Which limit refused a request, and how long an answer was.
ALTER TABLE requests
    ADD COLUMN IF NOT EXISTS limit_name LowCardinality(String) AFTER reason, -- scope, what, per what; empty if no limit refused it
    ADD COLUMN IF NOT EXISTS output_tokens Int64 CODEC(T64, ZSTD) AFTER total_ns -- of the last attempt, as recorded before the end: for its speed; usage holds the books
