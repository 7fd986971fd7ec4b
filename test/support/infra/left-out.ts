/**
 * What no test needs of a program and most of its build is for: the clouds. By module, the packages that it is built
 * without; everything else in it is as its makers wrote it. See prune/main.go for how.
 */

export type LeftOut = Readonly<Record<string, readonly string[]>>;

const under = (parent: string, ...names: readonly string[]): readonly string[] =>
  names.map((name) => `${parent}${name}`);

/** Finding others to join by asking a cloud: addresses and mDNS are still there. */
export const WITHOUT_DISCOVERY: LeftOut = {
  "github.com/hashicorp/go-discover": under(
    "github.com/hashicorp/go-discover/provider/",
    ..."aliyun aws azure digitalocean gce k8s linode os packet scaleway softlayer tencentcloud triton vsphere".split(
      " ",
    ),
  ),
};

export const CONSUL_WITHOUT: LeftOut = {
  ...WITHOUT_DISCOVERY,
  "github.com/hashicorp/consul": [
    "github.com/hashicorp/go-discover/provider/k8s",
    "github.com/hashicorp/consul/agent/consul/authmethod/kubeauth",
  ],
  // Whatever an Envoy may be told, and not only what Consul tells it.
  "github.com/hashicorp/consul//agent/xds/z_xds_packages.go": ["github.com/envoyproxy/go-control-plane"],
};

const VAULT = "github.com/hashicorp/vault/";

export const VAULT_WITHOUT: LeftOut = {
  "github.com/hashicorp/vault": [
    ...under(
      "github.com/hashicorp/vault-plugin-",
      ..."auth-alicloud auth-azure auth-centrify auth-cf auth-gcp auth-kerberos auth-kubernetes auth-oci".split(
        " ",
      ),
      ..."database-couchbase database-elasticsearch database-mongodbatlas database-redis".split(" "),
      ..."database-redis-elasticache database-snowflake".split(" "),
      ..."secrets-ad secrets-alicloud secrets-azure secrets-gcp secrets-gcpkms secrets-kubernetes".split(" "),
      ..."secrets-mongodbatlas secrets-openldap secrets-terraform".split(" "),
    ),
    ...under(
      "github.com/hashicorp/go-kms-wrapping/wrappers/",
      ..."alicloudkms awskms azurekeyvault gcpckms ocikms".split(" "),
    ),
    ...under(`${VAULT}builtin/credential/`, ..."aws github ldap okta radius".split(" ")),
    ...under(`${VAULT}builtin/logical/`, "aws", "rabbitmq"),
    ...under(
      `${VAULT}command/agentproxyshared/auth/`,
      ..."alicloud aws azure cf gcp kerberos oci".split(" "),
    ),
    ...under(
      `${VAULT}physical/`,
      ..."aerospike alicloudoss azure cassandra cockroachdb couchdb dynamodb etcd foundationdb gcs".split(
        " ",
      ),
      ..."manta mssql mysql oci postgresql s3 spanner swift zookeeper".split(" "),
    ),
    `${VAULT}plugins/database`,
    `${VAULT}serviceregistration/kubernetes`,
  ],
};

export const TOFU_WITHOUT: LeftOut = {
  "github.com/opentofu/opentofu": under(
    "github.com/opentofu/opentofu/internal/backend/remote-state/",
    ..."azure cos gcs kubernetes oss s3".split(" "),
  ),
};
