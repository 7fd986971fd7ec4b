import { PublicKey } from "@boma/protocol";
import { z } from "zod";

import { streamFills } from "../../bus/stream-fill.ts";
import type { Control } from "../../control.ts";
import { VERSION } from "../../version.ts";
import { defineVerb } from "../verb.ts";

export const masterStatus = defineVerb({
  verb: "master.status",
  right: "read",
  args: z.strictObject({}),
  async answer(_, { control }) {
    const nodes = [...control.registry.approved()];
    const { rss } = process.memoryUsage();
    const { trouble } = control.store.taking;
    return {
      version: VERSION,
      node: process.version,
      pid: process.pid,
      startedAt: control.startedAt,
      rssBytes: rss,
      workingKey: control.keyring().name,
      masters: await control.masters(),
      bus: { ...control.busInfo(), servers: control.servers(), tls: control.ca !== undefined, trouble },
      nodes: {
        approved: nodes.length,
        connected: nodes.filter(({ key }) => control.presence.connected(key)).length,
        waiting: control.enrolment.room.list().length,
      },
      sites: sitesOf(control),
      jobs: { open: control.jobs.openCount },
      streams: trouble === undefined ? await streamFills(control.store.api) : [],
      audit: troubleOf(control),
    };
  },
});

/** Those with a server of their own, and who of their nodes is there. */
function sitesOf({ registry, presence, siteLines, where }: Control) {
  return siteLines.list().map((line) => {
    const keys = [...registry.approved()].flatMap(({ key }) =>
      where.siteOf(key) === line.site ? [key] : [],
    );
    return { ...line, nodes: keys.length, here: keys.filter((key) => presence.connected(key)).length };
  });
}

/** What keeps the audit from the disk or from its copy, and what of it is gone. */
function troubleOf({ audit, auditCopier }: Control): {
  readonly disk?: string;
  readonly copy?: string;
  readonly lacking?: string;
} {
  const { trouble: disk, lacking } = audit.status;
  const { trouble: copy } = auditCopier.status;
  return {
    ...(disk !== undefined && { disk }),
    ...(copy !== undefined && { copy }),
    ...(lacking !== undefined && { lacking }),
  };
}

export const masterRotate = defineVerb({
  verb: "master.rotate",
  right: "admin",
  args: z.strictObject({
    rootKeyFile: z.string().optional(),
    /** The root names this key as the one that signs the site's own states. */
    release: PublicKey.optional(),
  }),
  answer: async ({ rootKeyFile, release }, { control }) => control.rotate(rootKeyFile, release),
});

/** Answered by the door itself, which knows the feeds. */
export const feedKeep = defineVerb({
  verb: "feed.keep",
  right: "none",
  args: z.strictObject({}),
  answer: async () => false,
});
