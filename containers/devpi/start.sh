#!/bin/sh
# Starts devpi-server, and first initialises its volume if necessary. The Dockerfile lists the settings.
set -eu
umask 077

data=${DEVPI_DATA:-/devpi}
password_file=${DEVPI_ROOT_PASSWORD_FILE:-/run/secrets/devpi-root-password}
host=${DEVPI_LISTEN_HOST:-0.0.0.0}
port=${DEVPI_LISTEN_PORT:-3141}
outside_url=${DEVPI_OUTSIDE_URL:-}

say() { printf 'start.sh: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

child=

# interrupted ends the foreground process. Without it the script, as process 1, would ignore signals.
interrupted() {
    trap '' TERM INT
    if [ -n "$child" ]; then
        kill "$child" 2>/dev/null || true
        wait "$child" || true
    fi
    say "stopped by a signal before the server was started"
    exit 143
}
trap interrupted TERM INT

# attend runs a command so that the traps handle signals while it runs.
attend() {
    "$@" &
    child=$!
    status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

# read_password sets password to the only line of the password file.
read_password() {
    [ -e "$password_file" ] ||
        fail "no root password: $password_file does not exist; mount the secret there or set DEVPI_ROOT_PASSWORD_FILE"
    password=$(cat "$password_file") ||
        fail "no root password: $password_file cannot be read by user $(id -u); check that it is a file, its mode and its owner"
    case $password in
    '') fail "no root password: $password_file is empty" ;;
    *[[:cntrl:]]*) fail "no root password: $password_file holds more than one line; expected the password alone" ;;
    *) ;;
    esac
}

# initialise creates a server folder next to its final place and then renames it, so that the final place has a complete one or none.
# devpi-init reads the password from an argument, the environment or a configuration file. Other processes can see the first two, so it gets
# a file, as a pipe: nothing is written that could be left behind.
initialise() {
    new=$data/.server.new
    say "first start: initialising $server"
    rm -rf "$new"
    read_password
    quoted=$(printf '%s' "$password" | sed "s/'/''/g") # printf is part of the shell: no process has it as an argument
    attend devpi-init --configfile /dev/fd/3 --serverdir "$new" 3<<YAML ||
devpi-server:
  root-passwd: '$quoted'
YAML
        fail "devpi-init failed with status $?; nothing was kept, the next start tries again"
    [ -e "$new/.nodeinfo" ] || fail "devpi-init left no server in $new; is this the devpi-server of this image?"
    sync
    mv "$new" "$server"
}

mkdir -p "$data" 2>/dev/null || true
[ -w "$data" ] ||
    fail "cannot write to $data as user $(id -u); give the volume to this user (Kubernetes: securityContext.fsGroup)"

server=$data/server
if [ -e "$data/.nodeinfo" ]; then
    server=$data # initialised by an image that used the volume itself as server directory
fi

if [ ! -e "$server" ]; then
    # If two containers start together on one volume, the second waits and then finds the volume initialised.
    exec 9>"$data/.init.lock"
    attend flock --wait 120 9 || fail "another container has been initialising $data for two minutes; look at its log"
    [ -e "$server" ] || initialise
    exec 9>&-
fi
[ -e "$server/.nodeinfo" ] ||
    fail "$server holds something else than devpi's data; move it away, and the next start initialises a new server"

set -- --serverdir "$server" --host "$host" --port "$port" "$@"
if [ -n "$outside_url" ]; then
    set -- "$@" --outside-url "$outside_url"
fi
trap - TERM INT
exec devpi-server "$@"
