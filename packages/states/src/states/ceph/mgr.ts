import { defineDaemon } from "./define-daemon.ts";

export default defineDaemon({
  kind: "mgr",
  summary: "What a Ceph manager starts with: its directory, and the key by which the cluster knows it.",
  caps: { mon: "allow profile mgr", osd: "allow *", mds: "allow *" },
});
