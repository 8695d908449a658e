package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/vault"
)

// Files of the control plane in a data directory.
const (
	masterFile = "master.key"
	anchorFile = "control.json"
	keysFile   = "keys.json"
)

// masterKeyVariable holds the master key itself; a flag would show it to everybody
// on the machine.
const masterKeyVariable = "LLMHUB_MASTER_KEY"

// openPlane makes the control plane of a data directory and folds its log.
func openPlane(ctx context.Context, dir *dataDir, s *stores, with planeConfig) (*control.Plane, *vault.Vault, error) {
	master, err := with.master(dir)
	if err != nil {
		return nil, nil, usageError{err}
	}
	keyring := vault.New(master, s.log.Keyring())
	plane, err := control.NewPlane(control.PlaneConfig{
		Stream: s.log, Vault: keyring, Shredder: keyring, Loader: with.loader, Node: with.node,
		Anchor: control.AnchorFile(dir.file(anchorFile)), Now: time.Now, Logger: with.log,
	})
	if err == nil {
		err = plane.Start(ctx)
	}
	if errors.Is(err, vault.ErrMaster) {
		err = usageError{fmt.Errorf("--master-key-file: %w", err)}
	}
	return plane, keyring, err
}

// planeConfig is what a control plane needs besides the stores.
type planeConfig struct {
	loader *control.Loader
	node   events.NodeID
	keys   keyFlags
	env    func(string) (string, bool)
	log    *slog.Logger
}

func (c planeConfig) master(dir *dataDir) (*vault.Keys, error) {
	if text, set := c.env(masterKeyVariable); set {
		return vault.KeyText(masterKeyVariable, text)
	}
	return vault.KeyFile(cmp.Or(c.keys.MasterKeyFile, dir.file(masterFile)))
}

// want reads the configuration that this start brings with it; nil: none. With
// --demo it brings up the vendors first.
func (a *app) want(ctx context.Context) (err error) {
	if a.loader, err = newLoader(a.world.env); err != nil {
		return err
	}
	switch {
	case a.cfg.Demo:
		return a.wantDemo(ctx)
	case a.cfg.Config != "":
		if a.wanted, err = a.loader.Load(a.cfg.Config); err != nil {
			return usageError{err}
		}
	}
	return nil
}

func (a *app) wantDemo(ctx context.Context) error {
	demo, err := startDemo(ctx)
	if err != nil {
		return err
	}
	a.demo = demo
	a.closers.push("demo vendors", func(context.Context) error { return demo.stop() })
	if a.demoSecret, err = control.KeyFile(a.dir.file(keysFile)).Keep("demo", "demo"); err != nil {
		return err
	}
	a.wanted, err = a.loader.Demo(control.Demo{
		OpenAI: demo.url + "/openai/v1", Anthropic: demo.url + "/anthropic", Gemini: demo.url + "/gemini", Key: a.demoSecret.Reveal(),
	})
	return err
}

// configure folds the configuration that the log has, brings in what this start
// has, and follows the log.
func (a *app) configure(ctx context.Context) error {
	plane, keyring, err := openPlane(ctx, a.dir, a.stores, planeConfig{
		loader: a.loader, node: a.node, keys: a.cfg.keyFlags, env: a.world.env, log: a.log,
	})
	if err != nil {
		return err
	}
	a.plane, a.keyring, a.catalog = plane, keyring, plane.Live()
	if err := a.bring(ctx); err != nil {
		return err
	}
	a.background(ctx, "configuration", plane.Run)
	a.background(ctx, "signing", func(ctx context.Context) { plane.RunSigning(ctx, keyring, a.cfg.SignEvery) })
	a.health.add(check{name: "configuration", required: true, run: func(context.Context) (any, error) {
		return map[string]uint64{"seq": plane.State().Seq}, plane.Err()
	}})
	return nil
}

// bring puts the configuration of this start in force. It takes away what earlier
// starts brought and this one does not; what came by the API stays.
func (a *app) bring(ctx context.Context) error {
	if !a.cfg.has("gateway") { // a projector may not write configuration
		if a.wanted != nil {
			a.log.Info("--config is for gateways: this node follows what they have put in force")
		}
		return nil
	}
	by := control.By{Actor: "node/" + string(a.node)}
	prune := []string{control.OriginDemo, control.OriginEnvironment}
	switch own := a.plane.State().Configured(); {
	case a.cfg.Demo && own:
		return usageError{fmt.Errorf("--demo: %s holds a configuration of its own; give the demo another --data", a.cfg.Data)}
	case a.cfg.Demo:
		by.Cause, by.Origin = "serve --demo", control.OriginDemo
	case a.wanted != nil:
		by.Cause, by.Origin = "serve --config", control.OriginFile
		prune = append(prune, control.OriginFile)
	case own:
		return nil
	default:
		by.Cause, by.Origin = "serve", control.OriginEnvironment
		if err := a.wantEnvironment(ctx); err != nil || a.wanted == nil {
			return err
		}
	}
	id, err := newEpoch()
	if err != nil {
		return err
	}
	by.Request = events.RequestID(id)
	done, err := a.plane.Apply(ctx, by, a.wanted, control.Application{Prune: prune, Keys: control.KeyFile(a.dir.file(keysFile))})
	if err != nil {
		return err
	}
	a.log.Info("configuration", "seq", done.Seq, "changes", len(done.Changes))
	for _, k := range done.Keys {
		a.notices = append(a.notices, control.Notice{Text: fmt.Sprintf("generated key %s of tenant %s, shown only now", k.Name, k.Tenant), Key: k.Secret})
	}
	return nil
}

// wantEnvironment looks for vendors. A hub without any starts as well, with nothing
// wanted: they may come by the API.
func (a *app) wantEnvironment(ctx context.Context) (err error) {
	a.wanted, a.notices, err = a.loader.FromEnvironment(func(baseURL string) ([]string, error) { return probeModels(ctx, baseURL) })
	if errors.Is(err, control.ErrNoVendor) {
		a.notices = []control.Notice{{Text: strings.ToUpper(err.Error()[:1]) + err.Error()[1:]}}
		return nil
	}
	if err != nil {
		return usageError{err}
	}
	return nil
}
