/**
 * What the makers' own packages put around their programs, in our words: same names, paths, users, units and scripts.
 * Known to differ: the data directories are 0700, the certificate of Vault has 2048 bits (4096 take seconds to make), the
 * configuration files lack the makers' long comments, and there is no licence, agent unit or shell completion.
 */
import type { ProgramName } from "./programs.ts";

export interface Package {
  readonly description: string;
  readonly depends: readonly string[];
  /** The files beside the program; those in /etc are configuration files that an upgrade leaves as they are. */
  readonly files: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const user = (name: string, options = ""): string => `#!/bin/sh
set -eu
id -u ${name} > /dev/null 2>&1 || useradd --system --user-group ${options} --shell /bin/false ${name}
`;

const RELOAD = `if [ -d /run/systemd/system ]; then systemctl --system daemon-reload > /dev/null || true; fi
`;

const removeUser = (name: string): string => `if [ "$1" = purge ]; then userdel ${name} || true; fi
`;

const CONSUL: Package = {
  description: "service discovery and configuration",
  depends: ["passwd"],
  files: {
    "/etc/consul.d/consul.hcl": 'data_dir = "/opt/consul"\n',
    "/etc/consul.d/consul.env": "",
    "/usr/lib/systemd/system/consul.service": `[Unit]
Description=Consul, built for tests
Requires=network-online.target
After=network-online.target
ConditionDirectoryNotEmpty=/etc/consul.d

[Service]
Type=notify
EnvironmentFile=-/etc/consul.d/consul.env
User=consul
Group=consul
ExecStart=/usr/bin/consul agent -config-dir=/etc/consul.d/
ExecReload=/bin/kill --signal HUP $MAINPID
KillMode=process
KillSignal=SIGTERM
Restart=on-failure
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`,
  },
  scripts: {
    preinst: user("consul"),
    postinst: `#!/bin/sh
mkdir -p -m 0700 /opt/consul
chown -R consul:consul /opt/consul /etc/consul.d
${RELOAD}`,
    prerm: `#!/bin/sh
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl --no-reload disable consul.service > /dev/null || :
  systemctl stop consul.service > /dev/null || :
fi
exit 0
`,
    // Theirs too starts it at an upgrade, whether it ran before or not.
    postrm: `#!/bin/sh
${removeUser("consul")}if [ "$1" = upgrade ] && [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload > /dev/null || true
  systemctl restart consul > /dev/null || true
fi
exit 0
`,
  },
};

const VAULT: Package = {
  description: "secrets, encryption and identities",
  depends: ["passwd", "openssl"],
  files: {
    "/etc/vault.d/vault.hcl": `ui = true

storage "file" {
  path = "/opt/vault/data"
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/opt/vault/tls/tls.crt"
  tls_key_file  = "/opt/vault/tls/tls.key"
}
`,
    "/etc/vault.d/vault.env": "",
    "/usr/lib/systemd/system/vault.service": `[Unit]
Description=Vault, built for tests
Requires=network-online.target
After=network-online.target
ConditionFileNotEmpty=/etc/vault.d/vault.hcl
StartLimitIntervalSec=60
StartLimitBurst=3

[Service]
Type=notify
EnvironmentFile=/etc/vault.d/vault.env
User=vault
Group=vault
ProtectSystem=full
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
SecureBits=keep-caps
AmbientCapabilities=CAP_IPC_LOCK
CapabilityBoundingSet=CAP_SYSLOG CAP_IPC_LOCK
NoNewPrivileges=yes
ExecStart=/usr/bin/vault server -config=/etc/vault.d/vault.hcl
ExecReload=/bin/kill --signal HUP $MAINPID
KillMode=process
KillSignal=SIGINT
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
LimitNOFILE=65536
LimitMEMLOCK=infinity

[Install]
WantedBy=multi-user.target
`,
  },
  scripts: {
    preinst: user("vault", "--home-dir /opt/vault"),
    // Theirs too ends here at an upgrade: the new program is left without the capability.
    postinst: `#!/bin/sh
if [ -f /opt/vault/tls/tls.crt ] && [ -f /opt/vault/tls/tls.key ]; then exit 0; fi
mkdir -p /opt/vault/tls /opt/vault/data
openssl req -x509 -new -newkey rsa:2048 -nodes -sha256 -subj "/O=Tests/CN=Vault" -days 1095 \\
  -keyout /opt/vault/tls/tls.key -out /opt/vault/tls/tls.crt 2> /dev/null
chown -R vault:vault /etc/vault.d /opt/vault
chmod 600 /opt/vault/tls/tls.crt /opt/vault/tls/tls.key
chmod 700 /opt/vault/tls /opt/vault/data
if command -v setcap > /dev/null; then setcap cap_ipc_lock=+ep /usr/bin/vault; fi
${RELOAD}`,
    postrm: `#!/bin/sh
${removeUser("vault")}exit 0
`,
  },
};

const NOMAD: Package = {
  description: "schedules and runs workloads",
  depends: ["passwd", "libc6"],
  files: {
    "/etc/nomad.d/nomad.hcl": `data_dir  = "/opt/nomad/data"
bind_addr = "0.0.0.0"

server {
  enabled          = true
  bootstrap_expect = 1
}

client {
  enabled = true
  servers = ["127.0.0.1"]
}
`,
    "/etc/nomad.d/nomad.env": "",
    // As root: a client needs it, and a server alone is given a user by hand.
    "/usr/lib/systemd/system/nomad.service": `[Unit]
Description=Nomad, built for tests
Wants=network-online.target
After=network-online.target

[Service]
EnvironmentFile=-/etc/nomad.d/nomad.env
ExecReload=/bin/kill -HUP $MAINPID
ExecStart=/usr/bin/nomad agent -config /etc/nomad.d
KillMode=process
KillSignal=SIGINT
LimitNOFILE=65536
LimitNPROC=infinity
Restart=on-failure
RestartSec=2
TasksMax=infinity
OOMScoreAdjust=-1000

[Install]
WantedBy=multi-user.target
`,
  },
  scripts: {
    preinst: user("nomad"),
    postinst: `#!/bin/sh
mkdir -p -m 0700 /opt/nomad/data
chown nomad:nomad /opt/nomad/data
chown -R nomad:nomad /etc/nomad.d
${RELOAD}`,
    postrm: `#!/bin/sh
${removeUser("nomad")}exit 0
`,
  },
};

const TOFU: Package = {
  description: "infrastructure as code",
  depends: [],
  files: {},
  scripts: {},
};

export const PACKAGES: Readonly<Record<ProgramName, Package>> = {
  consul: CONSUL,
  vault: VAULT,
  nomad: NOMAD,
  tofu: TOFU,
};
