// The official SDK asks for everything that is no text.
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";
import { hub, key, run } from "../sdk.mjs";

const client = new OpenAI({ baseURL: hub + "/v1", apiKey: key, maxRetries: 0 });

// recording is two seconds of silence as a WAV file.
function recording() {
  const wav = Buffer.alloc(64_044);
  wav.write("RIFF____WAVEfmt \x10\0\0\0\x01\0\x01\0", "latin1");
  wav.writeUInt32LE(16_000, 24);
  wav.writeUInt32LE(32_000, 28);
  wav.write("\x02\0\x10\0data", 32, "latin1");
  wav.writeUInt32LE(64_000, 40);
  return toFile(wav, "a.wav", { type: "audio/wav" });
}

const picture = (name) => toFile(Buffer.alloc(1000), name, { type: "image/png" });

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

await run({
  async moderations() {
    const { results } = await client.moderations.create({ model: "censor", input: "violence" });
    assert.equal(results[0].flagged, true);
  },

  async speech() {
    const response = await client.audio.speech.create({ model: "reader", input: "Hello there.", voice: "alloy" });
    assert.equal(response.headers.get("content-type"), "audio/mpeg");
    assert.ok((await response.arrayBuffer()).byteLength > 1000);
  },

  async transcriptions() {
    const whole = await client.audio.transcriptions.create({ file: await recording(), model: "listener", response_format: "verbose_json" });
    assert.equal(whole.text, "I have heard 64044 bytes.");
    assert.equal(whole.duration, 2);
    const events = await collect(await client.audio.transcriptions.create({ file: await recording(), model: "writer", stream: true }));
    assert.equal(events.at(-1).type, "transcript.text.done");
    assert.equal(events.slice(0, -1).map((e) => e.delta).join(""), events.at(-1).text);
  },

  async translations() {
    const text = await client.audio.translations.create({ file: await recording(), model: "listener", response_format: "text" });
    assert.equal(text, "I have heard 64044 bytes.\n");
  },

  async images() {
    const made = await client.images.generate({ model: "sketcher", prompt: "A cat.", n: 2 });
    assert.equal(made.data.length, 2);
    const events = await collect(await client.images.generate({ model: "painter", prompt: "A cat.", stream: true, partial_images: 1 }));
    assert.deepEqual(events.map((e) => e.type), ["image_generation.partial_image", "image_generation.completed"]);
    assert.equal(events[1].usage.output_tokens, 272);
    const edited = await client.images.edit({ model: "painter", prompt: "A hat.", image: [await picture("a.png"), await picture("b.png")] });
    assert.equal(edited.usage.input_tokens_details.image_tokens, 128);
    const varied = await client.images.createVariation({ model: "sketcher", image: await picture("a.png") });
    assert.equal(varied.data.length, 1);
  },

  async errors() {
    await assert.rejects(client.audio.speech.create({ model: "mute", input: "a", voice: "alloy" }), (err) => {
      assert.equal(err.status, 400);
      assert.equal(err.code, "unsupported_operation");
      assert.equal(err.param, "model");
      return true;
    });
    await assert.rejects(client.audio.transcriptions.create({ file: await recording(), model: "nobody" }), (err) => err.status === 404 && err.code === "model_not_found");
  },
});
