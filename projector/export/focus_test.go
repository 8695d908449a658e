package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/export"
	"github.com/llm-hub/llm-hub/projector/query"
)

// mandatory are the columns that every FOCUS 1.2 data set has, and whether they may be null.
func mandatory() map[string]bool {
	return map[string]bool{
		"BilledCost": false, "BillingAccountId": false, "BillingAccountName": true, "BillingCurrency": false,
		"BillingPeriodEnd": false, "BillingPeriodStart": false, "ChargeCategory": false, "ChargeClass": true,
		"ChargeDescription": true, "ChargePeriodEnd": false, "ChargePeriodStart": false, "ContractedCost": false,
		"EffectiveCost": false, "InvoiceIssuerName": false, "ListCost": false, "PricingQuantity": true, "PricingUnit": true,
		"ProviderName": false, "PublisherName": false, "ServiceCategory": false, "ServiceName": false,
	}
}

func charges() query.Answer {
	row := func(model string, u events.Usage, cost *int64, unpriced int64) query.Row {
		return query.Row{
			Start: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC),
			Labels: map[query.Dimension]string{
				query.Tenant: "acme", query.Key: "ci", query.Model: "smart", query.Provider: "openai", query.Credential: "main", query.UpstreamModel: model,
			},
			Amounts: query.Amounts{Attempts: 1, Usage: u, CostNanoUSD: cost, Unpriced: unpriced},
		}
	}
	nano := func(n int64) *int64 { return &n }
	return query.Answer{Rows: []query.Row{
		row("gpt", events.Usage{Input: 7, Output: 2}, nano(1_000_000_001), 0),
		row("dall-e", events.Usage{Images: 3}, nano(120_000_000), 0),
		row("unknown", events.Usage{Input: 5}, nil, 1),
		row("failed", events.Usage{}, nano(0), 0),
	}}
}

func focus(t *testing.T, f export.Format) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := export.Focus(charges(), func(c []export.Column) (export.Writer, error) { return export.NewWriter(&file, f, c) }); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestFocus: every mandatory column is there, and has a value where it must.
func TestFocus(t *testing.T) {
	type values map[string]any
	var rows []values
	d := json.NewDecoder(bytes.NewReader(focus(t, export.JSONL)))
	d.UseNumber()
	for {
		var row values
		err := d.Decode(&row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
		for name, nullable := range mandatory() {
			if v, there := row[name]; !there || v == "" || v == nil && !nullable {
				t.Errorf("%v: %s is %v", row["ResourceId"], name, v)
			}
		}
	}
	var got []values
	for _, row := range rows {
		got = append(got, values{"sku": row["SkuId"], "cost": row["BilledCost"], "n": row["PricingQuantity"], "unit": row["PricingUnit"], "class": row["ChargeClass"]})
	}
	want := []values{
		{"sku": "openai/gpt", "cost": json.Number("1.000000001"), "n": json.Number("9"), "unit": "Tokens", "class": nil},
		{"sku": "openai/dall-e", "cost": json.Number("0.12"), "n": json.Number("3"), "unit": "Images", "class": nil},
		{"sku": "openai/unknown", "cost": json.Number("0"), "n": json.Number("5"), "unit": "Tokens", "class": nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("charges (-want +got):\n%s", diff)
	}
	if p := rows[0]; p["BillingPeriodStart"] != "2026-11-01T00:00:00Z" || p["BillingPeriodEnd"] != "2026-12-01T00:00:00Z" || p["ChargePeriodEnd"] != "2026-12-01T00:00:00Z" {
		t.Errorf("periods of %v", p)
	}
}

// TestFocusMoney: costs are decimals in every format, exact to the nano-dollar.
func TestFocusMoney(t *testing.T) {
	lines := strings.Split(string(focus(t, export.CSV)), "\n")
	at := slices.Index(strings.Split(lines[0], ","), "BilledCost")
	if got := strings.Split(lines[1], ",")[at]; got != "1.000000001" {
		t.Errorf("CSV: %q", got)
	}
	file := focus(t, export.Parquet)
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	column, found := f.Schema().Lookup("BilledCost")
	if kind := column.Node.Type().String(); !found || kind != "DECIMAL(18,9)" {
		t.Errorf("Parquet: %s", kind)
	}
	rows, err := parquet.Read[struct {
		Cost int64 `parquet:"BilledCost,decimal(9:18)"`
	}](bytes.NewReader(file), int64(len(file)))
	if err != nil || len(rows) != 3 || rows[0].Cost != 1_000_000_001 {
		t.Errorf("Parquet: %v, %v", rows, err)
	}
}
