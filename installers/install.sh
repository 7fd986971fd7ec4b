#!/bin/sh
# Installs boma where there is no dpkg, from the files of a release: checks signature and digest, unpacks, says what it did.
# And makes a clean Debian or Ubuntu the first server, from the packages of the same release.
set -eu
# Whoever runs this with a stricter one would get programs that only root can start.
umask 022

usage() {
  cat << 'EOF'
usage: install.sh [agent|master] [options]
       install.sh bootstrap [options] [options of `boma-master bootstrap`]

  --from DIR      the files of the release (default: where this script lies)
  --key FILE      the release's public key (ed25519, PEM); with it the signature of SHA256SUMS must hold
  --no-signature  digests alone will do: the release came over a way that you trust
  --prefix DIR    install below DIR instead of /, and start nothing
  --uninstall     take away what was installed; what the program keeps stays
  --purge         the same, and what it keeps as well

`bootstrap` installs both packages with apt-get and runs `boma-master bootstrap`: it takes --from, --key and --no-signature,
and hands on all else: --profile, --site, --boot-address, --json and so on.

Exit status: 0 done, 1 failed and nothing was changed, 2 usage; of `bootstrap` what `boma-master bootstrap` ends with.
EOF
}

fail() { echo "install.sh: $1" >&2; exit 1; }
misuse() { echo "install.sh: $1" >&2; usage >&2; exit 2; }
say() { echo "  $1"; }

what= from= key= prefix= action=install signed=yes
if [ "${1:-}" = bootstrap ]; then
  action=bootstrap
  shift
  # What is not ours goes round to the end, and is what is left.
  left=$#
  while [ "$left" -gt 0 ]; do
    word=$1
    shift
    left=$((left - 1))
    case "$word" in
    --from | --key)
      [ "$left" -gt 0 ] || misuse "$word wants a value"
      case "$word" in --from) from=$1 ;; --key) key=$1 ;; esac
      shift
      left=$((left - 1)) ;;
    --no-signature) signed=no ;;
    -h | --help) usage; exit 0 ;;
    *) set -- "$@" "$word" ;;
    esac
  done
fi
while [ "$action" != bootstrap ] && [ $# -gt 0 ]; do
  case "$1" in
  agent | master) [ -z "$what" ] || misuse "say agent or master, once"; what=$1 ;;
  --from | --key | --prefix)
    [ $# -ge 2 ] || misuse "$1 wants a value"
    case "$1" in --from) from=$2 ;; --key) key=$2 ;; --prefix) prefix=${2%/} ;; esac
    shift ;;
  --no-signature) signed=no ;;
  --uninstall) action=uninstall ;;
  --purge) action=purge ;;
  -h | --help) usage; exit 0 ;;
  *) misuse "$1 is not known" ;;
  esac
  shift
done
what=${what:-agent}
name=boma-$what
case "$0" in */*) here=${0%/*} ;; *) here=. ;; esac
from=${from:-$here}
# What was installed, one path a line: the only things that are taken away again.
list=$prefix/usr/lib/$name.installed
# What is checked is a copy here: nobody else can change it between the look and the use.
work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
[ -n "$prefix" ] || [ "$(id -u)" = 0 ] || fail "only root can install into /: use sudo, or --prefix DIR"

has_systemd() { [ -z "$prefix" ] && [ -d /run/systemd/system ]; }
units() { if [ "$what" = agent ]; then echo boma-agent.service; else echo boma-master.path boma-master.service; fi; }

architecture() {
  case "$(uname -m)" in
  x86_64) echo amd64 ;;
  aarch64 | arm64) echo arm64 ;;
  *) fail "there is no boma for $(uname -m)" ;;
  esac
}

digest() {
  if command -v sha256sum > /dev/null; then sha256sum "$1" | cut -d' ' -f1
  elif command -v openssl > /dev/null; then openssl dgst -sha256 -r "$1" | cut -d' ' -f1
  else fail "neither sha256sum nor openssl is here to check digests with"; fi
}

check_signature() {
  [ -r "$from/SHA256SUMS" ] || fail "$from/SHA256SUMS is missing"
  cp "$from/SHA256SUMS" "$work/sums"
  if [ -z "$key" ]; then
    [ "$signed" = no ] || fail "give the release's public key with --key FILE, or say --no-signature"
    say "signature not checked: --no-signature"
    return
  fi
  [ -r "$key" ] || fail "the key $key cannot be read"
  [ -r "$from/SHA256SUMS.sig" ] || fail "$from/SHA256SUMS.sig is missing: the release is not signed"
  command -v openssl > /dev/null || fail "openssl is needed to check the signature"
  cp "$from/SHA256SUMS.sig" "$work/signature"
  openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$work/sums" -sigfile "$work/signature" > /dev/null 2>&1 ||
    fail "SHA256SUMS is not signed with $key: do not use these files"
  say "signature holds"
}

find_archive() {
  found=
  for file in "$from/$name"-*"-linux-$(architecture).tar.gz"; do
    [ -e "$file" ] || continue
    [ -z "$found" ] || fail "there is more than one archive of $name in $from"
    found=$file
  done
  [ -n "$found" ] || fail "there is no archive of $name for $(architecture) in $from"
  echo "$found"
}

# Of a file, or of a copy of it.
check_digest() {
  file=$(basename "$1") wanted=
  while read -r sum named; do [ "$named" != "$file" ] || wanted=$sum; done < "$work/sums"
  [ -n "$wanted" ] || fail "SHA256SUMS does not name $file"
  [ "$(digest "${2:-$1}")" = "$wanted" ] || fail "$1 is not what SHA256SUMS names: it was changed or damaged"
  say "digest of $file holds"
}

# No list may lead out of the directory.
check_list() {
  while IFS= read -r path; do
    case "$path" in /* | ../* | */../* | */..) fail "$list names $path: it was changed" ;; esac
  done < "$list"
}

is_listed() { [ -e "$list" ] && grep -qxF -e "$1" "$list"; }

install_files() {
  command -v dpkg > /dev/null && [ -z "$prefix" ] && dpkg -s "$name" > /dev/null 2>&1 &&
    fail "$name is installed as a package: upgrade it with apt-get"
  [ ! -e "$list" ] || check_list
  mkdir -p "$prefix/usr/lib"
  work=$(mktemp -d "$prefix/usr/lib/$name.stage.XXXXXX")
  check_signature
  archive=$(find_archive)
  cp "$archive" "$work/archive"
  check_digest "$archive" "$work/archive"
  stage=$work/root
  mkdir "$stage"
  tar -xzf "$work/archive" -C "$stage" || fail "$archive cannot be unpacked"
  runs "$stage" || fail "the program does not run on this machine: it needs glibc 2.28, libstdc++ and libatomic"
  (cd "$stage" && find . ! -type d | sed 's|^\./||' | LC_ALL=C sort) > "$work/all"
  while IFS= read -r path; do
    if is_listed "$path" || { [ ! -e "$prefix/$path" ] && [ ! -L "$prefix/$path" ]; }; then echo "$path"
    else case "$path" in
      # What is somebody's own stays so, also when this is taken away again.
      etc/*) ;;
      *) fail "$prefix/$path is there already, and not from this script: move it away" ;;
    esac fi
  done < "$work/all" > "$work/list"
  # Known before the first of them is there: a run that is cut off can be repeated, or taken back.
  if [ -e "$list" ]; then LC_ALL=C sort -u "$list" "$work/list"; else cat "$work/list"; fi > "$work/known"
  cp "$work/known" "$list.new"
  mv -f "$list.new" "$list"
  # What people changed stays; all else is replaced, each file at once.
  while IFS= read -r path; do
    mkdir -p "$prefix/$(dirname "$path")"
    case "$path" in etc/*) [ ! -e "$prefix/$path" ] || continue ;; esac
    rm -rf "$prefix/$path.boma-new"
    mv -f "$stage/$path" "$prefix/$path.boma-new"
    mv -f "$prefix/$path.boma-new" "$prefix/$path"
  done < "$work/list"
  # Files of the version before that this one has no more.
  LC_ALL=C comm -23 "$work/known" "$work/list" | while IFS= read -r path; do
    case "$path" in etc/*) ;; *) rm -f "$prefix/$path" ;; esac
  done
  mv -f "$work/list" "$list"
  mkdir -p "$prefix/etc/boma/agent.d"
  say "installed $(grep -c . "$list") files below ${prefix:-/}; they are listed in $list"
}

runs() {
  if [ "$what" = agent ]; then "$1/usr/lib/boma-agent/boma-agent" --version > /dev/null 2>&1
  else "$1/usr/lib/boma-master/bin/node" --version > /dev/null 2>&1; fi
}

start() {
  has_systemd || { say "nothing was started: there is no systemd here, or --prefix was given"; return; }
  if [ "$what" = master ]; then
    id boma-master > /dev/null 2>&1 || useradd --system --user-group --home-dir /var/lib/boma-master --no-create-home --shell /usr/sbin/nologin boma-master
    install -d -m 755 -o boma-master -g boma-master /var/lib/boma-master
    install -d -m 700 -o boma-master -g boma-master /var/cache/boma-master
    command -v nats-server > /dev/null || say "there is no nats-server on PATH: the master needs 2.9.10 or newer"
  fi
  systemctl daemon-reload
  systemctl enable --quiet $(units)
  if [ "$what" = agent ]; then
    systemctl restart boma-agent.service
    say "boma-agent runs: put a token into /etc/boma/token, and see \`boma-agent status\`"
  else
    systemctl start boma-master.path
    systemctl try-restart boma-master.service
    say "boma-master starts by itself after \`boma-master init\`"
  fi
}

uninstall() {
  [ -e "$list" ] || fail "there is no $list: $name was not installed by this script"
  check_list
  if has_systemd; then systemctl disable --now --quiet $(units) 2> /dev/null || true; fi
  if has_systemd && [ "$what" = master ]; then systemctl disable --now --quiet boma-netboot.service 2> /dev/null || true; fi
  while IFS= read -r path; do
    case "$path" in etc/*) [ "$action" = purge ] || continue ;; esac
    rm -f "$prefix/$path"
    dir=$(dirname "$path")
    while [ "$dir" != . ] && rmdir "$prefix/$dir" 2> /dev/null; do dir=$(dirname "$dir"); done
  done < "$list"
  rm -f "$list"
  rmdir "$prefix/usr/lib" "$prefix/usr" 2> /dev/null || true
  if has_systemd; then systemctl daemon-reload; fi
  if [ "$action" = purge ] && [ "$what" = agent ]; then
    rm -rf "$prefix/var/lib/boma/agent" "$prefix/var/lib/boma/upgrade" "$prefix/etc/boma/agent.d"
    rmdir "$prefix/var/lib/boma" "$prefix/etc/boma" 2> /dev/null || true
    say "this machine's identity is gone: installed again it is a new node"
  elif [ "$action" = purge ]; then
    rm -rf "$prefix/var/cache/boma-master"
    say "the trust root and the records stay in $prefix/var/lib/boma-master: delete it yourself if you are sure"
  fi
  say "$name is gone from ${prefix:-/}"
}

find_package() {
  found=
  for file in "$from/$1"_*"_$(architecture).deb"; do
    [ -e "$file" ] || continue
    [ -z "$found" ] || fail "there is more than one package of $1 in $from"
    found=$file
  done
  [ -n "$found" ] || fail "there is no package of $1 for $(architecture) in $from"
  case "$found" in /*) echo "$found" ;; *) echo "./$found" ;; esac
}

# The port that the bus is to have, of what is handed on.
bus_port() {
  port=4222
  while [ $# -gt 0 ]; do
    case "$1" in
    --listen) port=${2-} port=${port##*:} ;;
    --listen=*) port=${1##*:} ;;
    esac
    shift
  done
  case "$port" in "" | *[!0-9]*) misuse "--listen wants HOST:PORT" ;; esac
  echo "$port"
}

# Before apt: the package of the master stops Debian's nats-server, which somebody may be using.
check_port() {
  if dpkg-query -W -f '${Status}' boma-master 2> /dev/null | grep -q 'ok installed'; then return; fi
  hex=$(printf ':%04X' "$1")
  if cat /proc/net/tcp /proc/net/tcp6 2> /dev/null | awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'; then
    fail "something listens on port $1 already, such as a nats-server of yours: stop it, or say another port with --listen HOST:PORT"
  fi
}

version_of() { dpkg-deb --field "$1" Version; }
is_installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$1" 2> /dev/null)" = "ii $2" ]; }

bootstrap() {
  [ "$(uname -s)" = Linux ] || fail "the first server is a Debian or an Ubuntu"
  command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null || fail "there is no apt-get here: the first server is a Debian or an Ubuntu"
  [ -d /run/systemd/system ] || fail "this machine does not run systemd, which starts and watches the services"
  port=$(bus_port "$@")
  check_port "$port"
  work=$(mktemp -d)
  check_signature
  agent=$(find_package boma-agent)
  master=$(find_package boma-master)
  # Agents of other architectures are handed out to machines that boot.
  for file in "$master" "$from"/boma-agent_*.deb; do check_digest "$file"; done
  set -- --packages "$from" "$@"
  wanted=
  is_installed boma-agent "$(version_of "$agent")" && is_installed boma-master "$(version_of "$master")" || wanted=yes
  boot=
  for word; do case "$word" in --boot-*) boot="ipxe dnsmasq-base" ;; esac; done
  for package in $boot; do dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || wanted=yes; done
  if [ -z "$wanted" ]; then
    say "the packages are installed"
  else
    # First everything is fetched: without a network nothing was changed.
    apt install --download-only $boot "$agent" "$master" || { apt update && apt install --download-only $boot "$agent" "$master"; } ||
      fail "apt-get cannot have what the packages need: see its own words above"
    apt install $boot "$agent" "$master" || fail "apt-get could not install the packages: see its own words above, then run this again"
    say "installed $(basename "$agent") and $(basename "$master")"
  fi
  rm -rf "$work"
  exec boma-master bootstrap "$@" >&3
}

# What was changed below /etc stays: there is nobody to be asked.
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends -o DPkg::Lock::Timeout=120 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

if [ "$action" = bootstrap ]; then
  # What the command itself prints may be a document; all else is said beside it.
  exec 3>&1 >&2
  bootstrap "$@"
fi

echo "$name: $action"
if [ "$action" = install ]; then
  install_files
  start
else
  uninstall
fi
