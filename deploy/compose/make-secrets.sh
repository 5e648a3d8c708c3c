#!/usr/bin/env bash
# Make the passwords of a trial installation, once: deploy/compose/make-secrets.sh
set -euo pipefail

folder=$(cd "$(dirname "$0")" && pwd)/secrets
mkdir -p "$folder"
# Others cannot enter the folder; the containers read the files as users of their own.
chmod 0700 "$folder"

for name in postgres_password fhir_tokens grafana_password; do
  if [ ! -e "$folder/$name" ]; then
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$folder/$name"
    chmod 0644 "$folder/$name"
  fi
done
echo "passwords are in $folder: fhir_tokens for FHIR over HTTP, grafana_password for Grafana's user admin"
