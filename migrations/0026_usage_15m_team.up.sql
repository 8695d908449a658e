-- A part of the sorting key, so that rows of different teams are not added up.
ALTER TABLE usage_15m ADD COLUMN IF NOT EXISTS team LowCardinality(String), MODIFY ORDER BY (tenant, bucket, model, key, user, provider, credential, upstream_model, tags, team)
