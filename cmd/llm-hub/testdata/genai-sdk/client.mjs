// The official Google GenAI SDK, unchanged but for base URL and key: every case throws
// unless the hub behaves as Gemini's own API does, whatever vendor serves.
import assert from "node:assert/strict";
import { ApiError, GoogleGenAI } from "@google/genai";
import { answerSchema, checkAnswer, citySchema, embedders, failsWith, hub, key, limitedKey, models, png, question, run, thinkers, unknownKey } from "../sdk.mjs";

const clientOf = (apiKey, more) => new GoogleGenAI({ apiKey, vertexai: false, httpOptions: { baseUrl: hub, ...more } });
const client = clientOf(key);
const user = (...parts) => ({ role: "user", parts });
const weather = { functionDeclarations: [{ name: "weather", description: "Weather of a city", parametersJsonSchema: citySchema }] };
const ask = (model, config, contents = question) => ({ model, contents, config });
const partsOf = (response) => response.candidates[0].content.parts;
const responses = (calls, output) => user(...calls.map((c) => ({ functionResponse: { id: c.id, name: c.name, response: { output } } })));

// collect reads a stream into one content and what its last chunk said.
async function collect(request) {
  const parts = [];
  let finish = null, usage = null;
  for await (const chunk of await client.models.generateContentStream(request)) {
    parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
    finish = chunk.candidates?.[0]?.finishReason ?? finish;
    usage = chunk.usageMetadata ?? usage;
  }
  return { content: { role: "model", parts }, finish, usage };
}

await run({
  async models() {
    const names = [];
    for await (const m of await client.models.list()) names.push(m.name);
    for (const m of models) assert.ok(names.includes(`models/${m}`), `${m} is not listed in ${names}`);
    assert.equal((await client.models.get({ model: models[0] })).name, `models/${models[0]}`);
  },

  async chat() {
    for (const model of models) {
      const r = await client.models.generateContent(ask(model));
      assert.ok(r.text.includes("sea"), model);
      assert.equal(r.candidates[0].finishReason, "STOP", model);
      assert.equal(r.candidates[0].content.role, "model");
      assert.ok(r.usageMetadata.promptTokenCount > 0 && r.usageMetadata.candidatesTokenCount > 0, model);
      assert.equal(r.usageMetadata.totalTokenCount, r.usageMetadata.promptTokenCount + r.usageMetadata.candidatesTokenCount);
    }
  },

  async beta() {
    for (const more of [{ apiVersion: "v1beta" }, { baseUrl: hub + "/gemini", apiVersion: "v1beta" }]) {
      assert.ok((await clientOf(key, more).models.generateContent(ask(models[0]))).text.includes("sea"));
    }
  },

  async stream() {
    for (const model of models) {
      const { content, finish, usage } = await collect(ask(model));
      assert.ok(content.parts.map((p) => p.text ?? "").join("").includes("sea"), model);
      assert.equal(finish, "STOP", model);
      assert.ok(usage.candidatesTokenCount > 0, model);
    }
  },

  async length() {
    for (const model of models) {
      const r = await client.models.generateContent(ask(model, { maxOutputTokens: 2 }));
      assert.equal(r.candidates[0].finishReason, "MAX_TOKENS", model);
    }
  },

  async tools() {
    for (const model of models) {
      const contents = [user({ text: "use tool to see what the weather is" })];
      const first = await client.models.generateContent(ask(model, { tools: [weather] }, contents));
      assert.equal(first.functionCalls.length, 1, model);
      assert.equal(first.functionCalls[0].name, "weather");
      assert.equal(typeof first.functionCalls[0].args.city, "string", model);
      assert.equal(first.candidates[0].finishReason, "STOP", model);
      const second = await client.models.generateContent(ask(model, { tools: [weather] }, [
        ...contents, first.candidates[0].content, responses(first.functionCalls, "sunny, 21 degrees"),
      ]));
      assert.ok(second.text.includes("sunny, 21 degrees"), model);
    }
  },

  async streamTools() {
    for (const model of models) {
      const contents = [user({ text: "use tools for two cities" })];
      const first = await collect(ask(model, { tools: [weather] }, contents));
      const calls = first.content.parts.filter((p) => p.functionCall).map((p) => p.functionCall);
      assert.equal(calls.length, 2, model);
      for (const call of calls) assert.equal(typeof call.args.city, "string", model);
      const second = await client.models.generateContent(ask(model, { tools: [weather] }, [
        ...contents, first.content, responses(calls, "rain"),
      ]));
      assert.ok(second.text.includes("rain"), model);
    }
  },

  // The vendors check what they have signed, so an answer means that it came back as it was.
  async thinking() {
    const config = { tools: [weather], thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } };
    for (const model of thinkers) {
      for (const streamed of [false, true]) {
        const contents = [user({ text: "use tool to see what the weather is" })];
        const request = ask(model, config, contents);
        const content = streamed ? (await collect(request)).content : (await client.models.generateContent(request)).candidates[0].content;
        const thoughts = content.parts.filter((p) => p.thought).map((p) => p.text).join("");
        assert.ok(thoughts.length > 0, `${model}, streamed: ${streamed}`);
        const calls = content.parts.filter((p) => p.functionCall);
        assert.equal(calls.length, 1, model);
        const second = await client.models.generateContent(ask(model, config, [
          ...contents, content, responses(calls.map((p) => p.functionCall), "hail"),
        ]));
        assert.ok(second.text.includes("hail"), model);
      }
    }
  },

  // What one vendor has thought does not keep another from going on.
  async thinkingElsewhere() {
    const config = { tools: [weather], thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } };
    const contents = [user({ text: "use tool to see what the weather is" })];
    for (const [from, to] of [thinkers, [...thinkers].reverse()]) {
      const first = await client.models.generateContent(ask(from, config, contents));
      const second = await client.models.generateContent(ask(to, { tools: [weather] }, [
        ...contents, first.candidates[0].content, responses(first.functionCalls, "fog"),
      ]));
      assert.ok(second.text.includes("fog"), `${from} to ${to}`);
    }
  },

  async structured() {
    for (const model of models) {
      const r = await client.models.generateContent(ask(model, { responseMimeType: "application/json", responseJsonSchema: answerSchema }));
      checkAnswer(r.text, model);
    }
  },

  async image() {
    for (const model of models) {
      const r = await client.models.generateContent(ask(model, {}, [
        user({ text: "What is in the picture?" }, { inlineData: { mimeType: "image/png", data: png } }),
      ]));
      assert.ok(r.usageMetadata.promptTokenCount >= 64, `${model}: the image was not seen`);
    }
  },

  async countTokens() {
    for (const model of models) {
      const { totalTokens } = await client.models.countTokens({ model, contents: question });
      assert.ok(totalTokens >= 5 && totalTokens <= 20, `${model}: ${totalTokens}`);
    }
  },

  async embedContent() {
    const config = { taskType: "RETRIEVAL_DOCUMENT", outputDimensionality: 8 };
    for (const model of embedders) {
      for (const c of [client, clientOf(key, { apiVersion: "v1beta" }), clientOf(key, { baseUrl: hub + "/gemini" })]) {
        const { embeddings } = await c.models.embedContent({ model, contents: ["the sea", "the land"], config });
        assert.deepEqual(embeddings.map((e) => e.values.length), [8, 8], model);
        assert.notDeepEqual(embeddings[0].values, embeddings[1].values, model);
      }
      assert.equal((await client.models.embedContent({ model, contents: "the sea" })).embeddings.length, 1, model);
    }
    await failsWith(ApiError, 400, () => client.models.embedContent({ model: "fake-anthropic", contents: "the sea" }));
  },

  async errors() {
    const typed = async (status, name, call) => {
      const err = await failsWith(ApiError, status, call);
      const body = JSON.parse(err.message).error;
      assert.equal(body.code, status);
      assert.equal(body.status, name);
      assert.ok(body.message);
      return body;
    };
    await failsWith(ApiError, 401, () => clientOf(unknownKey).models.generateContent(ask(models[0])));
    await typed(404, "NOT_FOUND", () => client.models.generateContent(ask("no-such-model")));
    await typed(400, "INVALID_ARGUMENT", () => client.models.generateContent(ask(models[0], { temperature: "hot" })));
    const limited = clientOf(limitedKey);
    await limited.models.generateContent(ask(models[0]));
    const body = await typed(429, "RESOURCE_EXHAUSTED", () => limited.models.generateContent(ask(models[0])));
    const retry = body.details.find((d) => d["@type"].endsWith("RetryInfo"));
    assert.match(retry.retryDelay, /^[1-9]\d*s$/);
  },

  async brokenStream() {
    for (const model of ["cut-openai", "cut-anthropic", "cut-gemini"]) {
      let finish = null;
      await assert.rejects(async () => {
        for await (const chunk of await client.models.generateContentStream(ask(model))) {
          finish = chunk.candidates?.[0]?.finishReason ?? finish;
        }
      }, ApiError, model);
      assert.equal(finish, null, `${model}: a finish was invented`);
    }
  },

  async abort() {
    for (const model of ["slow-openai", "slow-anthropic", "slow-gemini"]) {
      const abort = new AbortController();
      await assert.rejects(async () => {
        for await (const chunk of await client.models.generateContentStream(ask(model, { abortSignal: abort.signal }))) abort.abort(chunk.responseId);
      }, (err) => !(err instanceof ApiError), model);
    }
    assert.ok((await client.models.generateContent(ask(models[0]))).text.includes("sea"));
  },
});
