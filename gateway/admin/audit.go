package admin

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/gateway/auth"
	"github.com/llm-hub/llm-hub/gateway/control"
	"github.com/llm-hub/llm-hub/gateway/web"
)

// AuditEntry is one change of the configuration, and the fields that it changed.
type AuditEntry struct {
	control.Entry
	Diff []control.FieldChange `json:"diff"`
}

// AuditPage is a part of the audit, the newest first.
type AuditPage struct {
	Items []AuditEntry `json:"items"`
	Next  string       `json:"next,omitempty"` // value of before for the next page; empty: this is the last
}

// AuditMessage is one message of the control stream, to the byte: what an export has.
type AuditMessage struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Prev string    `json:"prev"` // hash of the message before it
	Data string    `json:"data"`
}

// Command is the message.
func (m AuditMessage) Command() events.Command {
	return events.Command{Seq: m.Seq, Time: m.Time, Prev: m.Prev, Data: []byte(m.Data)}
}

func (a *API) auditRoutes() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: "/api/v1/audit", Permission: web.Review, Handler: a.audit},
		{Method: http.MethodGet, Path: "/api/v1/audit/counts", Permission: web.Review, Handler: a.auditCounts},
		{Method: http.MethodGet, Path: "/api/v1/audit/export", Permission: web.Administer, Handler: a.auditExport},
		{Method: http.MethodGet, Path: "/api/v1/audit/verify", Permission: web.Operate, Handler: a.auditVerify},
		{Method: http.MethodGet, Path: "/api/v1/audit/key", Permission: web.Inspect, Handler: a.auditKey},
	}
}

func (a *API) audit(c echo.Context) error {
	p := newParams(c)
	f := control.AuditFilter{
		Sort: events.Sort(p.text("sort")), Tenant: events.TenantID(p.text("tenant")), ID: p.text("id"), Actor: p.text("actor"), Cause: p.text("cause"),
		From: p.moment("from", time.UTC), To: p.moment("to", time.UTC), Limit: p.count("limit", defaultPage, maxPage),
	}
	f.Before = p.position("before")
	if err := p.done(); err != nil {
		return err
	}
	return a.entries(c, f)
}

// position is where a page of the audit starts before.
func (p *params) position(name string) (at control.Position) {
	text := p.text(name)
	if text == "" {
		return at
	}
	seq, index, _ := strings.Cut(text, ".")
	var errSeq, errIndex error
	at.Seq, errSeq = strconv.ParseUint(seq, 10, 64)
	at.Index, errIndex = strconv.Atoi(index)
	if errSeq != nil || errIndex != nil {
		p.wrong(name, "%q is not the next of a page", text)
	}
	return at
}

// entries answers a page of the audit.
func (a *API) entries(c echo.Context, f control.AuditFilter) error {
	if a.cfg.Control == nil {
		return absent("The audit")
	}
	if who := auth.From(c.Request().Context()); who.Tenant != "" {
		f.Tenant = who.Tenant
	}
	entries, next, err := a.cfg.Control.Audit(c.Request().Context(), f)
	if err != nil {
		return err
	}
	page := AuditPage{Items: []AuditEntry{}}
	for _, e := range entries {
		page.Items = append(page.Items, AuditEntry{Entry: e, Diff: e.Diff()})
	}
	if next.Seq > 0 {
		page.Next = fmt.Sprintf("%d.%d", next.Seq, next.Index)
	}
	return c.JSON(http.StatusOK, page)
}

// auditDimensions are what changes are counted by.
func auditDimensions() []Dimension {
	return []Dimension{ByTenant, "sort", "object", "verb", "actor", "cause", "origin"}
}

// auditCounts counts changes, in the tables. The list of them is read from the stream
// itself, which is the source of truth, opens what is sealed and needs no tables.
func (a *API) auditCounts(c echo.Context) error {
	p := newParams(c)
	q := Question{About: AboutChanges, TrafficFilter: readFilter(p, time.Now(), auditDimensions())}
	if by := p.text("group_by"); by != "" {
		q.GroupBy = readGroups(p, strings.Split(by, ","), auditDimensions())
	}
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Ask == nil {
		return absent("Analytics")
	}
	q.Scope = scopeOf(c)
	answer, err := a.cfg.Ask(c.Request().Context(), q)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer)
}

// auditExport writes every message of the control stream, a line each.
func (a *API) auditExport(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	if a.cfg.Control == nil {
		return absent("The audit")
	}
	w := newLineWriter(c)
	w.watch = a.watch(c)
	for from := uint64(1); ; {
		page, err := a.cfg.Control.Commands(c.Request().Context(), from)
		if err != nil || len(page) == 0 {
			return w.end(err)
		}
		for _, m := range page {
			line, err := json.Marshal(AuditMessage{Seq: m.Seq, Time: m.Time, Prev: m.Prev, Data: string(m.Data)})
			if err == nil {
				err = w.line(line)
			}
			if err != nil {
				return w.end(err)
			}
			from = m.Seq + 1
		}
	}
}

func (a *API) auditVerify(c echo.Context) error {
	p := newParams(c)
	var trust control.Trust
	if text := p.text("known"); text != "" {
		k, err := control.ParseKnown(text)
		if err != nil {
			p.wrong("known", "%q is %s", text, err)
		}
		trust.Known = append(trust.Known, k)
	}
	if text := p.text("key"); text != "" {
		k, err := control.ParseKey(text)
		if err != nil {
			p.wrong("key", "%q is %s", text, err)
		}
		trust.Keys = append(trust.Keys, k)
	}
	if err := p.done(); err != nil {
		return err
	}
	if a.cfg.Control == nil {
		return absent("The audit")
	}
	report, err := a.cfg.Control.VerifyAudit(c.Request().Context(), trust)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, report)
}

// AuditKey is the key that checkpoints of the audit are signed by.
type AuditKey struct {
	Algorithm string `json:"algorithm"` // ed25519
	Key       string `json:"key"`       // the public key in base64
}

func (a *API) auditKey(c echo.Context) error {
	if err := newParams(c).done(); err != nil {
		return err
	}
	if a.cfg.Signer == nil {
		return absent("The key of the audit")
	}
	key, err := a.cfg.Signer.PublicKey(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, AuditKey{Algorithm: "ed25519", Key: base64.StdEncoding.EncodeToString(key)})
}
