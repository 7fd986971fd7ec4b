/** Daemons that documents show. */
import type { Given } from "../../testing/given.ts";
import { example } from "./example-engine.ts";

const notYet: Given = {
  commands: { dockerd: { stdout: "Docker version 20.10.24+dfsg1, build 5d6db84\n" } },
  services: { docker: {}, containerd: {} },
};

export const examples = [
  {
    title: "containers that outlive the daemon, and logs that do not fill the disk",
    key: "node" as const,
    given: notYet,
  },
  {
    title: "a mirror of one's own, while it runs",
    key: "node" as const,
    params: { registryMirrors: ["https://mirror.example"], logDriver: "journald", liveRestore: true },
    given: {
      ...example,
      http: {
        ...example.http,
        "GET http://docker/info": { body: withMirror() },
      },
      files: { "/etc/docker": { directory: true } },
    } as Given,
  },
  {
    title: "networks where nobody else has theirs, and what somebody set before",
    key: "node" as const,
    params: {
      adopt: true,
      addressPools: [{ base: "10.210.0.0/16", size: 24 }],
      extra: { "default-ulimits": { nofile: { Name: "nofile", Soft: 65_536, Hard: 65_536 } } },
    },
    given: { ...notYet, files: { "/etc/docker/daemon.json": '{"dns-search":["example.org"]}\n' } } as Given,
  },
];

function withMirror(): object {
  const info = (example.http!["GET http://docker/info"] as { body: { RegistryConfig: object } }).body;
  return { ...info, RegistryConfig: { ...info.RegistryConfig, Mirrors: ["https://mirror.example/"] } };
}
