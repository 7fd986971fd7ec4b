/** What the master and the process that evaluates the site say to each other: frames of msgpack, bounded, checked. */
import {
  Assigned,
  BomaError,
  type ErrorCode,
  Grains,
  isErrorCode,
  pack,
  unpackHostile,
} from "@boma/protocol";
import { Catalog, Notification, WorkspaceInfo } from "@boma/states/core";
import { z } from "zod";

import { Profile } from "./profile.ts";
import { type Place, SiteError } from "./site-error.ts";

/** A node as the site sees it. */
export const NodeInput = z.strictObject({
  key: z.string(),
  id: z.string(),
  /** What it claims. */
  grains: Grains,
  assigned: Assigned,
});
export type NodeInput = z.output<typeof NodeInput>;

/** Some trees by name, or one state, instead of what top.ts says. */
export const Asked = z.strictObject({
  trees: z.array(z.string().max(255)).max(64).optional(),
  single: z
    .strictObject({
      state: z.string().max(128),
      key: z.string().max(4096),
      params: z.record(z.string(), z.unknown()),
    })
    .optional(),
  /** The one with this name, of those below terraform/. */
  workspace: z.string().max(255).optional(),
});
export type Asked = z.output<typeof Asked>;

export const Question = z.discriminatedUnion("ask", [
  z.strictObject({ ask: z.literal("load") }),
  z.strictObject({
    ask: z.literal("compile"),
    nodes: z.array(NodeInput),
    asked: Asked,
    bundle: z.string().nullable(),
  }),
  z.strictObject({ ask: z.literal("pillar"), nodes: z.array(NodeInput) }),
]);
export type Question = z.output<typeof Question>;

const Text = z.string().max(8192);
const File = z.string().max(1024);
export const PlaceWords = z.strictObject({
  file: File,
  line: z.int().optional(),
  column: z.int().optional(),
});
export const ErrorWords = z.strictObject({
  code: z.string().max(64),
  what: z.string().max(64 * 1024),
  hint: Text.optional(),
  place: PlaceWords.optional(),
});
export type ErrorWords = z.output<typeof ErrorWords>;

const PillarValue = z.strictObject({
  path: z.string().max(1024),
  value: z.unknown(),
  file: File,
  line: z.int().optional(),
});
export type PillarValue = z.output<typeof PillarValue>;

export const Loaded = z.strictObject({
  /** Names of trees, and the kinds of states that the site defines itself. */
  trees: z.array(File).max(10_000),
  kinds: z.array(z.strictObject({ name: z.string().max(128), file: File })).max(1000),
  profiles: z.array(Profile).max(1000),
  /** What is told to whom; absent where the file cannot be used. */
  notifications: z.array(Notification).max(200).optional(),
  workspaces: z.array(WorkspaceInfo).max(1000),
  /** Files that cannot be used; what does not need them goes on. */
  errors: z.array(ErrorWords).max(1000),
});

export type Loaded = z.output<typeof Loaded>;

export const Words = z.discriminatedUnion("say", [
  /** It has started, and reads questions. */
  z.strictObject({ say: z.literal("ready") }),
  /** What is under way, so that the right thing is named should it never end. */
  z.strictObject({ say: z.literal("at"), file: File.optional(), node: z.string().max(255).optional() }),
  z.strictObject({ say: z.literal("note"), text: Text, place: PlaceWords.optional() }),
  z.strictObject({ say: z.literal("loaded"), loaded: Loaded }),
  z.strictObject({
    say: z.literal("compiled"),
    key: z.string(),
    catalog: Catalog,
    warnings: z.array(Text).max(1000),
  }),
  z.strictObject({ say: z.literal("pillar"), key: z.string(), values: z.array(PillarValue).max(100_000) }),
  z.strictObject({ say: z.literal("failed"), key: z.string(), error: ErrorWords }),
  /** Nothing can be done with this site. */
  z.strictObject({ say: z.literal("broken"), error: ErrorWords }),
  /** It ran out of time; the process is of no use any more. */
  z.strictObject({ say: z.literal("hung"), place: PlaceWords.optional() }),
  z.strictObject({ say: z.literal("done") }),
]);
export type Words = z.output<typeof Words>;

const FRAME_BYTES_MAX = 32 * 1024 * 1024;
const HEAD_BYTES = 4;

export function frameOf(value: object): Uint8Array {
  const bytes = pack(value);
  if (bytes.length > FRAME_BYTES_MAX)
    throw new BomaError("site/broken", `what the site gives is larger than ${FRAME_BYTES_MAX} bytes`);
  const frame = new Uint8Array(HEAD_BYTES + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length);
  frame.set(bytes, HEAD_BYTES);
  return frame;
}

/** Cuts what arrives into frames. What is longer than a frame may be is refused before it is kept. */
export class FrameReader {
  #parts: Uint8Array[] = [];
  #length = 0;

  /** Every whole frame in what has come so far. */
  *take(bytes: Uint8Array): Generator<unknown> {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    for (let size = this.#size(); size !== undefined && this.#length >= size; size = this.#size()) {
      const all = this.#whole();
      this.#parts = [all.subarray(size)];
      this.#length = all.length - size;
      yield unpackHostile(all.subarray(HEAD_BYTES, size));
    }
  }

  #size(): number | undefined {
    if (this.#length < HEAD_BYTES) return undefined;
    const head = this.#parts[0]!.length >= HEAD_BYTES ? this.#parts[0]! : this.#whole();
    const size = new DataView(head.buffer, head.byteOffset).getUint32(0);
    if (size > FRAME_BYTES_MAX) throw new BomaError("wire/size", `a frame of ${size} bytes`);
    return HEAD_BYTES + size;
  }

  #whole(): Uint8Array {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? new Uint8Array();
  }
}

export const errorWords = (error: BomaError): ErrorWords => {
  const place = error instanceof SiteError ? error.place : undefined;
  const what = error instanceof SiteError ? error.what : error.message;
  return {
    code: error.code,
    what: what.slice(0, 64 * 1024),
    hint: error.hint.slice(0, 8192),
    ...(place && { place: placeWords(place) }),
  };
};

export const placeWords = ({ file, line, column }: Place) => ({
  file: file.slice(0, 1024),
  ...(line !== undefined && { line }),
  ...(column !== undefined && { column }),
});

export function errorOf({ code, what, hint, place }: ErrorWords): SiteError {
  const known: ErrorCode = isErrorCode(code) ? code : "site/broken";
  return new SiteError(known, what, { hint, place });
}
