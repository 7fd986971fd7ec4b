/**
 * The process in which a site's reactors run: behind the same fence as its trees,
 * without keys, environment, network or a way to write. Here handlers wait for
 * answers, so it is asynchronous: it takes one frame, runs until nothing is left to
 * do without an answer, says so, and gets the next one.
 *
 *   node --permission … reactor-child.ts SITE
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { read, writeSync } from "node:fs";

import { BomaError, isErrorCode } from "@boma/protocol";
import { type Boma, noteOrigins, type Reactor, useSiteFiles } from "@boma/states";
import { z } from "zod";

import { errorWords, FrameReader, frameOf, placeWords } from "../site/child-words.ts";
import { closeDoors } from "../site/closed-doors.ts";
import { guardImports } from "../site/imports.ts";
import { SiteError } from "../site/site-error.ts";
import { SiteModules } from "../site/site-modules.ts";
import { SitePaths } from "../site/site-paths.ts";
import { renderTemplate } from "../site/templates.ts";
import { siteErrorOf } from "../site/thrown.ts";
import { Act, ACTS_MAX, assertShort, type Given, NOTES_MAX, type Words } from "./reactor-words.ts";

const [GIVEN, SAID] = [0, 3];
const [, , siteDir = ""] = process.argv;
const paths = new SitePaths(siteDir);
const modules = new SiteModules(paths, (file) => say({ say: "at", file }));
const waiter = new Int32Array(new SharedArrayBuffer(4));
/** Kept before the doors close: site code has neither. */
const { setImmediate } = globalThis;

function say(words: Words): void {
  const frame = frameOf(words);
  for (let sent = 0; sent < frame.length;)
    try {
      sent += writeSync(SAID, frame, sent);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EAGAIN") throw thrown;
      Atomics.wait(waiter, 0, 0, 2);
    }
}

/** One event in the hands of one reactor. */
interface Call {
  readonly id: number;
  readonly asked: Map<number, PromiseWithResolvers<unknown>>;
  acts: number;
  notes: number;
}
const calls = new Map<number, Call>();
/** So that what is printed says which call it belongs to. */
const current = new AsyncLocalStorage<Call>();
let notesOutside = 0;

function note(text: string, file?: string, line?: number): void {
  const call = current.getStore();
  if ((call ? call.notes++ : notesOutside++) >= NOTES_MAX) return;
  const place = file === undefined ? undefined : placeWords({ file, line });
  say({ say: "note", ...(call && { call: call.id }), text: text.slice(0, 8192), ...(place && { place }) });
}

function ask(call: Call, given: unknown): Promise<unknown> {
  const read = Act.safeParse(given);
  if (!read.success)
    throw new BomaError("reactor/failed", `the master cannot be asked this:\n${z.prettifyError(read.error)}`);
  // Here as well, where the line of the site that says it is known.
  assertShort(read.data);
  const number = call.acts++;
  if (number >= ACTS_MAX)
    throw new BomaError("reactor/limit", `a reactor may ask for ${ACTS_MAX} things at one event, no more`);
  const waiting = Promise.withResolvers<unknown>();
  call.asked.set(number, waiting);
  say({ say: "ask", call: call.id, ask: number, act: read.data });
  return waiting.promise;
}

/** A promise also where the asking itself fails, so that one way of catching is enough. */
const asking =
  (call: Call, act: (...words: readonly unknown[]) => unknown) =>
  async (...words: readonly unknown[]): Promise<unknown> =>
    ask(call, act(...words));

const bomaOf = (call: Call): Boma =>
  Object.freeze({
    run: asking(call, (target, name, args = {}, options = {}) => ({
      do: "run",
      target,
      function: name,
      args,
      options,
    })),
    assign: asking(call, (target, grains) => ({ do: "assign", target, grains })),
    tell: asking(call, (name, value) => ({ do: "tell", name, value })),
    log: (text: unknown) => note(String(text)),
  }) as unknown as Boma;

const isReactor = (value: unknown): value is Reactor =>
  typeof value === "object" && value !== null && (value as Partial<Reactor>).isReactor === true;

function load(file: string): void {
  try {
    const found = Object.entries(modules.load(file)).filter(([, value]) => isReactor(value));
    if (found.length === 0)
      throw new SiteError("site/reactor", "the file exports no reactor", {
        place: { file, line: 1 },
        hint: "Write `export default on(KIND, { … }, async (event, boma) => { … })`.",
      });
    const reactors = found.map(([name, value]) => {
      const { kinds, target, limit, attempts, timeoutMs } = value as Reactor;
      return {
        export: name,
        kinds: [...kinds],
        limit,
        attempts,
        timeoutMs,
        ...(target !== undefined && { target }),
      };
    });
    say({ say: "loaded", file, reactors });
  } catch (thrown) {
    say({ say: "loaded", file, reactors: [], error: errorWords(siteErrorOf(thrown, paths, { file })) });
  }
}

async function handle(call: Call, { file, export: name, event }: Given & { give: "event" }): Promise<void> {
  const { id } = call;
  try {
    const reactor = modules.load(file)[name];
    if (!isReactor(reactor))
      throw new SiteError("site/reactor", `${file} exports no reactor ${name} any more`);
    const { where } = reactor;
    if (where && where(event as never) !== true) return say({ say: "ended", call: id, passed: true });
    await reactor.handle(event as never, bomaOf(call));
    const { size } = call.asked;
    if (size > 0)
      note(
        `it ended while ${size} of what it asked for ${size === 1 ? "was" : "were"} under way: await them`,
      );
    say({ say: "ended", call: id, passed: false });
  } catch (thrown) {
    const error = errorWords(siteErrorOf(thrown, paths, { file }));
    say({ say: "ended", call: id, passed: false, error });
  } finally {
    calls.delete(id);
  }
}

function answer({ call, ask: number, value, error }: Given & { give: "answer" }): void {
  const waiting = calls.get(call)?.asked.get(number);
  calls.get(call)?.asked.delete(number);
  if (!error) return waiting?.resolve(value);
  const code = isErrorCode(error.code) ? error.code : "internal";
  waiting?.reject(new BomaError(code, error.message, { hint: error.hint }));
}

function begin(given: Given & { give: "event" }): void {
  const call: Call = { id: given.call, asked: new Map(), acts: 0, notes: 0 };
  calls.set(call.id, call);
  current.run(call, () => void handle(call, given));
}

function take(given: Given): void {
  switch (given.give) {
    case "load":
      return load(given.file);
    case "event":
      return begin(given);
    case "answer":
      return answer(given);
    case "drop":
      return void calls.delete(given.call);
  }
}

guardImports(paths, (file) => say({ say: "at", file }));
noteOrigins((file) => paths.nameOf(file) !== undefined);
useSiteFiles({
  read: (name) => paths.read(name),
  template: (name, values) => renderTemplate(paths, name, values),
});
// An error that a handler does not wait for is its own affair: it is told, and the others go on.
process.on("unhandledRejection", (thrown) =>
  note(`nobody waited for: ${siteErrorOf(thrown, paths).message}`),
);
closeDoors(paths, note);

const reader = new FrameReader();
const buffer = Buffer.alloc(65_536);
function listen(): void {
  read(GIVEN, buffer, 0, buffer.length, null, (_error, count) => {
    if (!count) return;
    for (const frame of reader.take(new Uint8Array(buffer.subarray(0, count)))) {
      take(frame as Given);
      // All that could go on has done so by then; a loop that gives no turn never comes to it.
      setImmediate(() => say({ say: "taken" }));
    }
    listen();
  });
}
say({ say: "ready" });
listen();
