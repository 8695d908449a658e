package admin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/llm-hub/llm-hub/gateway/admin"
	"github.com/llm-hub/llm-hub/gateway/control"
)

// TestAuditPages: the audit comes in pages, filtered, with the fields that changed.
func TestAuditPages(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme", "keys": [{"name": "a"}, {"name": "b"}]}`)
	c.send(200, "PATCH", "keys/acme/a", `{"state": "paused", "tags": ["x"]}`)
	var fields []string
	items := 0
	for target := "audit?limit=2"; target != ""; {
		page := decode[admin.AuditPage](t, c.send(200, "GET", target, ""))
		items += len(page.Items)
		for _, e := range page.Items {
			if e.Before != nil && e.After != nil {
				for _, d := range e.Diff {
					fields = append(fields, d.Field)
				}
			}
		}
		if target = ""; page.Next != "" {
			target = "audit?limit=2&before=" + page.Next
		}
	}
	if items != 4 || strings.Join(fields, " ") != "state tags" {
		t.Errorf("%d entries, changed %v", items, fields)
	}
	if page := decode[admin.AuditPage](t, c.send(200, "GET", "audit?sort=key&id=a&cause=key.patch", "")); len(page.Items) != 1 {
		t.Errorf("filtered: %+v", page.Items)
	}
	for _, wrong := range []string{"before=x", "before=1", "limit=0", "from=yesterday", "color=red"} {
		c.send(400, "GET", "audit?"+wrong, "")
	}
}

// TestAuditExport: what is exported is what verifies.
func TestAuditExport(t *testing.T) {
	c := configure(t)
	c.send(201, "POST", "tenants", `{"name": "acme"}`)
	lines := strings.Split(strings.TrimSpace(c.send(200, "GET", "audit/export", "").Body.String()), "\n")
	report := decode[control.AuditReport](t, c.send(200, "GET", "audit/verify", ""))
	var last admin.AuditMessage
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 2 || last.Command().Hash() != report.Hash || !report.OK {
		t.Errorf("%d lines, the last %+v, %v; verified %+v", len(lines), last, err, report)
	}
	if r := decode[control.AuditReport](t, c.send(200, "GET", "audit/verify?known=2:00", "")); r.OK {
		t.Error("what is known is not compared")
	}
	c.send(400, "GET", "audit/verify?known=2", "")
}
