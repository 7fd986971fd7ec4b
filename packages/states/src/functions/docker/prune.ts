import { parseDuration } from "@boma/protocol";
import { z } from "zod";

import { defineFunction } from "../../define-function.ts";
import type { Host } from "../../host/host.ts";
import { answered, jsonOf } from "../../host/http.ts";
import { infoOf, requestOf } from "../../states/docker/api.ts";
import { assertUp } from "../../states/docker/assert-up.ts";
import { Duration } from "../../states/pkg/parameters.ts";

const PRUNE_MS = 10 * 60_000;
/** As many as fit into a result; how many there were is told all the same. */
const NAMED_MAX = 500;

const Gone = z.strictObject({ count: z.int(), names: z.array(z.string()) });
type Gone = z.output<typeof Gone>;

interface Answer {
  readonly ContainersDeleted?: readonly string[] | null;
  readonly ImagesDeleted?: readonly { readonly Deleted?: string; readonly Untagged?: string }[] | null;
  readonly NetworksDeleted?: readonly string[] | null;
  readonly VolumesDeleted?: readonly string[] | null;
  readonly CachesDeleted?: readonly string[] | null;
  readonly SpaceReclaimed?: number;
}

const params = z.strictObject({
  containers: z.boolean().default(true).describe("Containers that have ended."),
  images: z
    .enum(["none", "dangling", "unused"])
    .default("dangling")
    .describe("Images without a name that no container has, or all that no container has."),
  networks: z.boolean().default(true).describe("Networks in which nobody is."),
  cache: z.boolean().default(false).describe("What is left of building images."),
  volumes: z
    .boolean()
    .default(false)
    .describe("Volumes that no container has, with ALL THAT IS IN THEM. Nothing brings them back."),
  olderThan: Duration.optional().describe("Only what is so old, such as `24h`; volumes know no age."),
});
type Want = z.output<typeof params>;

export default defineFunction({
  name: "docker.prune",
  summary:
    "Takes away what no container needs: ended containers, images, networks; volumes only where that is said.",
  params,
  result: z.strictObject({
    containers: Gone,
    images: Gone,
    networks: Gone,
    volumes: Gone,
    cache: Gone,
    freedBytes: z.number(),
  }),
  effect: "write",
  onRestart: "resume",
  timeoutMs: 15 * 60_000,
  examples: [
    "boma-master run web-1 docker.prune",
    "boma-master run web-1 docker.prune images=unused olderThan=168h",
  ],
  async run(want, { host }) {
    await assertUp(host);
    let freedBytes = 0;
    const pruned = async (kind: string, filters: Filters, isAsked: boolean): Promise<Answer> => {
      const said = isAsked ? await prune(host, kind, filters) : {};
      freedBytes += said.SpaceReclaimed ?? 0;
      return said;
    };
    const age = ageOf(want);
    // What has ended first: images, networks and volumes are in use by it as long as it is there.
    const ended = await pruned("containers", age, want.containers);
    const networks = await pruned("networks", age, want.networks);
    const dangling = { dangling: [String(want.images === "dangling")] };
    const images = await pruned("images", { ...dangling, ...age }, want.images !== "none");
    const volumes = await pruned("volumes", want.volumes ? await allVolumes(host) : {}, want.volumes);
    const cache = await pruned("build", age, want.cache);
    return {
      containers: goneOf(ended.ContainersDeleted),
      images: goneOf(images.ImagesDeleted?.map(({ Deleted, Untagged }) => Untagged ?? Deleted ?? "")),
      networks: goneOf(networks.NetworksDeleted),
      volumes: goneOf(volumes.VolumesDeleted),
      cache: goneOf(cache.CachesDeleted),
      freedBytes,
    };
  },
  outcome: ({ containers, images, networks, volumes, cache }) =>
    [containers, images, networks, volumes, cache].some(({ count }) => count > 0) ? "changed" : "ok",
});

type Filters = Readonly<Record<string, readonly string[]>>;

const ageOf = ({ olderThan }: Want): Filters =>
  olderThan === undefined ? {} : { until: [`${Math.round(parseDuration(olderThan) / 1000)}s`] };

/** Later versions would leave those that have a name. */
async function allVolumes({ http }: Host): Promise<Filters> {
  const { ServerVersion: version } = await infoOf(http);
  return Number.parseInt(version, 10) >= 23 ? { all: ["true"] } : {};
}

async function prune({ http }: Host, kind: string, filters: Filters): Promise<Answer> {
  const query = new URLSearchParams({ filters: JSON.stringify(filters) }).toString();
  const request = { ...requestOf(`/${kind}/prune?${query}`), method: "POST", timeoutMs: PRUNE_MS } as const;
  return jsonOf<Answer>(answered(request, await http.send(request)));
}

const goneOf = (names: readonly string[] | null | undefined): Gone => ({
  count: names?.length ?? 0,
  names: (names ?? []).slice(0, NAMED_MAX),
});
