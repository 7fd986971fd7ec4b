#!/bin/sh
# Puts the agent into an image, and nobody's identity:
#
#   bake-agent.sh boma-agent_VERSION_ARCH.deb JOIN
#
# as root of the image, in its chroot (live-build) or in the machine that becomes it (Packer). JOIN is the master's file
# `<home>/join`: who the master is, and nothing secret. Each machine then brings a token of its own at its first boot,
# `boma.token=bt_…` on its kernel's command line or in /etc/boma/token; without one it waits for an operator.
set -eu

fail() {
  echo "bake-agent.sh: $1" >&2
  exit 1
}

[ $# = 2 ] || fail "give the agent's package and the master's join file"
[ "$(id -u)" = 0 ] || fail "it installs a package, and has to be root"
package=$(readlink -f "$1")
[ -f "$package" ] || fail "there is no package $1"
[ -f "$2" ] || fail "there is no file $2"
case $(head -c 6 "$2") in
boma1.) ;;
*) fail "$2 is not the master's join file (boma1.…)" ;;
esac
# A join token has the same form, with a boot token in it.
if tail -c +7 "$2" | tr '_-' '/+' | base64 --decode 2> /dev/null | grep --quiet --text bt_; then
  fail "$2 holds a boot token: every machine of the image would bring the same one"
fi
# Not only that nothing is baked in: whoever runs this on a machine that works loses nothing.
for kept in /var/lib/boma/agent/identity.json /etc/boma/token; do
  [ ! -e "$kept" ] || fail "$kept is here: this is a node already, or becomes one. Bake in an image that has none"
done

# Nothing starts, whether systemd runs here or not.
policy=/usr/sbin/policy-rc.d
kept_policy=
if [ -e "$policy" ]; then
  kept_policy=$(mktemp "$policy.XXXXXX")
  mv "$policy" "$kept_policy"
fi
undo() {
  rm -f "$policy"
  [ -z "$kept_policy" ] || mv "$kept_policy" "$policy"
}
trap undo EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' > "$policy"
chmod 755 "$policy"

DEBIAN_FRONTEND=noninteractive apt-get -o APT::Sandbox::User=root --quiet --yes install "$package"
install -d -m 755 /etc/boma
install -m 600 "$2" /etc/boma/join

# What tells one machine from another is made at the first boot of each.
rm -rf /var/lib/boma/agent /var/lib/boma/upgrade /var/cache/boma
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
: > /etc/machine-id
[ ! -f /var/lib/dbus/machine-id ] || [ -L /var/lib/dbus/machine-id ] || rm /var/lib/dbus/machine-id

[ ! -e /var/lib/boma/agent ] || fail "the agent ran here meanwhile: something started it"
systemctl is-enabled --quiet boma-agent.service || fail "boma-agent.service is not enabled"
echo "bake-agent.sh: $(dpkg-query --show --showformat='${Package} ${Version}' boma-agent) is in this image, and no identity"
