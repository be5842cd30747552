#!/usr/bin/env bash
# Starts Kafka as the image apache/kafka does: KAFKA_LOG_DIRS in the environment becomes log.dirs in server.properties.
set -euo pipefail
properties=/opt/kafka/config/server.properties
logging=/opt/kafka/config/log4j2.properties
cat >"$logging" <<'END'
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c{1})%n
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
END
kafka() {
    exec /opt/java/bin/java -Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Dlog4j2.configurationFile="$logging" -cp '/opt/kafka/libs/*' "$@"
}

env | sed -n 's/^KAFKA_//p' | while IFS='=' read -r name value; do
    echo "$(tr '[:upper:]_' '[:lower:].' <<<"$name")=$value"
done >"$properties"

if [[ ! -e $KAFKA_LOG_DIRS/meta.properties ]]; then
    (kafka kafka.tools.StorageTool format --cluster-id fraud-stream-stand-i-A --config "$properties")
fi
kafka kafka.Kafka "$properties"
