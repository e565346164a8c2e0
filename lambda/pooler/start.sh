# Starts PgBouncer in the folder $1, the only one that is writable: a file system in memory.
set -eu
cd "$1"
umask 077
printf '%s\n' "$POOLER_ROOTS" > roots.pem
login="user=$POOLER_USER password=$POOLER_PASSWORD" # letters, digits and _ only
{
  printf '%s\n' "$POOLER_SETTINGS"
  printf '[databases]\nrw = %s %s\nro = %s %s\n' "$POOLER_WRITER" "$login" "$POOLER_READER" "$login"
} > pgbouncer.ini
unset POOLER_PASSWORD login

# The password came with the start of the task and will be changed. Each task is replaced in the last quarter of the time
# that it surely works, and not all at the same moment.
random=$(od -An -N4 -tu4 /dev/urandom)
echo $(($(date +%s) + POOLER_TASK_LIFE - random % (POOLER_TASK_LIFE / 4))) > until

# The log goes on to the container's own, and a refused login is noted for the health check.
mkfifo log
while IFS= read -r line; do
  printf '%s\n' "$line"
  case $line in *'password authentication failed'* | *'role "'*'" does not exist'*) : > refused ;; esac
done < log &
exec pgbouncer pgbouncer.ini 2> log
