#!/usr/bin/env bash
# Starts Kafka as the image apache/kafka does: KAFKA_LOG_DIRS in the environment becomes log.dirs in server.properties.
set -euo pipefail
properties=/opt/kafka/config/server.properties
kafka() {
    exec /opt/java/bin/java -Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' "$@"
}

env | sed -n 's/^KAFKA_//p' | while IFS='=' read -r name value; do
    echo "$(tr '[:upper:]_' '[:lower:].' <<<"$name")=$value"
done >"$properties"

if [[ ! -e $KAFKA_LOG_DIRS/meta.properties ]]; then
    (kafka kafka.tools.StorageTool format --cluster-id fraud-stream-stand-i-A --config "$properties")
fi
kafka kafka.Kafka "$properties"
