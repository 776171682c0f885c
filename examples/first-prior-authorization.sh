#!/bin/sh
# A first prior authorization, from preview to audit record. Needs curl and a running server (`make run`).
#
#   sh examples/first-prior-authorization.sh
#
# ASSENT_URL   base address of the server (http://127.0.0.1:8080/fhir)
# TOKEN        a staff token; made with `assent token` when it is not set
set -eu

cd "$(dirname "$0")/.."
base=${ASSENT_URL:-http://127.0.0.1:8080/fhir}
TOKEN=${TOKEN:-$(.venv/bin/assent token --role staff)}

say() {
    printf '\n== %s\n' "$1"
}

send() { # body path
    curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/fhir+json' \
        --data-binary "@examples/bodies/$1" "$base/$2?_pretty=true"
}

get() { # path
    curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" "$base/$1"
}

say 'A request with gaps: what is missing, and how likely is a denial? Nothing is stored.'
send lumbar-mri-gaps.json 'Claim/$preview-risk'

say 'The same request with its documents, sent to the payer.'
send lumbar-mri.json 'Claim/$submit'

say 'What became of it?'
send inquiry.json 'Claim/$inquire'

say 'What was stored.'
get 'ClaimResponse?_sort=-_lastUpdated&_count=1&_pretty=true'

say 'Who did each of these?'
get 'AuditEvent?_count=4&_pretty=true'
