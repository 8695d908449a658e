// Vercel's AI SDK with each of its providers that speak a dialect of the hub's, unchanged
// but for base URL and key, over the wire formats of all vendors.
import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, isStepCount, jsonSchema, Output, streamText, tool } from "ai";
import { answerSchema, checkAnswer, citySchema, hub, key, limitedKey, png, question, run, unknownKey, vendors } from "../sdk.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false; // it knows none of the models

// providers gives a model of each provider's.
const providers = (apiKey) => ({
  openai: createOpenAI({ baseURL: hub + "/v1", apiKey }).chat,
  responses: createOpenAI({ baseURL: hub + "/v1", apiKey }).responses,
  compatible: createOpenAICompatible({ name: "hub", baseURL: hub + "/v1", apiKey, includeUsage: true, supportsStructuredOutputs: true }),
  anthropic: createAnthropic({ baseURL: hub + "/v1", apiKey }),
  google: createGoogle({ baseURL: hub + "/v1beta", apiKey }),
});

// lanes are all providers over all vendors.
function* lanes(prefix) {
  for (const [name, provider] of Object.entries(providers(key))) {
    for (const vendor of vendors) yield [provider(`${prefix}-${vendor}`), `${name} over ${vendor}`];
  }
}

const ask = (model, more) => ({ model, prompt: question, maxRetries: 0, ...more });
const weather = () => tool({ description: "Weather of a city", inputSchema: jsonSchema(citySchema), execute: async ({ city }) => `sunny in ${typeof city}` });

await run({
  async chat() {
    for (const [model, lane] of lanes("fake")) {
      const r = await generateText(ask(model, { maxOutputTokens: 200 }));
      assert.ok(r.text.includes("sea"), lane);
      assert.equal(r.finishReason, "stop", lane);
      assert.ok(r.usage.inputTokens > 0 && r.usage.outputTokens > 0, lane);
    }
  },

  async stream() {
    for (const [model, lane] of lanes("fake")) {
      const r = streamText(ask(model, { onError: () => {} }));
      let text = "";
      for await (const piece of r.textStream) text += piece;
      assert.ok(text.includes("sea"), lane);
      assert.equal(await r.finishReason, "stop", lane);
      assert.ok((await r.usage).outputTokens > 0, lane);
    }
  },

  async tools() {
    for (const [model, lane] of lanes("fake")) {
      const r = await generateText(ask(model, { prompt: "use tools for two cities", tools: { weather: weather() }, stopWhen: isStepCount(2) }));
      assert.equal(r.steps.length, 2, lane);
      assert.equal(r.steps[0].finishReason, "tool-calls", lane);
      assert.equal(r.steps[0].toolCalls.length, 2, lane);
      assert.ok(r.text.includes("sunny in string"), `${lane}: ${r.text}`);
    }
  },

  async streamTools() {
    for (const [model, lane] of lanes("fake")) {
      const r = streamText(ask(model, { prompt: "use tool to see what the weather is", tools: { weather: weather() }, stopWhen: isStepCount(2) }));
      assert.ok((await r.text).includes("sunny in string"), lane);
      assert.equal((await r.steps)[0].toolCalls[0].toolName, "weather", lane);
    }
  },

  async structured() {
    for (const [model, lane] of lanes("fake")) {
      const r = await generateText(ask(model, { output: Output.object({ schema: jsonSchema(answerSchema), name: "answer" }) }));
      checkAnswer(JSON.stringify(r.output), lane);
    }
  },

  async image() {
    for (const [model, lane] of lanes("fake")) {
      const content = [{ type: "text", text: "What is in the picture?" }, { type: "file", mediaType: "image/png", data: Buffer.from(png, "base64") }];
      const r = await generateText({ model, maxRetries: 0, messages: [{ role: "user", content }] });
      assert.ok(r.usage.inputTokens >= 64, `${lane}: the image was not seen`);
    }
  },

  async embeddings() {
    for (const provider of [createOpenAI({ baseURL: hub + "/v1", apiKey: key }), createOpenAICompatible({ name: "hub", baseURL: hub + "/v1", apiKey: key })]) {
      const r = await embedMany({ model: provider.embeddingModel("fake-openai"), values: ["the sea", "the land"], maxRetries: 0 });
      assert.equal(r.embeddings.length, 2);
      assert.ok(r.embeddings[1].length > 0 && r.usage.tokens > 0);
    }
  },

  async errors() {
    for (const name of Object.keys(providers(key))) {
      const fails = async (status, apiKey, model) => {
        try {
          await generateText(ask(providers(apiKey)[name](model)));
        } catch (err) {
          assert.ok(APICallError.isInstance(err), `${name}: ${err.stack}`);
          assert.equal(err.statusCode, status, `${name}: ${err.message}`);
          assert.ok(err.message && err.data?.error?.message, `${name}: the error was not understood: ${err.responseBody}`);
          return err;
        }
        assert.fail(`${name}: want ${status}, got an answer`);
      };
      await fails(401, unknownKey, "fake-openai");
      const missing = await fails(404, key, "no-such-model");
      assert.equal(missing.isRetryable, false, name);
    }
    const limited = () => generateText(ask(providers(limitedKey).openai("fake-openai")));
    await limited();
    const err = await limited().then(() => assert.fail("the limit did not hold"), (e) => e);
    assert.equal(err.statusCode, 429);
    assert.ok(Number(err.responseHeaders["retry-after"]) > 0);
  },

  async brokenStream() {
    for (const [model, lane] of lanes("cut")) {
      const seen = [];
      for await (const part of streamText(ask(model, { onError: () => {} })).stream) seen.push(part);
      assert.ok(seen.some((p) => p.type === "error"), `${lane}: no error among ${seen.map((p) => p.type)}`);
      assert.ok(!seen.some((p) => p.type === "finish" && p.finishReason === "stop"), `${lane}: a finish was invented`);
    }
  },

  async abort() {
    for (const [model, lane] of lanes("slow")) {
      const abort = new AbortController();
      let aborted = false;
      for await (const part of streamText(ask(model, { abortSignal: abort.signal })).stream) {
        if (part.type === "text-delta") abort.abort();
        aborted ||= part.type === "abort";
      }
      assert.ok(aborted, lane);
    }
  },
});
