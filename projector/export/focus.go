package export

import (
	"time"

	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/query"
)

// FocusQuestion is what a FOCUS export asks: what vendors billed by day of UTC,
// tenant, team, user, key and target.
func FocusQuestion(f query.Filter) query.Question {
	f.Zone = ""
	return query.Question{Filter: f, GroupBy: []query.Dimension{
		query.Day, query.Tenant, query.Team, query.User, query.Key, query.Model, query.Provider, query.Credential, query.UpstreamModel,
	}}
}

// Focus writes the answer to [FocusQuestion] in the shape of the FinOps Open Cost
// and Usage Specification 1.2, all of whose mandatory columns it has: one charge for
// each day, tenant, team, user, key and target. Its costs add up to the answer's. What has no
// price costs 0 there, and x_UnpricedRecords says how many records that is.
func Focus(a query.Answer, begin func([]Column) (Writer, error)) error {
	columns := focusColumns()
	names := make([]Column, len(columns))
	for i, c := range columns {
		names[i] = c.Column
	}
	w, err := begin(names)
	if err != nil {
		return err
	}
	for _, r := range a.Rows {
		if r.Usage == (events.Usage{}) && r.CostNanoUSD != nil && *r.CostNanoUSD == 0 {
			continue // admissions and failed attempts: nothing to charge
		}
		line := make([]any, len(columns))
		for i, c := range columns {
			line[i] = c.value(charge{r})
		}
		if err := w.Row(line); err != nil {
			return err
		}
	}
	return w.Close()
}

// focusColumn is a column and what a charge has in it.
type focusColumn struct {
	Column
	value func(charge) any
}

func focusColumns() []focusColumn {
	text := func(name string, value func(charge) string) focusColumn {
		return focusColumn{Column{Name: name}, func(c charge) any { return value(c) }}
	}
	fixed := func(name, value string) focusColumn { return text(name, func(charge) string { return value }) }
	label := func(name string, d query.Dimension) focusColumn {
		return text(name, func(c charge) string { return c.Labels[d] })
	}
	cost := func(name string) focusColumn {
		return focusColumn{Column{Name: name, Kind: Money}, func(c charge) any { return Dollars(c.nano()) }}
	}
	number := func(name string, value func(charge) int64) focusColumn {
		return focusColumn{Column{Name: name, Kind: Integer}, func(c charge) any { return value(c) }}
	}
	moment := func(name string, value func(charge) time.Time) focusColumn {
		return focusColumn{Column{Name: name, Kind: Moment}, func(c charge) any { return value(c) }}
	}
	quantity := func(c charge) int64 { n, _ := c.quantity(); return n }
	unit := func(c charge) string { _, u := c.quantity(); return u }
	return []focusColumn{
		cost("BilledCost"), cost("EffectiveCost"), cost("ListCost"), cost("ContractedCost"), fixed("BillingCurrency", "USD"),
		text("BillingAccountId", charge.account), text("BillingAccountName", charge.account),
		label("SubAccountId", query.Tenant), label("SubAccountName", query.Tenant),
		fixed("ChargeCategory", "Usage"),
		{Column{Name: "ChargeClass", Optional: true}, func(charge) any { return nil }}, // no row corrects a bill: corrections are in the day they are of
		fixed("ChargeFrequency", "Usage-Based"), text("ChargeDescription", charge.description),
		number("ConsumedQuantity", quantity), text("ConsumedUnit", unit),
		number("PricingQuantity", quantity), text("PricingUnit", unit), fixed("PricingCategory", "Standard"),
		label("ProviderName", query.Provider), label("PublisherName", query.Provider), label("InvoiceIssuerName", query.Provider),
		fixed("ServiceCategory", "AI and Machine Learning"), fixed("ServiceSubcategory", "Generative AI"), fixed("ServiceName", "Generative AI"),
		text("SkuId", charge.sku), label("ResourceId", query.UpstreamModel), label("ResourceName", query.UpstreamModel),
		moment("BillingPeriodStart", charge.month), moment("BillingPeriodEnd", func(c charge) time.Time { return c.month().AddDate(0, 1, 0) }),
		moment("ChargePeriodStart", charge.day), moment("ChargePeriodEnd", func(c charge) time.Time { return c.day().AddDate(0, 0, 1) }),
		label("x_LogicalModel", query.Model), label("x_Team", query.Team), label("x_User", query.User), label("x_Key", query.Key),
		number("x_InputTokens", func(c charge) int64 { return c.Usage.InputTotal() }),
		number("x_OutputTokens", func(c charge) int64 { return c.Usage.OutputTotal() }),
		number("x_Attempts", func(c charge) int64 { return c.Attempts }),
		number("x_UnpricedRecords", func(c charge) int64 { return c.Unpriced }),
		number("x_CostNanoUSD", charge.nano),
	}
}

// charge is a row of the answer as FOCUS sees it.
type charge struct{ query.Row }

// nano is the cost; 0 where nothing has a price.
func (c charge) nano() int64 {
	if c.CostNanoUSD == nil {
		return 0
	}
	return *c.CostNanoUSD
}

// quantity is what was used and its unit: tokens, or where there are none the first class
// of what is billed otherwise.
func (c charge) quantity() (int64, string) {
	units := map[string]string{
		"images": "Images", "web_searches": "Searches", "file_searches": "Searches", "tool_calls": "Calls", "search_units": "Search Units",
		"audio_ms": "Milliseconds", "characters": "Characters",
	}
	if c.Usage.Total() == 0 {
		for i, n := range c.Usage.Amounts() {
			if unit := units[events.Classes()[i].Name]; unit != "" && n != 0 {
				return n, unit
			}
		}
	}
	return c.Usage.Total(), "Tokens"
}

func (c charge) account() string { return c.Labels[query.Provider] + "/" + c.Labels[query.Credential] }

func (c charge) sku() string { return c.Labels[query.Provider] + "/" + c.Labels[query.UpstreamModel] }

func (c charge) description() string {
	return c.Labels[query.UpstreamModel] + " by " + c.Labels[query.Provider]
}

func (c charge) day() time.Time { return c.Start.UTC() }

func (c charge) month() time.Time {
	return time.Date(c.day().Year(), c.day().Month(), 1, 0, 0, 0, 0, time.UTC)
}
