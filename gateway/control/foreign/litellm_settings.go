package foreign

// Why settings are not carried over; empty where they are read elsewhere.

const (
	ownAlerts   = "is not carried over: llm-hub tells of alerts by settings.webhooks"
	ownMetrics  = "is not carried over: llm-hub has metrics of its own, and events that any consumer can read"
	ownRetries  = "is not carried over: llm-hub makes up to 3 attempts, each at another target or key"
	ownCooldown = "is not carried over: llm-hub rests a key as its vendor says, else for 5 s, doubling up to 60 s"
	ownStore    = "is not carried over: llm-hub keeps everything in its own log"
	ownKeys     = "is not carried over: llm-hub makes keys by its own API"
	noCache     = "is not carried over: llm-hub caches no answers"
	ownFields   = "is not carried over: what a vendor cannot be told is dropped and named in x-llmhub-dropped"
)

func routerSettings() map[string]string {
	return map[string]string{
		"model_group_alias": "", "fallbacks": "", "default_fallbacks": "", "timeout": "", "stream_timeout": "", "request_timeout": "",
		"routing_strategy": "llm-hub tries targets by their priority, and draws by weight among the keys of an account",
		"num_retries":      ownRetries, "retry_policy": ownRetries, "max_fallbacks": ownRetries, "retry_after": ownRetries,
		"cooldown_time": ownCooldown, "allowed_fails": ownCooldown, "allowed_fails_policy": ownCooldown, "disable_cooldowns": ownCooldown,
		"context_window_fallbacks": "is not carried over: a request that is too long for a model is answered so, at once",
		"content_policy_fallbacks": "is not carried over: a refusal is not asked for again elsewhere",
		"enable_pre_call_checks":   "is not carried over: llm-hub knows how long prompts may be by itself",
		"redis_host":               ownStore, "redis_port": ownStore, "redis_password": ownStore, "redis_url": ownStore, "redis_db": ownStore,
		"provider_budget_config": "is not carried over: give a limit to the provider's credentials",
		"enable_tag_filtering":   "is not carried over: llm-hub does not choose by tags",
	}
}

func litellmSettings() map[string]string {
	s := routerSettings()
	for key, why := range map[string]string{
		"max_budget": "", "budget_duration": "",
		"cache": noCache, "cache_params": noCache,
		"callbacks": ownMetrics, "success_callback": ownMetrics, "failure_callback": ownMetrics, "service_callbacks": ownMetrics,
		"turn_off_message_logging": "is so in llm-hub: no prompt and no answer is ever on its log",
		"drop_params":              ownFields, "modify_params": ownFields,
		"set_verbose": ownMetrics, "json_logs": ownMetrics,
		"default_internal_user_params": ownKeys, "default_key_generate_params": ownKeys, "upperbound_key_generate_params": ownKeys,
		"key_generation_settings": ownKeys, "default_team_settings": ownKeys, "max_internal_user_budget": ownKeys, "internal_user_budget_duration": ownKeys,
	} {
		s[key] = why
	}
	return s
}

func generalSettings() map[string]string {
	return map[string]string{
		"master_key": "", "global_max_parallel_requests": "",
		"database_url": "is not carried over: keys that are in the database are imported with --keys",
		"alerting":     ownAlerts, "alerting_threshold": ownAlerts, "alert_types": ownAlerts, "alert_to_webhook_url": ownAlerts, "alerting_args": ownAlerts,
		"store_model_in_db": ownStore, "database_connection_pool_limit": ownStore, "proxy_batch_write_at": ownStore,
		"store_prompts_in_spend_logs": "is not carried over: no prompt and no answer is ever on llm-hub's log",
		"custom_auth":                 ownKeys, "custom_key_generate": ownKeys,
		"max_parallel_requests": "is not carried over: give limits of concurrency to credentials, keys or tenants",
		"allowed_ips":           "is not carried over: give addresses to keys",
		"use_x_forwarded_for":   "is not carried over: a key's address is that of the connection",
	}
}
