package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/export"
	"github.com/llm-hub/llm-hub/projector/query"
)

// answer has a name that a spreadsheet would run, one that needs quotes, and a
// cost that is not known.
func answer() query.Answer {
	berlin := time.FixedZone("CET", 3600)
	cost, total := int64(1234567890123), int64(1234567890123)
	return query.Answer{
		Rows: []query.Row{
			{
				Start: time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), Labels: map[query.Dimension]string{query.Model: `=HYPERLINK("x")`},
				Amounts: query.Amounts{Requests: 1, Attempts: 2, Failures: 1, Usage: events.Usage{Input: 3, CacheRead: 4, CacheWrite: 5, CacheWrite1h: 6, Output: 7, Reasoning: 8}, CostNanoUSD: &cost},
			},
			{
				Start: time.Date(2026, 10, 26, 0, 0, 0, 0, berlin), Labels: map[query.Dimension]string{query.Model: `a "b", c`},
				Amounts: query.Amounts{Attempts: 1, Usage: events.Usage{Input: -3}, Unpriced: 1},
			},
		},
		Totals: query.Amounts{Requests: 1, Attempts: 3, Failures: 1, Usage: events.Usage{Output: 7}, CostNanoUSD: &total, Unpriced: 1},
		AsOf:   query.AsOf{Seq: 9, Behind: 2, Lag: 1500 * time.Millisecond},
	}
}

func TestCSV(t *testing.T) {
	var out bytes.Buffer
	if err := export.CSV(&out, []query.Dimension{query.Day, query.Model}, answer()); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"day,model,requests,attempts,failures,input,cache_read,cache_write,cache_write_1h,output,reasoning,cost_nano_usd,unpriced",
		`2026-10-25T00:00:00+01:00,"'=HYPERLINK(""x"")",1,2,1,3,4,5,6,7,8,1234567890123,0`,
		`2026-10-26T00:00:00+01:00,"a ""b"", c",0,1,0,-3,0,0,0,0,0,,1`,
		"",
	}, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("csv (-want +got):\n%s", diff)
	}
}

func TestCSVTotalsOnly(t *testing.T) {
	var out bytes.Buffer
	if err := export.CSV(&out, nil, answer()); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(lines) != 2 || lines[1][0] != "1" || lines[1][7] != "7" {
		t.Errorf("lines %v, %v", lines, err)
	}
}

// TestCSVFormulas: no name may begin as a formula does.
func TestCSVFormulas(t *testing.T) {
	for _, name := range []string{"=1", "+1", "-1", "@x", "\t=1", "\r=1"} {
		a := query.Answer{Rows: []query.Row{{Labels: map[query.Dimension]string{query.Key: name}}}}
		var out bytes.Buffer
		if err := export.CSV(&out, []query.Dimension{query.Key}, a); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&out).ReadAll()
		if err != nil || !strings.HasPrefix(lines[1][0], "'") {
			t.Errorf("%q is written as %q, %v", name, lines, err)
		}
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := export.JSON(&out, []query.Dimension{query.Day, query.Model}, answer()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Rows []struct {
			Day, Model string
			Input      int64
			Cost       *int64 `json:"cost_nano_usd"`
		}
		Totals struct{ Attempts int64 }
		AsOf   struct {
			Seq        uint64
			LagSeconds float64 `json:"lag_seconds"`
		} `json:"as_of"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || *got.Rows[0].Cost != 1234567890123 || got.Rows[1].Cost != nil || got.Rows[1].Input != -3 ||
		got.Rows[0].Day != "2026-10-25T00:00:00+01:00" || got.Totals.Attempts != 3 || got.AsOf.Seq != 9 || got.AsOf.LagSeconds != 1.5 {
		t.Errorf("json %s", out.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrors(t *testing.T) {
	if err := export.CSV(full{}, nil, answer()); err == nil {
		t.Error("csv: no error")
	}
	if err := export.JSON(full{}, nil, answer()); err == nil {
		t.Error("json: no error")
	}
}
