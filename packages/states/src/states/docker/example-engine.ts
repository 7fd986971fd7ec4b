/** A machine of memory on which Docker runs, for the examples. */
import type { Given } from "../../testing/given.ts";

export const INFO = {
  ServerVersion: "20.10.24+dfsg1",
  Driver: "overlay2",
  DockerRootDir: "/var/lib/docker",
  Images: 2,
  Containers: 1,
  ContainersRunning: 1,
  Debug: false,
  LiveRestoreEnabled: true,
  Labels: [] as string[],
  DefaultRuntime: "runc",
  RegistryConfig: {
    InsecureRegistryCIDRs: ["127.0.0.0/8"],
    IndexConfigs: { "docker.io": { Secure: true } },
    Mirrors: [] as string[],
  },
  Swarm: { LocalNodeState: "inactive" },
};

const NAT_RULES = `table ip nat {
\tchain DOCKER {
\t}
\tchain PREROUTING {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\tfib daddr type local counter packets 0 bytes 0 jump DOCKER
\t}
}
`;

export const example: Given = {
  services: {
    docker: { active: true, enabled: true },
    containerd: { active: true, enabled: true },
    "docker.socket": { active: true, enabled: true },
  },
  commands: {
    dockerd: { stdout: "Docker version 20.10.24+dfsg1, build 5d6db84\n" },
    "iptables --version": { stdout: "iptables v1.8.9 (nf_tables)\n" },
    "nft list table ip nat": { stdout: NAT_RULES },
  },
  http: {
    "GET http://docker/_ping": { body: "OK" },
    "GET http://docker/info": { body: INFO },
    "GET http://docker/events": {
      body: '{"Type":"daemon","Action":"reload","timeNano":9000000000000000000}\n',
    },
  },
};
