// The official Anthropic SDK, unchanged but for base URL and key: every case throws
// unless the hub behaves as Anthropic's own API does, whatever vendor serves.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { answerSchema, checkAnswer, citySchema, failsWith, hub, key, limitedKey, models, png, question, run, thinkers, unknownKey } from "../sdk.mjs";

const clientOf = (apiKey) => new Anthropic({ baseURL: hub, apiKey, maxRetries: 0 });
const client = clientOf(key);
const user = (content) => [{ role: "user", content }];
const weather = { name: "weather", description: "Weather of a city", input_schema: citySchema };
const ask = (model, more) => ({ model, max_tokens: 4096, messages: user(question), ...more });
const textOf = (message) => message.content.filter((b) => b.type === "text").map((b) => b.text).join("");
const callsOf = (message) => message.content.filter((b) => b.type === "tool_use");
const results = (message, text) => user(callsOf(message).map((b) => ({ type: "tool_result", tool_use_id: b.id, content: text })));

await run({
  async models() {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    for (const m of models) assert.ok(ids.includes(m), `${m} is not listed in ${ids}`);
    assert.equal((await client.models.retrieve(models[0])).type, "model");
  },

  async chat() {
    for (const model of models) {
      const { data, response, request_id } = await client.messages.create(ask(model)).withResponse();
      assert.equal(data.type, "message");
      assert.equal(data.role, "assistant");
      assert.ok(textOf(data).includes("sea"), model);
      assert.equal(data.stop_reason, "end_turn", model);
      assert.ok(data.usage.input_tokens > 0 && data.usage.output_tokens > 0, model);
      assert.equal(response.headers.get("x-llmhub-logical-model"), model);
      assert.ok(request_id, "there is no request id");
    }
  },

  async stream() {
    for (const model of models) {
      let text = "";
      const seen = new Set();
      const stream = client.messages.stream(ask(model)).on("text", (piece) => { text += piece; });
      for await (const event of stream) seen.add(event.type);
      const message = await stream.finalMessage();
      assert.equal(text, textOf(message), model);
      assert.ok(text.includes("sea"), model);
      assert.equal(message.stop_reason, "end_turn", model);
      assert.ok(message.usage.output_tokens > 1, model);
      for (const type of ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]) {
        assert.ok(seen.has(type), `${model}: no ${type}`);
      }
    }
  },

  async length() {
    for (const model of models) {
      const message = await client.messages.create(ask(model, { max_tokens: 2 }));
      assert.equal(message.stop_reason, "max_tokens", model);
    }
  },

  async stopSequence() {
    const message = await client.messages.create(ask("fake-anthropic", { stop_sequences: ["about"] }));
    assert.equal(message.stop_reason, "stop_sequence");
    assert.equal(message.stop_sequence, "about");
    for (const model of models) {
      assert.ok(!textOf(await client.messages.create(ask(model, { stop_sequences: ["about"] }))).includes("sea"), model);
    }
  },

  async tools() {
    for (const model of models) {
      const messages = user("use tool to see what the weather is");
      const first = await client.messages.create(ask(model, { messages, tools: [weather] }));
      assert.equal(first.stop_reason, "tool_use", model);
      assert.equal(callsOf(first).length, 1, model);
      assert.equal(callsOf(first)[0].name, "weather");
      assert.equal(typeof callsOf(first)[0].input.city, "string", model);
      const second = await client.messages.create(ask(model, {
        tools: [weather], messages: [...messages, { role: "assistant", content: first.content }, ...results(first, "sunny, 21 degrees")],
      }));
      assert.ok(textOf(second).includes("sunny, 21 degrees"), model);
    }
  },

  async streamTools() {
    for (const model of models) {
      const messages = user("use tools for two cities");
      const first = await client.messages.stream(ask(model, { messages, tools: [weather] })).finalMessage();
      assert.equal(first.stop_reason, "tool_use", model);
      assert.equal(callsOf(first).length, 2, model);
      for (const call of callsOf(first)) {
        assert.match(call.id, /^[a-zA-Z0-9_-]+$/);
        assert.equal(typeof call.input.city, "string", model);
      }
      assert.notEqual(callsOf(first)[0].id, callsOf(first)[1].id);
      const second = await client.messages.create(ask(model, {
        tools: [weather], messages: [...messages, { role: "assistant", content: first.content }, ...results(first, "rain")],
      }));
      assert.ok(textOf(second).includes("rain"), model);
    }
  },

  // The vendors check what they have signed, so an answer means that it came back as it was.
  async thinking() {
    const thinking = { type: "enabled", budget_tokens: 1024 };
    for (const model of thinkers) {
      for (const streamed of [false, true]) {
        const messages = user("use tool to see what the weather is");
        const body = ask(model, { messages, tools: [weather], thinking });
        const first = streamed ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
        assert.equal(first.content[0].type, "thinking", `${model}, streamed: ${streamed}`);
        assert.ok(first.content[0].thinking.length > 0, model);
        assert.equal(first.stop_reason, "tool_use", model);
        const second = await client.messages.create(ask(model, {
          thinking, tools: [weather], messages: [...messages, { role: "assistant", content: first.content }, ...results(first, "hail")],
        }));
        assert.ok(textOf(second).includes("hail"), model);
      }
    }
  },

  // What one vendor has thought does not keep another from going on.
  async thinkingElsewhere() {
    const thinking = { type: "enabled", budget_tokens: 1024 };
    const messages = user("use tool to see what the weather is");
    for (const [from, to] of [thinkers, [...thinkers].reverse()]) {
      const first = await client.messages.create(ask(from, { messages, tools: [weather], thinking }));
      const second = await client.messages.create(ask(to, {
        tools: [weather], messages: [...messages, { role: "assistant", content: first.content }, ...results(first, "fog")],
      }));
      assert.ok(textOf(second).includes("fog"), `${from} to ${to}`);
    }
  },

  async structured() {
    for (const model of models) {
      const message = await client.messages.create(ask(model, { output_config: { format: { type: "json_schema", schema: answerSchema } } }));
      checkAnswer(textOf(message), model);
    }
  },

  async image() {
    for (const model of models) {
      const message = await client.messages.create(ask(model, { messages: user([
        { type: "text", text: "What is in the picture?" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
      ]) }));
      assert.ok(message.usage.input_tokens >= 64, `${model}: the image was not seen`);
    }
  },

  async countTokens() {
    for (const model of models) {
      const { data, response } = await client.messages.countTokens({ model, messages: user(question) }).withResponse();
      assert.ok(data.input_tokens >= 5 && data.input_tokens <= 20, `${model}: ${data.input_tokens}`);
      assert.equal(response.headers.get("x-llmhub-estimated"), model === "fake-anthropic" ? null : "true", model);
    }
  },

  async dropped() {
    const body = ask("fake-openai", { system: "Be brief.", metadata: { user_id: "someone" }, top_k: 3 });
    const old = { headers: { "anthropic-version": "2023-06-01" } };
    const { response } = await client.messages.create(body, old).withResponse();
    assert.match(response.headers.get("x-llmhub-dropped"), /top_k/);
    const strict = { headers: { ...old.headers, "x-llmhub-unsupported": "error" } };
    const err = await failsWith(Anthropic.BadRequestError, 400, () => client.messages.create(body, strict));
    assert.match(err.message, /top_k/);
  },

  async errors() {
    const typed = async (type, status, name, call) => {
      const err = await failsWith(type, status, call);
      assert.equal(err.error?.type, "error", err.message);
      assert.equal(err.error.error.type, name);
      assert.ok(err.error.error.message);
      return err;
    };
    await typed(Anthropic.AuthenticationError, 401, "authentication_error", () => clientOf(unknownKey).messages.create(ask(models[0])));
    await typed(Anthropic.NotFoundError, 404, "not_found_error", () => client.messages.create(ask("no-such-model")));
    await typed(Anthropic.BadRequestError, 400, "invalid_request_error", () => client.messages.create(ask(models[0], { messages: "hello" })));
    await typed(Anthropic.BadRequestError, 400, "invalid_request_error", () => client.messages.create(ask("fake-anthropic", { temperature: 2 })));
    const limited = clientOf(limitedKey);
    await limited.messages.create(ask(models[0]));
    const err = await typed(Anthropic.RateLimitError, 429, "rate_limit_error", () => limited.messages.create(ask(models[0])));
    assert.ok(Number(err.headers.get("retry-after")) > 0);
  },

  async brokenStream() {
    for (const model of ["cut-openai", "cut-anthropic", "cut-gemini"]) {
      let stop = null;
      await assert.rejects(async () => {
        for await (const event of await client.messages.create(ask(model, { stream: true }))) {
          if (event.type === "message_delta") stop = event.delta.stop_reason;
        }
      }, Anthropic.APIError, model);
      assert.equal(stop, null, `${model}: a stop was invented`);
    }
  },

  async abort() {
    for (const model of ["slow-openai", "slow-anthropic", "slow-gemini"]) {
      const stream = client.messages.stream(ask(model));
      await assert.rejects(async () => {
        for await (const event of stream) if (event.type === "content_block_delta") stream.abort();
      }, Anthropic.APIUserAbortError, model);
    }
    assert.ok(textOf(await client.messages.create(ask(models[0]))).includes("sea"));
  },
});
