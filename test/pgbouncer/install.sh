#!/bin/sh
# Installs Debian 14's PgBouncer on an older Debian: with the libraries that it needs, in a folder of its own, so that nothing
# else on the machine changes. Needs root, apt and mmdebstrap. $1 is the folder, $2 where the command goes.
set -eu
folder=${1:-/opt/pgbouncer} command=${2:-/usr/local/sbin/pgbouncer}

rm -rf "$folder.new"
mmdebstrap --quiet --variant=extract --aptopt="$(apt-config dump Acquire)" --include=pgbouncer forky "$folder.new"
rm -rf "$folder"
mv "$folder.new" "$folder"
chmod 755 "$folder"
libraries=$(echo "$folder"/usr/lib/*-linux-gnu*)
cat > "$command" <<END
#!/bin/sh
exec $(echo "$libraries"/ld-linux*.so.*) --library-path $libraries $folder/usr/sbin/pgbouncer "\$@"
END
chmod 755 "$command"
"$command" --version
