// What the clients of all SDKs share: what is asked, and how cases are run.
import assert from "node:assert/strict";

export const hub = process.env.HUB_URL;
export const key = process.env.HUB_KEY;
export const limitedKey = process.env.HUB_LIMITED_KEY;
export const unknownKey = "no-such-key-0123456789-0123456789-01234";

export const vendors = ["openai", "anthropic", "gemini", "cohere"];
export const models = vendors.map((v) => `fake-${v}`);
export const embedders = ["openai", "gemini", "cohere"].map((v) => `fake-${v}`); // models whose vendor makes embeddings
export const thinkers = ["think-anthropic", "think-gemini"]; // models whose vendor shows and signs thoughts
export const question = "Say something about the sea.";
export const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
export const citySchema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const answerSchema = {
  type: "object", additionalProperties: false, required: ["title", "year"],
  properties: { title: { type: "string" }, year: { type: "integer" } },
};

// checkAnswer checks a text that must fit answerSchema.
export function checkAnswer(text, model) {
  const value = JSON.parse(text);
  assert.equal(typeof value.title, "string", model);
  assert.ok(Number.isInteger(value.year), model);
}

// failsWith gives the error of a call that must fail with it.
export async function failsWith(type, status, call) {
  try {
    await call();
  } catch (err) {
    assert.ok(err instanceof type, `want ${type.name}, got ${err.constructor.name}: ${err.message}`);
    assert.equal(err.status, status, err.message);
    return err;
  }
  assert.fail(`want ${type.name}, got an answer`);
}

// run runs every case to its end, and ends the process.
export async function run(cases) {
  let failed = 0;
  for (const [name, test] of Object.entries(cases)) {
    try {
      await test();
      console.log(`ok ${name}`);
    } catch (err) {
      failed++;
      console.log(`not ok ${name}: ${err.stack}`);
    }
  }
  process.exit(failed === 0 ? 0 : 1);
}
