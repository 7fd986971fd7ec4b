/**
 * The site's own states as one file that an agent can load: the same sources
 * give the same bytes. It brings its own zod; of boma's states it uses those of
 * the agent, so that there is one `defineState` in the process. No code of the
 * site is run here.
 */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";

import { BomaError, BUNDLE_API, BUNDLE_BYTES_MAX, type BundleManifest } from "@boma/protocol";
import type * as Rolldown from "rolldown";

import { BUNDLE_ENTRY, bundleImports } from "./bundle-imports.ts";

/** A kind of state that the site defines, and the file whose default export it is. */
export interface Kind {
  readonly name: string;
  readonly file: string;
}

export interface Built {
  readonly manifest: BundleManifest;
  readonly bytes: Uint8Array;
}

export async function buildBundle(site: string, kinds: readonly Kind[]): Promise<Built> {
  const sorted = kinds.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const bytes = Buffer.from(await bundleCode(realpathSync(site), sorted));
  if (bytes.length > BUNDLE_BYTES_MAX)
    throw new BomaError(
      "bundle/build",
      `the site's states make a bundle of ${bytes.length} bytes, more than ${BUNDLE_BYTES_MAX}`,
      { hint: "Keep data out of them: a tree can hand it over as a parameter." },
    );
  const digest = createHash("sha256").update(bytes).digest("hex");
  const states = sorted.map(({ name }) => name);
  return { bytes, manifest: { digest, bytes: bytes.length, api: BUNDLE_API, states } };
}

async function bundleCode(site: string, kinds: readonly Kind[]): Promise<string> {
  const { rolldown } = await loadRolldown();
  try {
    const bundled = await rolldown({
      input: BUNDLE_ENTRY,
      cwd: site,
      // Neither a browser nor Node: what only a platform has is an error.
      platform: "neutral",
      tsconfig: false,
      plugins: [bundleImports(site, kinds)],
      onLog(level, log, handle) {
        if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
        if (level === "warn") return;
        handle(level, log);
      },
    });
    try {
      const { output } = await bundled.generate({
        format: "esm",
        codeSplitting: false,
        comments: { legal: true, annotation: false, jsdoc: false },
        // Names stay, for the sake of stack traces.
        minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
      });
      return output[0].code;
    } finally {
      await bundled.close();
    }
  } catch (cause) {
    if (cause instanceof BomaError) throw cause;
    throw asBuildError(cause, site);
  }
}

async function loadRolldown(): Promise<typeof Rolldown> {
  try {
    return await import("rolldown");
  } catch (cause) {
    throw new BomaError("bundle/build", "the bundler is not installed here", {
      hint: "A site with states of its own needs a master with its packages: build the bundle on one that has them.",
      cause,
    });
  }
}

/** Faults of several files come as one error that holds them. */
function asBuildError(cause: unknown, site: string): BomaError {
  const held = (cause as { errors?: readonly unknown[] }).errors ?? [cause];
  const ours = held.map(bomaErrorIn).find((error) => error !== undefined);
  // The bundler writes a code of its own into what a plugin throws.
  if (ours) return new BomaError("bundle/build", ours.message, { hint: ours.hint });
  const [first] = held.map((error) => (error instanceof Error ? error.message : String(error)));
  const words = stripColours(first ?? "").replaceAll(`${site}/`, "");
  return new BomaError("bundle/build", `the site's states cannot be put into a bundle: ${words}`, { cause });
}

/** An error of a plugin comes wrapped. */
function bomaErrorIn(error: unknown): BomaError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++)
    if (at instanceof BomaError) return at;
  return undefined;
}

// oxlint-disable-next-line no-control-regex -- the bundler colours its words.
const stripColours = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, "").trim();
