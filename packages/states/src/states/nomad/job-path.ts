/** Where a job is in Nomad's API. Its own namespace is not said where it is the one that everybody has. */
const DEFAULT = "default";

export const inNamespace = (namespace: string): string =>
  namespace === DEFAULT ? "" : `?namespace=${encodeURIComponent(namespace)}`;

export const jobPath =
  (job: string, namespace: string) =>
  (part = ""): string =>
    `/v1/job/${encodeURIComponent(job)}${part}${inNamespace(namespace)}`;

export const claimOf = (job: string, namespace: string): string =>
  namespace === DEFAULT ? `nomad-job:${job}` : `nomad-job:${namespace}/${job}`;
