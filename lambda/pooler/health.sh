# Healthy is a pooler that listens, whose login is younger than its time and was not refused for a minute.
cd "$1" && [ -S .s.PGSQL.* ] && [ "$(date +%s)" -lt "$(cat until)" ] && [ -z "$(find . -name refused -mmin -1)" ]
