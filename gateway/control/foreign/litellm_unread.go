package foreign

// unread notes what of an entry is read by nothing.
func (l *litellm) unread(e, p *node, path string) {
	read := deploymentParameters()
	for _, s := range p.pairs {
		why, ok := read[s.key]
		switch {
		case !ok:
			l.notes.add(s.line, path+"."+s.key, "is not carried over: llm-hub adds nothing to what applications ask for")
		case why != "":
			l.notes.add(s.line, path+"."+s.key, "%s", why)
		}
	}
	info := path[:len(path)-len("litellm_params")] + "model_info"
	known := modelInfo()
	for _, s := range e.get("model_info").pairsOf() {
		if !known[s.key] {
			l.notes.add(s.line, info+"."+s.key, "is not carried over: llm-hub has its own facts of models")
		}
	}
	for _, s := range e.pairs {
		if s.key != "model_name" && s.key != "litellm_params" && s.key != "model_info" {
			l.notes.add(s.line, path[:len(path)-len("litellm_params")]+s.key, "is not carried over: llm-hub has nothing of the kind")
		}
	}
}

// modelInfo are the facts that are read.
func modelInfo() map[string]bool {
	return map[string]bool{
		"base_model": true, "input_cost_per_token": true, "output_cost_per_token": true, "cache_read_input_token_cost": true,
		"cache_creation_input_token_cost": true, "input_cost_per_audio_token": true, "output_cost_per_audio_token": true, "output_cost_per_reasoning_token": true,
	}
}

// deploymentParameters are the parameters that are read, and why others are not.
func deploymentParameters() map[string]string {
	const wrongPlace = "is not carried over: it is not of this vendor"
	m := map[string]string{
		"organization":                        "is not carried over: a key of OpenAI's projects says its organization itself",
		"aws_role_name":                       "is not carried over: give an access key, or an api_key of Bedrock",
		"aws_profile_name":                    "is not carried over: give an access key, or an api_key of Bedrock",
		"aws_session_name":                    "is not carried over: give an access key, or an api_key of Bedrock",
		"aws_web_identity_token":              "is not carried over: give an access key, or an api_key of Bedrock",
		"max_retries":                         ownRetries,
		"num_retries":                         ownRetries,
		"cooldown_time":                       ownCooldown,
		"drop_params":                         ownFields,
		"additional_drop_params":              ownFields,
		"extra_headers":                       "is not carried over: llm-hub adds no headers of its own to calls",
		"tags":                                "is not carried over: llm-hub does not choose by tags",
		"input_cost_per_second":               "is not carried over: set audio_ms in settings.prices",
		"output_cost_per_image":               "is not carried over: set images in settings.prices",
		"azure_scope":                         wrongPlace,
		"azure_username":                      "is not carried over: give an application of Entra, or a key",
		"azure_password":                      "is not carried over: give an application of Entra, or a key",
		"use_in_pass_through":                 "is not carried over: llm-hub passes nothing through that it does not understand",
		"mock_response":                       "is not carried over: try llm-hub serve --demo",
		"aws_sts_endpoint":                    "is not carried over: give an access key, or an api_key of Bedrock",
		"configurable_clientside_auth_params": "is not carried over: applications give no keys of vendors",
	}
	for _, key := range []string{
		"model", "custom_llm_provider", "litellm_credential_name", "order", "weight", "rpm", "tpm", "max_parallel_requests", "timeout", "stream_timeout",
		"api_base", "base_url", "api_version", "api_key", "azure_ad_token", "tenant_id", "client_id", "client_secret", "max_budget", "budget_duration",
		"vertex_project", "vertex_ai_project", "vertex_location", "vertex_ai_location", "vertex_credentials", "vertex_ai_credentials",
		"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region_name", "region_name", "aws_bedrock_runtime_endpoint",
		"input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost", "cache_creation_input_token_cost",
		"input_cost_per_audio_token", "output_cost_per_audio_token", "output_cost_per_reasoning_token",
	} {
		m[key] = ""
	}
	return m
}
