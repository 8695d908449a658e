package alerts

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

const (
	// minSecret is the least size of a secret, in bytes.
	minSecret = 32
	// secretPrefix marks a secret that is written in base64.
	secretPrefix = "whsec_"
	// postTimeout bounds one try.
	postTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, in bytes: nobody looks at it, but a
	// connection can be used again only if it was read to its end.
	maxAnswer = 64 << 10
)

// Webhook is who is told. The zero Webhook is none; make it with [NewWebhook].
type Webhook struct {
	url   string
	key   []byte // signs
	slack bool   // takes a text only
	name  string // tells it from others, and nothing of its address but the host
	hash  string // of the address
}

// NewWebhook makes a webhook of an http or https address and a secret of at least
// 32 bytes. The error never holds either.
func NewWebhook(address, secret string) (Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return Webhook{}, errors.New("webhook: url: is not a whole http or https address")
	}
	key := []byte(secret)
	if rest, ok := strings.CutPrefix(secret, secretPrefix); ok {
		if key, err = base64.StdEncoding.DecodeString(rest); err != nil {
			return Webhook{}, fmt.Errorf("webhook: secret: is not base64 after %s", secretPrefix)
		}
	}
	if len(key) < minSecret {
		return Webhook{}, fmt.Errorf("webhook: secret: has %d bytes, must have at least %d", len(key), minSecret)
	}
	sum := sha256.Sum256([]byte(address))
	hash := hex.EncodeToString(sum[:16])
	host := strings.ToLower(u.Hostname())
	return Webhook{
		url: address, key: key, hash: hash, name: host + "#" + hash[:8],
		slack: host == "hooks.slack.com" || host == "hooks.slack-gov.com",
	}, nil
}

// Name tells the webhook from others; it holds the address' host and nothing else of it.
func (w Webhook) Name() string { return w.name }

// positionKey is where the webhook's position is kept.
func (w Webhook) positionKey() string { return "alerts." + w.hash }

// same tells whether both post to the same address with the same secret.
func (w Webhook) same(o Webhook) bool { return w.hash == o.hash && hmac.Equal(w.key, o.key) }

// posted is the body that machines read.
type posted struct {
	Text  string      `json:"text"`
	Alert postedAlert `json:"alert"`
}

type postedAlert struct {
	ID events.ID `json:"id"`
	At time.Time `json:"at"`
	events.AlertRaised
}

// body is what is posted of an alert.
func (w Webhook) body(e events.Event) ([]byte, error) {
	raised, err := events.As[events.AlertRaised](e)
	if err != nil {
		return nil, err
	}
	if w.slack {
		escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;") // of Slack's markup
		return plainJSON(struct {
			Text string `json:"text"`
		}{escape.Replace(raised.Text)})
	}
	return plainJSON(posted{raised.Text, postedAlert{e.ID, e.At, raised}})
}

// plainJSON leaves signs of HTML as they are.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

// request is one try to post e.
func (w Webhook) request(ctx context.Context, e events.Event, now time.Time) (*http.Request, error) {
	body, err := w.body(e)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return nil, quiet(err)
	}
	id, stamp := headerID(e.ID), strconv.FormatInt(now.Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "llm-hub")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", stamp)
	r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(w.sign(id, stamp, body)))
	return r, nil
}

func (w Webhook) sign(id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, w.key)
	mac.Write([]byte(id + "." + stamp + ".")) // never fails
	mac.Write(body)
	return mac.Sum(nil)
}

// headerID is the id as a header can hold it: as it is, or its hash.
func headerID(id events.ID) string {
	const maxHeader = 512
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' || len(id) > maxHeader {
			sum := sha256.Sum256([]byte(id))
			return "sha256:" + hex.EncodeToString(sum[:])
		}
	}
	return string(id)
}

// verdict is what becomes of an alert after a try.
type verdict int

const (
	taken   verdict = iota // the receiver has it
	refused                // the receiver will not have it as it is
	failed                 // try again
)

// post tries once. The error tells why it was not taken.
func (w Webhook) post(ctx context.Context, client *http.Client, e events.Event) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	r, err := w.request(ctx, e, time.Now())
	if err != nil {
		return refused, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return failed, quiet(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // the status has been given
	return judge(answer.StatusCode)
}

// judge gives the verdict of a status. A redirect is not followed: the receiver
// may be wherever its operator says, not where another says.
func judge(status int) (verdict, error) {
	switch {
	case status >= 200 && status < 300:
		return taken, nil
	case status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooEarly ||
		status == http.StatusTooManyRequests:
	case status >= 400 && status < 500:
		return refused, fmt.Errorf("status %d", status)
	}
	return failed, fmt.Errorf("status %d", status)
}

// quiet takes the address out of an error of net/http: it may be a secret itself.
func quiet(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
