package vault

import (
	"context"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// Vault implements [control.Vault] and [control.Shredder]. All its methods may be
// called at once.
type Vault struct {
	master Master
	ring   events.Bucket

	mu   sync.Mutex
	keys map[string]cipher.AEAD // by keyring key
	// signer is kept for good: it is never replaced, only wrapped anew.
	signer ed25519.PrivateKey
	// sealing are the data keys to seal with. Whoever removes a tenant calls Destroy
	// on every node before that node seals for a tenant of the same name.
	sealing map[events.TenantID]string
}

// New makes a vault over a keyring.
func New(master Master, ring events.Bucket) *Vault {
	return &Vault{master: master, ring: ring, keys: map[string]cipher.AEAD{}, sealing: map[events.TenantID]string{}}
}

// ringPrefix starts the keys of the keyring: `k.<tenant>.<id>`.
const ringPrefix = "k."

func ringKey(t events.TenantID, id string) string { return ringPrefix + string(t) + "." + id }

// wrapped is the value of a data key.
type wrapped struct {
	Master string `json:"master"` // id of the key it is wrapped by
	Key    []byte `json:"key"`
}

// version starts what is sealed: `v1.<data key>.<nonce and ciphertext>`.
const version = "v1"

// Seal implements [control.Vault].
func (v *Vault) Seal(ctx context.Context, at control.Place, s control.Secret) (string, error) {
	id, gcm, err := v.dataKey(ctx, at.Tenant)
	if err != nil {
		return "", err
	}
	text := gcm.Seal(nil, nil, []byte(s.Reveal()), place(at, id))
	return strings.Join([]string{version, id, base64.RawURLEncoding.EncodeToString(text)}, "."), nil
}

// errSealed says no more: what was sealed elsewhere and what was changed look alike.
var errSealed = errors.New("what is sealed here was changed, or was sealed for another place")

// Open implements [control.Vault].
func (v *Vault) Open(ctx context.Context, at control.Place, text string) (control.Secret, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != version {
		return control.Secret{}, errSealed
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || base64.RawURLEncoding.EncodeToString(data) != parts[2] { // line ends and loose bits decode as well
		return control.Secret{}, errSealed
	}
	gcm, err := v.open(ctx, ringKey(at.Tenant, parts[1]))
	if err != nil {
		return control.Secret{}, err
	}
	plain, err := gcm.Open(nil, nil, data, place(at, parts[1]))
	if err != nil {
		return control.Secret{}, errSealed
	}
	return control.NewSecret(string(plain)), nil
}

// place is what a sealed value is bound to. Quotes keep the parts apart.
func place(at control.Place, id string) []byte {
	return fmt.Appendf(nil, "%s %q %q %q %q %q", version, id, at.Tenant, at.Object, at.Host, at.Field)
}

// dataKey is a data key of the tenant to seal with, made if there is none.
func (v *Vault) dataKey(ctx context.Context, t events.TenantID) (string, cipher.AEAD, error) {
	v.mu.Lock()
	id := v.sealing[t]
	v.mu.Unlock()
	if id == "" {
		ids, err := v.DataKeys(ctx, t)
		if err != nil {
			return "", nil, err
		}
		if len(ids) == 0 {
			ids = make([]string, 1)
			if ids[0], err = v.makeKey(ctx, t); err != nil {
				return "", nil, err
			}
		}
		id = ids[0]
	}
	gcm, err := v.open(ctx, ringKey(t, id))
	if err == nil {
		v.mu.Lock()
		v.sealing[t] = id
		v.mu.Unlock()
	}
	return id, gcm, err
}

// makeKey adds a data key to the keyring.
func (v *Vault) makeKey(ctx context.Context, t events.TenantID) (id string, err error) {
	random := make([]byte, keySize+8)
	_, _ = rand.Read(random) // never fails
	id = hex.EncodeToString(random[keySize:])
	put, err := v.wrap(ctx, ringKey(t, id), random[:keySize], 0)
	if err != nil {
		return "", err
	}
	if _, err := v.ring.Commit(ctx, []events.Put{put}); err != nil {
		return "", fmt.Errorf("keyring: %w", err)
	}
	return id, nil
}

func (v *Vault) wrap(ctx context.Context, name string, key []byte, rev uint64) (events.Put, error) {
	id, text, err := v.master.Wrap(ctx, name, key)
	if err != nil {
		return events.Put{}, err
	}
	value, err := json.Marshal(wrapped{Master: id, Key: text})
	return events.Put{Key: name, Value: value, Rev: rev}, err
}

// open finds a data key by its name in the keyring.
func (v *Vault) open(ctx context.Context, name string) (cipher.AEAD, error) {
	v.mu.Lock()
	gcm := v.keys[name]
	v.mu.Unlock()
	if gcm != nil {
		return gcm, nil
	}
	e, err := v.ring.Get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if e.Value == nil {
		return nil, fmt.Errorf("data key %s does not exist: it was destroyed, or this is sealed by another hub", name)
	}
	key, err := v.unwrap(ctx, e)
	if err != nil {
		return nil, err
	}
	if gcm, err = newGCM(key); err != nil {
		return nil, err
	}
	v.remember(name, gcm)
	return gcm, nil
}

func (v *Vault) unwrap(ctx context.Context, e events.Entry) ([]byte, error) {
	var w wrapped
	if err := json.Unmarshal(e.Value, &w); err != nil {
		return nil, fmt.Errorf("data key %s: %w", e.Key, err)
	}
	return v.master.Unwrap(ctx, w.Master, e.Key, w.Key)
}

func (v *Vault) remember(name string, gcm cipher.AEAD) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[name] = gcm
}

// DataKeys implements [control.Shredder].
func (v *Vault) DataKeys(ctx context.Context, t events.TenantID) ([]string, error) {
	list, err := v.ring.List(ctx, ringKey(t, ""))
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = strings.TrimPrefix(e.Key, ringKey(t, ""))
	}
	return ids, nil
}

// Destroy implements [control.Shredder].
func (v *Vault) Destroy(ctx context.Context, t events.TenantID, ids []string) error {
	for _, id := range ids {
		name := ringKey(t, id)
		v.mu.Lock()
		delete(v.keys, name)
		if v.sealing[t] == id {
			delete(v.sealing, t)
		}
		v.mu.Unlock()
		e, err := v.ring.Get(ctx, name)
		if err != nil {
			return fmt.Errorf("keyring: %w", err)
		}
		if e.Value == nil {
			continue
		}
		if _, err := v.ring.Commit(ctx, []events.Put{{Key: name, Rev: e.Rev}}); err != nil {
			return fmt.Errorf("keyring: %w", err)
		}
	}
	return nil
}

// Rotate wraps every data key, and what signs the audit, by the master key that is
// first now; it returns how many data keys it wrapped anew. Values on the log stay as
// they are. It may be repeated.
func (v *Vault) Rotate(ctx context.Context) (int, error) {
	list, err := v.ring.List(ctx, "")
	if err != nil {
		return 0, fmt.Errorf("keyring: %w", err)
	}
	dataKeys := 0
	var puts []events.Put
	for _, e := range list {
		key, err := v.unwrap(ctx, e)
		if err != nil {
			return 0, err
		}
		put, err := v.wrap(ctx, e.Key, key, e.Rev)
		if err != nil {
			return 0, err
		}
		if puts = append(puts, put); strings.HasPrefix(e.Key, ringPrefix) {
			dataKeys++
		}
	}
	for done := 0; done < len(puts); done += events.MaxCommit {
		if _, err := v.ring.Commit(ctx, puts[done:min(done+events.MaxCommit, len(puts))]); err != nil {
			return 0, fmt.Errorf("keyring: %w; rotate again", err)
		}
	}
	return dataKeys, nil
}
