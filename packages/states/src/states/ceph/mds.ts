import { defineDaemon } from "./define-daemon.ts";

export default defineDaemon({
  kind: "mds",
  summary:
    "What a metadata server of CephFS starts with: its directory, and the key by which the cluster knows it.",
  caps: {
    mon: "allow profile mds",
    mgr: "allow profile mds",
    mds: "allow *",
    osd: "allow rw tag cephfs *=*",
  },
});
