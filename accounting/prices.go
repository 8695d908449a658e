package accounting

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // for the shipped book
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/llm-hub/llm-hub/events"
)

//go:embed prices/book.json
var shippedBook []byte

// Book is a version of the prices of vendors' models. It is never changed.
//
// A unit is priced at its class's own rate, and where a vendor publishes none:
//   - cache_read as input: without a published discount cached tokens are billed
//     like all others; audio_cache_read as audio_input, or as cache_read where
//     sound has no rate of its own;
//   - cache_write as input: vendors that cache of their own accord take nothing
//     for the writing;
//   - cache_write_1h as input where the model has no price of writing at all; where
//     it has one for 5 minutes only, the price of an hour is unknown;
//   - audio_input and image_input as input: vendors that bill all senses alike
//     publish one rate;
//   - reasoning, audio_output and image_output as output.
//
// Where those have no rate either, the price is unknown, and so it is of what is no
// token. Models that bill what is no class, as each request besides its tokens or
// frames of video, are not in the shipped book.
type Book struct {
	Version string // hash of everything that decides a price
	Date    string // since when this content is shipped, YYYY-MM-DD
	Source  string // the package it was made from, with its version

	vendors   map[string]*vendorPrices // by kind
	prefixes  map[string]bool          // kinds, as they stand before a model's name: `openai/gpt-x`
	overrides map[overrideKey]*modelPrices
}

type overrideKey struct{ kind, model string }

// Override is a price of the operator's own. It goes before the book.
type Override struct {
	Kind  string            // of the vendor, empty for all
	Model string            // the vendor's name, exactly
	USD   map[string]string // by class of usage: dollars for [events.Class.Per] units, as [ParseUSD] reads them
}

// ShippedBook is the price book that comes with this build.
func ShippedBook() (*Book, error) { return ParseBook(shippedBook) }

// ParseBook reads a book as prices/generate.mjs writes it. It refuses a book whose
// version is not the hash of its prices.
func ParseBook(data []byte) (*Book, error) {
	var file struct {
		Version string          `json:"version"`
		Date    string          `json:"date"`
		Source  string          `json:"source"`
		Vendors json.RawMessage `json:"vendors"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	if want := versionOf(file.Vendors); file.Version != want {
		return nil, fmt.Errorf("price book: version is %q, its prices have %q", file.Version, want)
	}
	var vendors []*vendorPrices
	if err := json.Unmarshal(file.Vendors, &vendors); err != nil {
		return nil, fmt.Errorf("price book: %w", err)
	}
	b := &Book{
		Version: file.Version, Date: file.Date, Source: file.Source,
		vendors: map[string]*vendorPrices{}, prefixes: map[string]bool{"models": true},
	}
	for _, v := range vendors {
		if err := v.compile(); err != nil {
			return nil, fmt.Errorf("price book: vendor %s: %w", v.ID, err)
		}
		for _, kind := range v.Kinds {
			b.vendors[kind], b.prefixes[kind] = v, true
		}
	}
	return b, nil
}

func versionOf(content []byte) string {
	const bytes = 8
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:bytes])
}

// With is the book with the operator's own prices before it; its version says so.
// An error names the override, counted from 0, and the field that is wrong.
func (b *Book) With(overrides []Override) (*Book, error) {
	if len(overrides) == 0 {
		return b, nil
	}
	out := *b
	out.overrides = maps.Clone(b.overrides)
	if out.overrides == nil {
		out.overrides = map[overrideKey]*modelPrices{}
	}
	seen := make(map[overrideKey]bool, len(overrides))
	for i, o := range overrides {
		m, err := o.prices()
		if err != nil {
			return nil, fmt.Errorf("prices[%d]: %w", i, err)
		}
		key := overrideKey{strings.ToLower(o.Kind), strings.ToLower(o.Model)}
		if seen[key] {
			return nil, fmt.Errorf("prices[%d]: model: %q has a price already", i, o.Model)
		}
		seen[key], out.overrides[key] = true, m
	}
	content, err := json.Marshal(overrides)
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	out.Version = versionOf(append([]byte(b.Version), content...))
	return &out, nil
}

func (o Override) prices() (*modelPrices, error) {
	if o.Model == "" {
		return nil, errors.New("model: must not be empty")
	}
	if len(o.USD) == 0 {
		return nil, fmt.Errorf("model: %q needs a price of at least one of %s", o.Model, strings.Join(events.ClassNames(), ", "))
	}
	nano := rates{}
	for _, class := range slices.Sorted(maps.Keys(o.USD)) {
		i := events.ClassIndex(class)
		if i < 0 {
			return nil, fmt.Errorf("%s: is no class of usage", class)
		}
		listed, err := ParseUSD(o.USD[class])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", class, err)
		}
		rate, fits := perMillionOf(listed, events.Classes()[i].Per)
		if !fits {
			return nil, fmt.Errorf("%s: %s dollars are beyond any price", class, o.USD[class])
		}
		nano[class] = rate
	}
	return &modelPrices{ID: o.Model, Rates: []schedule{{Nano: nano}}}, nil
}

// Item is what is to be priced.
type Item struct {
	Kind  string    // of the vendor, as in hub.yaml: openai, anthropic, gemini, groq, ...
	Model string    // the vendor's name of the model
	At    time.Time // of the request: some prices have a first day, or change with the hour
}

// Price is the charge of u. Each class that was used is a line, rounded half up to
// the nano-USD, and the cost is the sum of the lines: 0 if nothing was used. It is null, and there are
// no lines, if the model or the rate of a class is not known to the book, or the
// amount is no amount of money.
func (b *Book) Price(it Item, u events.Usage) events.Charge {
	charge := events.Charge{Usage: u, PriceVersion: b.Version}
	if u == (events.Usage{}) {
		charge.CostNanoUSD = new(int64) // whatever the price is
		return charge
	}
	m := b.find(strings.ToLower(it.Kind), strings.ToLower(it.Model))
	if m == nil {
		return charge
	}
	lines, cost, ok := m.at(it.At).tier(u.InputTotal()).price(&u)
	if ok {
		charge.Lines, charge.CostNanoUSD = lines, &cost
	}
	return charge
}

// Priced tells whether the book has a rate of the class's own for a model.
func (b *Book) Priced(it Item, class string) bool {
	m := b.find(strings.ToLower(it.Kind), strings.ToLower(it.Model))
	if m == nil {
		return false
	}
	_, known := m.at(it.At).Nano[class]
	return known
}

// find looks for a model: in the operator's prices, then in the vendor's, then
// both again without the vendor's name before a slash.
func (b *Book) find(kind, model string) *modelPrices {
	if m := cmp.Or(b.overrides[overrideKey{kind, model}], b.overrides[overrideKey{"", model}]); m != nil {
		return m
	}
	if v := b.vendors[kind]; v != nil {
		if m := b.inVendor(v, model); m != nil {
			return m
		}
	}
	prefix, rest, found := strings.Cut(model, "/")
	if !found || !b.ownPrefix(kind, prefix) {
		return nil
	}
	return b.find(kind, rest)
}

// ownPrefix tells whether a vendor of the kind may be meant by prefix.
func (b *Book) ownPrefix(kind, prefix string) bool {
	if !b.prefixes[prefix] {
		return false
	}
	return prefix == kind || prefix == "models" || b.vendors[prefix] == b.vendors[kind]
}

// inVendor looks in a vendor's prices, then in those of the vendors whose models it resells.
func (b *Book) inVendor(v *vendorPrices, model string) *modelPrices {
	if m := v.find(model); m != nil {
		return m
	}
	for _, kind := range v.Fallback {
		if other := b.vendors[kind]; other != nil {
			if m := other.find(model); m != nil {
				return m
			}
		}
	}
	return nil
}
