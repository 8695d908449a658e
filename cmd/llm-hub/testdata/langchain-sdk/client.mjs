// LangChain's models of each dialect, unchanged but for base URL and key, over the wire
// formats of all vendors.
import assert from "node:assert/strict";
import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { answerSchema, checkAnswer, citySchema, hub, key, limitedKey, models, png, question, run, unknownKey, vendors } from "../sdk.mjs";

// Google's old library, which LangChain's builds on, loses the end of a stream that is
// aborted: nobody can catch it.
process.on("unhandledRejection", (err) => assert.equal(err.message, "[GoogleGenerativeAI Error]: Error reading from the stream"));

// clients makes a model of each dialect's.
const clients = (apiKey) => ({
  openai: (model) => new ChatOpenAI({ model, apiKey, maxRetries: 0, useResponsesApi: false, configuration: { baseURL: hub + "/v1" } }),
  anthropic: (model) => new ChatAnthropic({ model, apiKey, maxRetries: 0, maxTokens: 1000, anthropicApiUrl: hub }),
  google: (model) => new ChatGoogleGenerativeAI({ model, apiKey, maxRetries: 0, baseUrl: hub }),
});

// lanes are all dialects over all vendors.
function* lanes(prefix) {
  for (const [name, client] of Object.entries(clients(key))) {
    for (const vendor of vendors) yield [client(`${prefix}-${vendor}`), `${name} over ${vendor}`];
  }
}

const weather = { name: "weather", description: "Weather of a city", schema: citySchema };

// loop goes on after calls with a result for each.
async function loop(model, human, first, calls, lane) {
  assert.equal(first.tool_calls.length, calls, lane);
  const results = first.tool_calls.map((c) => {
    assert.equal(typeof c.args.city, "string", lane);
    return new ToolMessage({ content: "sunny, 21 degrees", tool_call_id: c.id, name: c.name });
  });
  const second = await model.invoke([human, first, ...results]);
  assert.ok(second.text.includes("sunny, 21 degrees"), `${lane}: ${second.text}`);
}

await run({
  async chat() {
    for (const [model, lane] of lanes("fake")) {
      const r = await model.invoke(question);
      assert.ok(r.text.includes("sea"), lane);
      assert.ok(r.usage_metadata.input_tokens > 0 && r.usage_metadata.output_tokens > 0, lane);
    }
  },

  async stream() {
    for (const [model, lane] of lanes("fake")) {
      let all = null;
      for await (const chunk of await model.stream(question)) all = all ? all.concat(chunk) : chunk;
      assert.ok(all.text.includes("sea"), lane);
      assert.ok(all.usage_metadata.output_tokens > 0, lane);
    }
  },

  async tools() {
    for (const [model, lane] of lanes("fake")) {
      const able = model.bindTools([weather]);
      // For Gemini LangChain gives every result a turn of its own, which Gemini takes for one result too few.
      const calls = lane === "google over gemini" ? 1 : 2;
      const human = new HumanMessage(calls === 1 ? "use tool for a city" : "use tools for two cities");
      await loop(able, human, await able.invoke([human]), calls, lane);
    }
  },

  async streamTools() {
    for (const [model, lane] of lanes("fake")) {
      const able = model.bindTools([weather]);
      const human = new HumanMessage("use tool to see what the weather is");
      let all = null;
      for await (const chunk of await able.stream([human])) all = all ? all.concat(chunk) : chunk;
      await loop(able, human, all, 1, lane);
    }
  },

  async structured() {
    for (const [model, lane] of lanes("fake")) {
      checkAnswer(JSON.stringify(await model.withStructuredOutput({ title: "answer", ...answerSchema }).invoke("use tool: " + question)), lane);
    }
  },

  async image() {
    for (const [model, lane] of lanes("fake")) {
      if (lane.startsWith("google")) continue; // it takes pictures only for models whose names it knows
      const r = await model.invoke([new HumanMessage({ content: [
        { type: "text", text: "What is in the picture?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
      ] })]);
      assert.ok(r.usage_metadata.input_tokens >= 64, `${lane}: the image was not seen`);
    }
  },

  async embeddings() {
    const client = new OpenAIEmbeddings({ model: "fake-openai", apiKey: key, maxRetries: 0, configuration: { baseURL: hub + "/v1" } });
    const [sea, land] = await client.embedDocuments(["the sea", "the land"]);
    assert.ok(sea.length > 0 && sea.length === land.length);
  },

  async errors() {
    for (const name of ["openai", "anthropic", "google"]) {
      const fails = async (status, apiKey, model) => {
        const err = await clients(apiKey)[name](model).invoke(question).then(() => assert.fail(`${name}: want ${status}, got an answer`), (e) => e);
        assert.equal(err.status, status, `${name}: ${err.stack}`);
      };
      await fails(401, unknownKey, models[0]);
      await fails(404, key, "no-such-model");
    }
    const limited = () => clients(limitedKey).openai(models[0]).invoke(question);
    await limited();
    const err = await limited().then(() => assert.fail("the limit did not hold"), (e) => e);
    assert.equal(err.status, 429);
  },

  async brokenStream() {
    for (const [model, lane] of lanes("cut")) {
      let all = null, failed = false;
      try {
        for await (const chunk of await model.stream(question)) all = all ? all.concat(chunk) : chunk;
      } catch {
        failed = true;
      }
      const { finish_reason, stop_reason, finishReason } = { ...all?.response_metadata, ...all?.additional_kwargs };
      assert.equal(finish_reason ?? stop_reason ?? finishReason, undefined, `${lane}: a finish was invented`);
      assert.ok(failed || lane.startsWith("google"), `${lane}: no error`); // Google's old library passes over errors in a stream
    }
  },

  async abort() {
    for (const [model, lane] of lanes("slow")) {
      const abort = new AbortController();
      let chunks = 0;
      await assert.rejects(async () => {
        for await (const chunk of await model.stream(question, { signal: abort.signal })) {
          if (++chunks === 2) abort.abort();
          assert.ok(chunk);
        }
      }, (err) => err.name !== "AssertionError", lane);
    }
  },
});
