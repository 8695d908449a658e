package export

import (
	"time"

	"github.com/llm-hub/llm-hub/accounting"
	"github.com/llm-hub/llm-hub/events"
	"github.com/llm-hub/llm-hub/projector/query"
)

// FocusQuestion is what a FOCUS export asks: what vendors billed by day of UTC,
// tenant, user, key and target.
func FocusQuestion(f query.Filter) query.Question {
	f.Zone = ""
	return query.Question{Filter: f, GroupBy: []query.Dimension{
		query.Day, query.Tenant, query.User, query.Key, query.Model, query.Provider, query.Credential, query.UpstreamModel,
	}}
}

// Focus writes the answer to [FocusQuestion] in the shape of the FinOps Open Cost
// and Usage Specification 1.2: one charge for each day, tenant, user, key and
// target. Its costs add up to the answer's. What has no price costs 0 there, and
// x_UnpricedRecords says how many records that is.
func Focus(a query.Answer, begin func([]Column) (Writer, error)) error {
	w, err := begin(focusColumns())
	if err != nil {
		return err
	}
	for _, r := range a.Rows {
		if r.Usage == (events.Usage{}) && r.CostNanoUSD != nil && *r.CostNanoUSD == 0 {
			continue // admissions and failed attempts: nothing to charge
		}
		if err := w.Row(focusValues(r)); err != nil {
			return err
		}
	}
	return w.Close()
}

func focusColumns() []Column {
	var out []Column
	for _, name := range []string{
		"BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency", "BillingAccountId", "BillingAccountName",
		"SubAccountId", "SubAccountName", "ChargeCategory", "ChargeFrequency", "ChargeDescription", "ConsumedUnit", "PricingCategory",
		"ProviderName", "PublisherName", "InvoiceIssuerName", "ServiceCategory", "ServiceName", "SkuId", "ResourceId", "ResourceName",
		"x_LogicalModel", "x_User", "x_Key",
	} {
		out = append(out, Column{Name: name})
	}
	for _, name := range []string{"BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"} {
		out = append(out, Column{Name: name, Kind: Moment})
	}
	for _, name := range []string{"ConsumedQuantity", "x_InputTokens", "x_OutputTokens", "x_Attempts", "x_UnpricedRecords", "x_CostNanoUSD"} {
		out = append(out, Column{Name: name, Kind: Integer})
	}
	return out
}

func focusValues(r query.Row) []any {
	nano := int64(0)
	if r.CostNanoUSD != nil {
		nano = *r.CostNanoUSD
	}
	cost, day := accounting.FormatUSD(nano), r.Start.UTC()
	month := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	tenant, provider, model := r.Labels[query.Tenant], r.Labels[query.Provider], r.Labels[query.UpstreamModel]
	account := provider + "/" + r.Labels[query.Credential]
	return []any{
		cost, cost, cost, cost, "USD", account, account,
		tenant, tenant, "Usage", "Usage-Based", model + " by " + provider, "Tokens", "Standard",
		provider, provider, provider, "AI and Machine Learning", "Generative AI", provider + "/" + model, model, model,
		r.Labels[query.Model], r.Labels[query.User], r.Labels[query.Key],
		month, month.AddDate(0, 1, 0), day, day.AddDate(0, 0, 1),
		r.Usage.Total(), r.Usage.InputTotal(), r.Usage.OutputTotal(), r.Attempts, r.Unpriced, nano,
	}
}
