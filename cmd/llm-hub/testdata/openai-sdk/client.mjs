// The official SDK, unchanged but for base URL and key: every case throws unless
// the hub behaves as OpenAI's own API does.
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.HUB_URL + "/v1", apiKey: process.env.HUB_KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "Say something about the sea." }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "Weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const models = ["fake-openai", "fake-anthropic", "fake-gemini"];

const cases = {
  async models() {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    for (const m of models) assert.ok(ids.includes(m), `${m} is not listed in ${ids}`);
    assert.equal((await client.models.retrieve(models[0])).id, models[0]);
  },

  async chat() {
    for (const model of models) {
      const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
      assert.equal(data.object, "chat.completion");
      assert.equal(data.choices[0].message.role, "assistant");
      assert.ok(data.choices[0].message.content.includes("sea"), model);
      assert.equal(data.choices[0].finish_reason, "stop");
      assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
      assert.ok(data.usage.completion_tokens > 0);
      assert.equal(response.headers.get("x-llmhub-logical-model"), model);
      assert.ok(response.headers.get("x-request-id"));
      assert.match(response.headers.get("x-llmhub-cost"), /^0\.\d+$/);
    }
  },

  async stream() {
    for (const model of models) {
      let text = "", finish = null, usage = null;
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) {
        assert.equal(chunk.object, "chat.completion.chunk");
        text += chunk.choices[0]?.delta?.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
      }
      assert.ok(text.includes("sea"), model);
      assert.equal(finish, "stop");
      assert.equal(usage, null, `${model}: usage that was not asked for`);
    }
  },

  async streamUsage() {
    for (const model of models) {
      let last = null, withUsage = 0;
      const stream = await client.chat.completions.create({
        model, messages, stream: true, stream_options: { include_usage: true },
      });
      for await (const chunk of stream) {
        if (chunk.usage) withUsage++;
        last = chunk;
      }
      assert.equal(withUsage, 1, model);
      assert.deepEqual(last.choices, []);
      assert.ok(last.usage.completion_tokens > 0);
      assert.ok(Number.isInteger(last.x_llmhub.cost_nano_usd), model);
      assert.ok(last.x_llmhub.request_id);
    }
  },

  async tools() {
    for (const model of models) {
      const ask = [{ role: "user", content: "use tool to see what the weather is" }];
      const first = await client.chat.completions.create({ model, messages: ask, tools: [weather] });
      const message = first.choices[0].message;
      assert.equal(first.choices[0].finish_reason, "tool_calls", model);
      assert.equal(message.tool_calls.length, 1);
      assert.equal(message.tool_calls[0].function.name, "weather");
      assert.equal(typeof JSON.parse(message.tool_calls[0].function.arguments).city, "string");
      const second = await client.chat.completions.create({
        model, tools: [weather],
        messages: [...ask, message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny, 21 degrees" }],
      });
      assert.ok(second.choices[0].message.content.includes("sunny, 21 degrees"), model);
    }
  },

  async streamTools() {
    for (const model of models) {
      const calls = [];
      const stream = await client.chat.completions.create({
        model, stream: true, tools: [weather], messages: [{ role: "user", content: "use tools for two cities" }],
      });
      let finish = null;
      for await (const chunk of stream) {
        finish = chunk.choices[0]?.finish_reason ?? finish;
        for (const d of chunk.choices[0]?.delta?.tool_calls ?? []) {
          calls[d.index] ??= { id: "", name: "", args: "" };
          calls[d.index].id += d.id ?? "";
          calls[d.index].name += d.function?.name ?? "";
          calls[d.index].args += d.function?.arguments ?? "";
        }
      }
      assert.equal(finish, "tool_calls", model);
      assert.equal(calls.length, 2, model);
      for (const c of calls) {
        assert.ok(c.id);
        assert.equal(c.name, "weather");
        assert.equal(typeof JSON.parse(c.args).city, "string");
      }
      assert.notEqual(calls[0].id, calls[1].id);
    }
  },

  async jsonSchema() {
    for (const model of models) {
      const reply = await client.chat.completions.create({
        model, messages,
        response_format: {
          type: "json_schema",
          json_schema: {
            name: "answer", strict: true,
            schema: {
              type: "object", additionalProperties: false, required: ["title", "year"],
              properties: { title: { type: "string" }, year: { type: "integer" } },
            },
          },
        },
      });
      const value = JSON.parse(reply.choices[0].message.content);
      assert.equal(typeof value.title, "string", model);
      assert.ok(Number.isInteger(value.year), model);
    }
  },

  async image() {
    const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    for (const model of models) {
      const reply = await client.chat.completions.create({
        model,
        messages: [{ role: "user", content: [
          { type: "text", text: "What is in the picture?" },
          { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
        ] }],
      });
      assert.ok(reply.usage.prompt_tokens >= 64, `${model}: the image was not seen`);
    }
  },

  async errors() {
    const bad = new OpenAI({ baseURL: client.baseURL, apiKey: "no-such-key-0123456789-0123456789-01234", maxRetries: 0 });
    await fails(OpenAI.AuthenticationError, 401, () => bad.chat.completions.create({ model: models[0], messages }));
    await fails(OpenAI.NotFoundError, 404, () => client.chat.completions.create({ model: "no-such-model", messages }));
    await fails(OpenAI.BadRequestError, 400, () => client.chat.completions.create({ model: models[0], messages: "hello" }));
    const limited = new OpenAI({ baseURL: client.baseURL, apiKey: process.env.HUB_LIMITED_KEY, maxRetries: 0 });
    await limited.chat.completions.create({ model: models[0], messages });
    const err = await fails(OpenAI.RateLimitError, 429, () => limited.chat.completions.create({ model: models[0], messages }));
    assert.ok(Number(err.headers.get("retry-after")) > 0);
  },

  async brokenStream() {
    for (const model of ["cut-openai", "cut-anthropic", "cut-gemini"]) {
      let finish = null;
      await assert.rejects(async () => {
        const stream = await client.chat.completions.create({ model, messages, stream: true });
        for await (const chunk of stream) finish = chunk.choices[0]?.finish_reason ?? finish;
      }, OpenAI.APIError, model);
      assert.equal(finish, null, `${model}: a finish was invented`);
    }
  },
};

async function fails(type, status, call) {
  try {
    await call();
  } catch (err) {
    assert.ok(err instanceof type, `want ${type.name}, got ${err.constructor.name}: ${err.message}`);
    assert.equal(err.status, status);
    assert.ok(err.type, "error.type is missing");
    return err;
  }
  assert.fail(`want ${type.name}, got an answer`);
}

let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (err) {
    failed++;
    console.log(`not ok ${name}: ${err.stack}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
