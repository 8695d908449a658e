-- Parts of usage_15m that are merged have their projections made anew: rows with one key are summed, and so are those of the projection.
ALTER TABLE usage_15m MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild'
