package bedrock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/llm-hub/llm-hub/gateway/provider"
)

// service is whom a signature is for.
const service = "bedrock"

// Account says how a region is found and asked.
func Account() provider.Account {
	regions := []string{"AWS_REGION", "AWS_DEFAULT_REGION"}
	return provider.Account{
		Places:   []string{provider.Region},
		Proofs:   [][]string{{provider.APIKey}, {provider.AccessKey, provider.SecretKey}},
		Optional: map[string]string{provider.SecretKey: provider.SessionToken},
		Environment: []provider.Environment{
			{Needs: map[string][]string{provider.APIKey: {"AWS_BEARER_TOKEN_BEDROCK"}, provider.Region: regions}},
			{
				Needs: map[string][]string{
					provider.AccessKey: {"AWS_ACCESS_KEY_ID"}, provider.SecretKey: {"AWS_SECRET_ACCESS_KEY"}, provider.Region: regions,
				},
				May: map[string][]string{provider.SessionToken: {"AWS_SESSION_TOKEN"}},
			},
		},
		Address: address, Authorizer: authorizer,
	}
}

func address(place provider.Settings) (string, error) {
	region := place[provider.Region]
	if region == "" {
		return "", &provider.SettingError{Key: provider.Region, Text: "is missing: the region that is called, e.g. us-east-1"}
	}
	if base := place[provider.BaseURL]; base != "" {
		return base, nil
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	return "https://bedrock-runtime." + region + "." + domain, nil
}

func authorizer(place, proof provider.Settings) (provider.Authorizer, error) {
	if key := proof[provider.APIKey]; key != "" {
		return provider.Bearer(key), nil
	}
	return &signer{
		region: place[provider.Region], now: time.Now, v4: v4.NewSigner(),
		credentials: aws.Credentials{
			AccessKeyID: proof[provider.AccessKey], SecretAccessKey: proof[provider.SecretKey], SessionToken: proof[provider.SessionToken],
		},
	}, nil
}

// signer signs requests. It keeps the keys it derives for a day.
type signer struct {
	region      string
	credentials aws.Credentials
	now         func() time.Time
	v4          *v4.Signer
}

// String hides the keys from whoever prints it.
func (*signer) String() string { return "[secret]" }

// Authorize implements [provider.Authorizer].
func (s *signer) Authorize(_ http.RoundTripper, r *http.Request, body []byte) error {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if err := s.v4.SignHTTP(r.Context(), s.credentials, r, hash, service, s.region, s.now()); err != nil {
		return fmt.Errorf("%w: sign: %w", &provider.Failure{Class: provider.BadCredential}, err)
	}
	return nil
}
