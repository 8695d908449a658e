// The official SDK, unchanged but for base URL and key: every case throws unless
// the hub behaves as OpenAI's own API does.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { answerSchema, checkAnswer, citySchema, embedders, failsWith, hub, key, limitedKey, models, png, question, run, thinkers, unknownKey, vendors } from "../sdk.mjs";

const clientOf = (apiKey) => new OpenAI({ baseURL: hub + "/v1", apiKey, maxRetries: 0 });
const client = clientOf(key);
const messages = [{ role: "user", content: question }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "Weather of a city",
    parameters: citySchema,
  },
};

// collect reads a stream into one message.
async function collect(body) {
  const message = { role: "assistant", content: "", tool_calls: [], reasoning_details: [] };
  let thoughts = "", finish = null;
  for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
    const delta = chunk.choices[0]?.delta ?? {};
    finish = chunk.choices[0]?.finish_reason ?? finish;
    message.content += delta.content ?? "";
    thoughts += delta.reasoning_content ?? "";
    for (const d of delta.reasoning_details ?? []) {
      const open = message.reasoning_details.find((r) => r.index === d.index);
      if (!open) message.reasoning_details.push({ ...d });
      else Object.assign(open, { ...d, text: (open.text ?? "") + (d.text ?? "") });
    }
    for (const { index, ...d } of delta.tool_calls ?? []) {
      const call = message.tool_calls[index] ??= { ...d, function: { name: "", arguments: "" } };
      call.function.name += d.function?.name ?? "";
      call.function.arguments += d.function?.arguments ?? "";
    }
  }
  return { message, finish, thoughts };
}

await run({
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
          type: "json_schema", json_schema: { name: "answer", strict: true, schema: answerSchema },
        },
      });
      checkAnswer(reply.choices[0].message.content, model);
    }
  },

  async image() {
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
    const fails = async (...want) => {
      const err = await failsWith(...want);
      assert.ok(err.type, "error.type is missing");
      return err;
    };
    const bad = clientOf(unknownKey);
    await fails(OpenAI.AuthenticationError, 401, () => bad.chat.completions.create({ model: models[0], messages }));
    await fails(OpenAI.NotFoundError, 404, () => client.chat.completions.create({ model: "no-such-model", messages }));
    await fails(OpenAI.BadRequestError, 400, () => client.chat.completions.create({ model: models[0], messages: "hello" }));
    const limited = clientOf(limitedKey);
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

  // The vendors check what they have signed, so an answer means that it came back as it was.
  async thinking() {
    for (const model of thinkers) {
      for (const streamed of [false, true]) {
        const ask = [{ role: "user", content: "use tool to see what the weather is" }];
        const body = { model, messages: ask, tools: [weather], reasoning_effort: "low" };
        let message, thoughts;
        if (streamed) {
          ({ message, thoughts } = await collect(body));
        } else {
          message = (await client.chat.completions.create(body)).choices[0].message;
          thoughts = message.reasoning_content;
        }
        assert.ok(thoughts?.length > 0, `${model}, streamed: ${streamed}`);
        assert.equal(message.tool_calls.length, 1, model);
        const second = await client.chat.completions.create({
          ...body, messages: [...ask, message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "hail" }],
        });
        assert.ok(second.choices[0].message.content.includes("hail"), model);
      }
    }
  },

  async responses() {
    for (const model of models) {
      const { data, response } = await client.responses.create({ model, input: question, instructions: "Be brief." }).withResponse();
      assert.equal(data.status, "completed", model);
      assert.ok(data.output_text.includes("sea"), model);
      assert.equal(data.instructions, "Be brief.");
      assert.equal(data.usage.total_tokens, data.usage.input_tokens + data.usage.output_tokens);
      assert.equal(response.headers.get("x-llmhub-logical-model"), model);
      assert.match(response.headers.get("x-llmhub-cost"), /^0\.\d+$/);
      const cut = await client.responses.create({ model, input: question.repeat(20), max_output_tokens: 16 });
      assert.equal(cut.status, "incomplete", model);
      assert.equal(cut.incomplete_details.reason, "max_output_tokens");
      const counted = await client.responses.inputTokens.count({ model, input: question });
      assert.ok(counted.input_tokens > 0 && counted.object === "response.input_tokens", model);
    }
  },

  // The SDK's own accumulator refuses events that are out of order.
  async responsesStream() {
    for (const model of models) {
      const types = [];
      let n = 0, text = "";
      const stream = client.responses.stream({ model, input: question });
      for await (const event of stream) {
        assert.equal(event.sequence_number, n++, model);
        types.push(event.type);
        if (event.type === "response.output_text.delta") text += event.delta;
      }
      const final = await stream.finalResponse();
      assert.deepEqual(types.slice(0, 4), ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"], model);
      assert.deepEqual(types.slice(-4), ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"], model);
      assert.equal(final.output_text, text);
      assert.ok(text.includes("sea"));
      assert.ok(final.usage.output_tokens > 0);
    }
  },

  async responsesSchema() {
    const text = { format: { type: "json_schema", name: "answer", strict: true, schema: answerSchema } };
    for (const model of models) {
      const reply = await client.responses.parse({ model, input: question, text });
      checkAnswer(reply.output_text, model);
    }
  },

  // As Codex does it: nothing is stored, the items of every turn are sent back. The vendors
  // check what they have signed, so an answer means that it came back as it was.
  async responsesTools() {
    const tool = { type: "function", name: "weather", description: "Weather of a city", strict: true, parameters: { ...citySchema, additionalProperties: false } };
    for (const model of [...models, ...thinkers, "think-openai"]) {
      for (const stream of [false, true]) {
        const body = {
          model, tools: [tool], store: false, parallel_tool_calls: true, include: ["reasoning.encrypted_content"],
          reasoning: model.startsWith("think-") ? { effort: "low", summary: "auto" } : undefined,
        };
        const input = [{ role: "user", content: "use tool to see what the weather is" }];
        const turn = async () => stream
          ? await client.responses.stream({ ...body, input }).finalResponse()
          : await client.responses.create({ ...body, input });
        const first = await turn();
        const calls = first.output.filter((o) => o.type === "function_call");
        assert.equal(calls.length, 1, model);
        assert.equal(typeof JSON.parse(calls[0].arguments).city, "string", model);
        if (model.startsWith("think-")) {
          const thought = first.output.find((o) => o.type === "reasoning" && o.summary.length > 0);
          assert.ok(thought.summary[0].text.length > 0, model);
          assert.ok(first.output.some((o) => o.type === "reasoning" && o.encrypted_content), model);
        }
        input.push(...first.output, { type: "function_call_output", call_id: calls[0].call_id, output: "hail" });
        const second = await turn();
        assert.ok(second.output_text.includes("hail"), `${model}, streamed: ${stream}`);
      }
    }
  },

  async responsesGoOn() {
    for (const model of models) {
      const first = await client.responses.create({ model, input: "one" });
      const second = await client.responses.stream({ model, input: "two", previous_response_id: first.id }).finalResponse();
      assert.equal(second.previous_response_id, first.id, model);
      const third = await client.responses.create({ model, input: [{ type: "item_reference", id: second.output[0].id }, { role: "user", content: "three" }] });
      assert.ok(third.output_text.includes("three"), model);
      assert.ok(second.usage.input_tokens > first.usage.input_tokens, `${model}: what was said before was not read`);
      assert.equal((await client.responses.retrieve(second.id)).output_text, second.output_text);
      const asked = [];
      for await (const item of client.responses.inputItems.list(second.id)) asked.push(JSON.stringify(item));
      assert.ok(asked.length === 1 && asked[0].includes("two"), asked);
      await failsWith(OpenAI.BadRequestError, 400, () => client.responses.cancel(second.id));
      await client.responses.delete(second.id);
      await failsWith(OpenAI.NotFoundError, 404, () => client.responses.retrieve(second.id));
      const gone = await failsWith(OpenAI.BadRequestError, 400, () => client.responses.create({ model, input: "x", previous_response_id: second.id }));
      assert.equal(gone.code, "previous_response_not_found");
    }
  },

  async responsesErrors() {
    const bad = clientOf(unknownKey);
    await failsWith(OpenAI.AuthenticationError, 401, () => bad.responses.create({ model: models[0], input: question }));
    await failsWith(OpenAI.NotFoundError, 404, () => client.responses.create({ model: "no-such-model", input: question }));
    const err = await failsWith(OpenAI.BadRequestError, 400, () => client.responses.create({ model: models[0], input: 3 }));
    assert.equal(err.param, "input");
    const background = await failsWith(OpenAI.BadRequestError, 400, () => client.responses.create({ model: models[0], input: question, background: true }));
    assert.equal(background.param, "background");
    for (const vendor of vendors) {
      const types = [];
      await assert.rejects(async () => {
        for await (const event of await client.responses.create({ model: `cut-${vendor}`, input: question, stream: true })) types.push(event.type);
      }, OpenAI.APIError, vendor);
      assert.ok(!types.includes("response.completed") && types.at(-1) === "response.failed", `${vendor}: ${types}`);
    }
  },

  async embeddings() {
    const input = ["the sea", "the land"], seen = [];
    for (const model of embedders) {
      const packed = await client.embeddings.create({ model, input, dimensions: 8 }); // asks for base64
      const plain = await client.embeddings.create({ model, input, dimensions: 8, encoding_format: "float" });
      for (const reply of [packed, plain]) {
        assert.equal(reply.object, "list", model);
        assert.deepEqual(reply.data.map((d) => d.index), [0, 1], model);
        assert.ok(reply.usage.prompt_tokens > 0 && reply.usage.total_tokens === reply.usage.prompt_tokens, model);
      }
      for (const i of [0, 1]) {
        assert.equal(packed.data[i].embedding.length, 8, model);
        assert.deepEqual(packed.data[i].embedding.map(Math.fround), plain.data[i].embedding.map(Math.fround), model);
      }
      assert.notDeepEqual(plain.data[0].embedding, plain.data[1].embedding, model);
      seen.push(plain.data[0].embedding.map(Math.fround));
      assert.equal((await client.embeddings.create({ model, input: input[0] })).data.length, 1, model);
    }
    for (const vector of seen) assert.deepEqual(vector, seen[0]); // the vendors are one and the same behind their wires
    assert.equal((await client.embeddings.create({ model: "fake-openai", input: [[1, 2], [3]] })).data.length, 2);
    for (const model of embedders.slice(1)) { // they take texts only
      assert.equal((await failsWith(OpenAI.BadRequestError, 400, () => client.embeddings.create({ model, input: [1, 2] }))).param, "input");
    }
    const err = await failsWith(OpenAI.BadRequestError, 400, () => client.embeddings.create({ model: "fake-anthropic", input }));
    assert.equal(err.code, "unsupported_operation");
  },

  async completions() {
    for (const model of models) {
      const body = { model, prompt: question, max_tokens: 100 };
      assert.ok((await client.completions.create(body)).choices[0].text.includes("sea"), model);
      let text = "", finish = null;
      for await (const chunk of await client.completions.create({ ...body, stream: true })) {
        text += chunk.choices[0]?.text ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
      }
      assert.ok(text.includes("sea"), model);
      assert.equal(finish, "stop", model);
    }
  },

  async abort() {
    for (const vendor of vendors) {
      const abort = new AbortController();
      const stream = await client.chat.completions.create({ model: `slow-${vendor}`, messages, stream: true }, { signal: abort.signal });
      let chunks = 0, finish = null;
      for await (const chunk of stream) {
        if (++chunks === 2) abort.abort();
        finish = chunk.choices[0]?.finish_reason ?? finish;
      }
      assert.equal(finish, null, vendor);
    }
    assert.ok((await client.chat.completions.create({ model: models[0], messages })).choices[0].message.content.includes("sea"));
  },
});
