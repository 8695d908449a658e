// Package azure is OpenAI's models in Azure: OpenAI's wire format (package openai)
// behind the address of a resource.
//
// The v1 API is OpenAI's with another address; the model of a request is the name
// of a deployment. The older, dated API names the deployment in the path and its
// version in the query. Which one is asked is told by api_version.
//
// Who asks proves it by a key in the header api-key, by a token of Entra, or by an
// application of Entra that tokens are fetched for.
//
// What Azure adds passes through to OpenAI's clients: results of its content
// filter, and a first chunk without choices that has those of the prompt. Nothing
// of it is lost or taken for text elsewhere. A prompt that the filter refuses is a
// content policy failure.
package azure

import (
	"net/url"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/gateway/provider"
	"github.com/llm-hub/llm-hub/gateway/provider/oauth"
	"github.com/llm-hub/llm-hub/gateway/provider/openai"
)

const (
	entra = "https://login.microsoftonline.com/"
	// scope is of all of Azure's AI services.
	scope = "https://cognitiveservices.azure.com/.default"

	keyHeader = "Api-Key"
)

// Account says how resources are found and asked.
func Account() provider.Account {
	return provider.Account{
		Places: []string{provider.APIVersion},
		Proofs: [][]string{
			{provider.APIKey}, {provider.AccessToken}, {provider.EntraTenant, provider.ClientID, provider.ClientSecret},
		},
		Environment: []provider.Environment{{
			Needs: map[string][]string{provider.APIKey: {"AZURE_OPENAI_API_KEY"}, provider.BaseURL: {"AZURE_OPENAI_ENDPOINT"}},
			May:   map[string][]string{provider.APIVersion: {"AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"}},
			Model: []string{"AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_DEPLOYMENT_NAME"},
		}},
		Address: address, Authorizer: authorizer,
	}
}

// address is that of the API in a resource. One that names the API itself, as for
// a gateway in front of it, stays as it is.
func address(place provider.Settings) (string, error) {
	base := strings.TrimRight(place[provider.BaseURL], "/")
	if base == "" {
		return "", &provider.SettingError{Key: provider.BaseURL, Text: "is missing: the address of the resource, e.g. https://name.openai.azure.com"}
	}
	resource := strings.TrimSuffix(strings.TrimSuffix(base, "/v1"), "/openai")
	version := place[provider.APIVersion]
	if version == "" || version == "v1" {
		if strings.HasSuffix(base, "/v1") {
			return base, nil
		}
		return resource + "/openai/v1", nil
	}
	return resource + "/openai/deployments/" + openai.ModelInAddress + "?api-version=" + url.QueryEscape(version), nil
}

func authorizer(_, proof provider.Settings) (provider.Authorizer, error) {
	switch {
	case proof[provider.APIKey] != "":
		return provider.NewHeaderKey(keyHeader, proof[provider.APIKey]), nil
	case proof[provider.AccessToken] != "":
		return provider.Bearer(proof[provider.AccessToken]), nil
	}
	endpoint := entra + url.PathEscape(proof[provider.EntraTenant]) + "/oauth2/v2.0/token"
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope},
		"client_id": {proof[provider.ClientID]}, "client_secret": {proof[provider.ClientSecret]},
	}
	return oauth.New(endpoint, func(time.Time) (url.Values, error) { return form, nil }), nil
}
