/**
 * Large things on their way to one node, over a real bus: the master writes
 * them, the agent's own rights read them. On every server that is here.
 */
import { randomBytes } from "node:crypto";

import { CHUNK_BYTES_MAX, type ChunkRef } from "@boma/protocol";
import { jetstreamManager } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";

import type { Bus } from "../../packages/agent/src/bus.ts";
import { readChunks } from "../../packages/agent/src/chunks.ts";
import { ensureStreams } from "../../packages/master/src/bus/streams.ts";
import { Chunks } from "../../packages/master/src/mail/chunks.ts";
import { Store } from "../../packages/master/src/store/store.ts";
import { nameOf, serverPrograms, startTestBus, type TestBus, type TestUser } from "../support/nats.ts";

/** The agent's bus, as its own connection gives it. */
const busOf = ({ connection }: TestUser): Bus => ({
  async request(subject, data, { timeoutMs }) {
    const { data: answer, headers } = await connection.request(subject, data, { timeout: timeoutMs });
    return { data: answer, status: headers?.code ?? 0 };
  },
  subscribe: () => undefined,
  connected: () => Promise.resolve(),
});

async function chunksOn(bus: TestBus) {
  const control = await bus.ctrl();
  const { streams } = await jetstreamManager(control, { checkAPI: false });
  const messages = async () => (await streams.info("CHUNKS")).state.last_seq;
  return {
    chunks: new Chunks(await Store.open(control, randomBytes(32)), (key) => key),
    messages,
    /** Has the stream begin anew. */
    beginAnew: async () => {
      await streams.delete("CHUNKS");
      await ensureStreams(control);
    },
    reconnected: async () => {
      for await (const { type } of control.status()) if (type === "reconnect") return;
    },
  };
}

const read = (user: TestUser, ref: ChunkRef, key = user.key) =>
  readChunks({ bus: busOf(user), key, signal: AbortSignal.timeout(20_000) }, ref);

describe.each(serverPrograms.map((program) => ({ name: nameOf(program), program })))(
  "$name",
  ({ program }) => {
    test("what the master cut into parts the node reads as it was", async () => {
      await using bus = await startTestBus({ program });
      const { chunks } = await chunksOn(bus);
      const node = await bus.agent();
      for (const size of [0, 1, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX * 3 + 5]) {
        const bytes = randomBytes(size);
        const ref = await chunks.put(node.key, bytes);
        expect(ref.parts).toBe(Math.max(1, Math.ceil(size / CHUNK_BYTES_MAX)));
        expect(bytes.equals(await read(node, ref)), `${size} bytes`).toBe(true);
      }
    });

    test("what is there already is not written again, and is when a part has gone", async () => {
      await using bus = await startTestBus({ program });
      const { chunks, messages } = await chunksOn(bus);
      const node = await bus.agent();
      const bytes = randomBytes(CHUNK_BYTES_MAX + 1);
      const ref = await chunks.put(node.key, bytes);
      const written = await messages();
      expect(await chunks.put(node.key, bytes)).toEqual(ref);
      expect(await messages()).toBe(written);
      await chunks.forget(node.key, ref.digest);
      await expect(read(node, ref)).rejects.toMatchObject({ code: "wire/chunks-missing" });
      await chunks.put(node.key, bytes);
      expect(await messages()).toBe(written + 2);
      expect(bytes.equals(await read(node, ref))).toBe(true);
    });

    test("a node reads its own only, and loses it with its place in the fleet", async () => {
      await using bus = await startTestBus({ program });
      const { chunks } = await chunksOn(bus);
      const [mine, other] = [await bus.agent(), await bus.agent()];
      const ref = await chunks.put(mine.key, Buffer.from("for one node"));
      await chunks.put(other.key, Buffer.from("for another"));
      await expect(read(other, ref)).rejects.toMatchObject({ code: "wire/chunks-missing" });
      // The server drops what the credential does not permit, so that nobody answers.
      await expect(
        other.connection.request(`ctl.chunk.${mine.key}.${ref.digest}.0`, "", { timeout: 300 }),
      ).rejects.toThrow();
      await chunks.forgetAll(mine.key);
      await expect(read(mine, ref)).rejects.toMatchObject({ code: "wire/chunks-missing" });
      const kept = await chunks.put(other.key, Buffer.from("for another"));
      expect(Buffer.from(await read(other, kept)).toString()).toBe("for another");
    });

    test("after the bus was lost a place in the stream may be another one's, whose thing stays", async () => {
      await using bus = await startTestBus({ program });
      const { chunks, beginAnew, reconnected } = await chunksOn(bus);
      const [mine, other] = [await bus.agent(), await bus.agent()];
      const { digest } = await chunks.put(mine.key, Buffer.from("for one node"));
      // As a server that was killed before it wrote to the disk.
      await beginAnew();
      const kept = await chunks.put(other.key, Buffer.from("for another"));
      const again = reconnected();
      await bus.restart();
      await again;
      await chunks.forget(mine.key, digest);
      const reader = await bus.agent(other.nkey);
      expect(Buffer.from(await read(reader, kept)).toString()).toBe("for another");
    });

    test("a node for which ever more is written keeps the newest forty things", async () => {
      await using bus = await startTestBus({ program });
      const { chunks } = await chunksOn(bus);
      const node = await bus.agent();
      const refs: ChunkRef[] = [];
      for (let i = 0; i < 42; i++) refs.push(await chunks.put(node.key, Buffer.from(`thing ${i}`)));
      await expect(read(node, refs[1]!)).rejects.toMatchObject({ code: "wire/chunks-missing" });
      expect(Buffer.from(await read(node, refs[2]!)).toString()).toBe("thing 2");
      expect(Buffer.from(await read(node, refs[41]!)).toString()).toBe("thing 41");
    });
  },
);
