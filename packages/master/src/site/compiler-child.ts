/**
 * The process in which a site's code runs. It begins without keys, environment,
 * network or a way to write; what it says is checked by whoever started it. All of
 * it is synchronous: it reads a question, answers, and reads the next one.
 *
 *   node --permission … compiler-child.ts SITE LIMIT-MS
 */
import { readSync, writeSync } from "node:fs";
import { startCpuProfile } from "node:v8";
import { Script } from "node:vm";

import { noteOrigins, useSiteFiles } from "@boma/states";

import {
  errorWords,
  FrameReader,
  frameOf,
  type NodeInput,
  placeWords,
  Question,
  type Words,
} from "./child-words.ts";
import { closeDoors } from "./closed-doors.ts";
import { hangsAt } from "./hangs-at.ts";
import { guardImports } from "./imports.ts";
import { pillarValues } from "./pillar-source.ts";
import type { Place } from "./site-error.ts";
import { SiteModules } from "./site-modules.ts";
import { SitePaths } from "./site-paths.ts";
import { Site } from "./site.ts";
import { renderTemplate } from "./templates.ts";
import { siteErrorOf } from "./thrown.ts";
import { infoOf } from "./workspaces.ts";

const [QUESTIONS, ANSWERS] = [0, 3];
const NOTES_MAX = 100;
/** Shorter than the master waits beyond the limit. */
const SECOND_LOOK_MS = 500;
const STANDBY_MS = 1_000_000;
const [, , siteDir = "", limitText = ""] = process.argv;
const limitMs = Number(limitText);

const paths = new SitePaths(siteDir);
let at: { file?: string; node?: string } = {};
const modules = new SiteModules(paths, (file) => sayAt({ ...at, file }));
let site: Site | undefined;
let notes = 0;

const waiter = new Int32Array(new SharedArrayBuffer(4));

/** Not while something is done a second time. */
let isHeard = true;

function say(words: Words): void {
  if (!isHeard) return;
  let frame: Uint8Array;
  try {
    frame = frameOf(words);
  } catch (thrown) {
    if (!("key" in words)) throw thrown;
    frame = frameOf({ say: "failed", key: words.key, error: errorWords(siteErrorOf(thrown, paths)) });
  }
  for (let sent = 0; sent < frame.length;)
    try {
      sent += writeSync(ANSWERS, frame, sent);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "EAGAIN") throw thrown;
      Atomics.wait(waiter, 0, 0, 2);
    }
}

function sayAt(now: { file?: string; node?: string }): void {
  at = now;
  say({ say: "at", ...now });
}

function note(text: string, file?: string, line?: number): void {
  if (notes++ >= NOTES_MAX) return;
  const place = file === undefined ? undefined : placeWords({ file, line });
  say({ say: "note", text: text.slice(0, 8192), ...(place && { place }) });
}

/** Each step is done as a script with a limit, so that a loop ends and says where it was. */
let step: () => void = () => undefined;
const limited = new Script("globalThis[Symbol.for('boma.step')]()", { filename: "boma:step" });
Object.defineProperty(globalThis, Symbol.for("boma.step"), { value: () => step(), enumerable: false });

/** Did not come to its end in time; where it was, if that was seen. */
interface Hung {
  readonly place: Place | undefined;
}

function ends(work: () => void, timeoutMs: number): boolean {
  step = work;
  try {
    limited.runInThisContext({ timeout: timeoutMs });
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw thrown;
    return false;
  }
}

/** It samples nothing; while there is one, optimised code too remembers its lines. */
startCpuProfile({ sampleInterval: STANDBY_MS, maxBufferSize: 1 });

function watched(work: () => void, timeoutMs: number): Hung | undefined {
  const profile = startCpuProfile();
  try {
    if (ends(work, timeoutMs)) return void profile.stop();
  } catch (thrown) {
    profile.stop();
    throw thrown;
  }
  return { place: hangsAt(profile.stop(), paths) };
}

/** What was begun last for a node, to be done again by itself. */
let last: () => void = () => undefined;

/** Whether a question about nodes has been answered to its end. */
let isProven = false;

/**
 * Watching costs a hundred times what a node's catalog does. So only what is done for the first time is watched: the
 * loading, which cannot be done twice, and the first nodes. Later one that hangs is begun once more, to see where.
 */
function hangs(work: () => void): Hung | undefined {
  if (!site || !isProven) return watched(work, limitMs);
  if (ends(work, limitMs)) return undefined;
  isHeard = false;
  const hung = watched(last, Math.min(limitMs, SECOND_LOOK_MS));
  isHeard = true;
  return hung ?? { place: undefined };
}

function load(): Site {
  if (site) return site;
  sayAt({});
  return (site = new Site(modules));
}

function answer(question: Question): void {
  const loaded = load();
  switch (question.ask) {
    case "load":
      return sayLoaded(loaded);
    case "compile":
      return forEach(question.nodes, (node) => {
        const { catalog, warnings } = loaded.compile(node, question.asked, question.bundle);
        say({
          say: "compiled",
          key: node.key,
          catalog,
          warnings: warnings.map((text) => text.slice(0, 8192)),
        });
      });
    case "pillar":
      return forEach(question.nodes, (node) =>
        say({ say: "pillar", key: node.key, values: pillarValues(loaded.pillar.of(node)) }),
      );
  }
}

function forEach(nodes: readonly NodeInput[], work: (node: NodeInput) => void): void {
  for (const node of nodes) {
    sayAt({ node: node.id });
    last = () => {
      try {
        work(node);
      } catch (thrown) {
        say({ say: "failed", key: node.key, error: errorWords(siteErrorOf(thrown, paths)) });
      }
    };
    last();
  }
  isProven = true;
}

function sayLoaded({ trees, profiles, notifications, workspaces, errors }: Site): void {
  say({
    say: "loaded",
    loaded: {
      trees: [...trees.byName.keys()],
      kinds: trees.kinds.map(({ name, file }) => ({ name, file })),
      profiles: [...profiles],
      ...(notifications && { notifications: [...notifications] }),
      workspaces: workspaces.map(infoOf),
      errors: errors.slice(0, 1000).map(errorWords),
    },
  });
}

/** Answers one question; `false` once the process is of no use any more. */
function serve(question: Question): boolean {
  try {
    const hung = hangs(() => answer(question));
    if (hung) {
      say({ say: "hung", ...(hung.place && { place: placeWords(hung.place) }) });
      return false;
    }
  } catch (thrown) {
    say({ say: "broken", error: errorWords(siteErrorOf(thrown, paths)) });
  }
  say({ say: "done" });
  return true;
}

guardImports(paths, (file) => sayAt({ ...at, file }));
noteOrigins((file) => paths.nameOf(file) !== undefined);
useSiteFiles({
  read: (name) => paths.read(name),
  template: (name, values) => renderTemplate(paths, name, values),
});
closeDoors(paths, note);

say({ say: "ready" });
const reader = new FrameReader();
const buffer = new Uint8Array(65_536);
for (let open = true; open;) {
  const count = readSync(QUESTIONS, buffer);
  if (count === 0) break;
  for (const frame of reader.take(buffer.slice(0, count))) open &&= serve(Question.parse(frame));
}
