/** Writes docs/errors.md from the error catalogue; a test keeps the two the same. */
import { CallhouseError, errorCodes } from '../errors.ts'
import { errorMeanings } from './error-meanings.ts'

const HEAD = `# Errors

<!-- Written by \`npx tsx api/render-openapi.ts --write\`; do not edit. -->

Every error of the HTTP API is \`application/problem+json\`:

\`\`\`json
{
  "type": "/errors#range_invalid",
  "title": "Range invalid",
  "status": 400,
  "code": "range_invalid",
  "detail": "What happened and what to do.",
  "instance": "req-1"
}
\`\`\`

\`code\` never changes its meaning; \`detail\` may change its words. \`instance\` is the request id, which the server log carries too. Some errors carry more, such as the \`parameter\` that is wrong. The CLI prints the same codes.

| code | status | again? | what it means | what to do |
| --- | --- | --- | --- | --- |
`

/** The document's text. A test fails when a code has no meaning written down; the server still starts. */
export function renderErrors(): string {
  const lines = errorCodes.map((code) => {
    const { meaning = '', remedy = '' } = errorMeanings[code] ?? {}
    const { status, retryable } = new CallhouseError(code, '')
    return `| <a id="${code}"></a>\`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${meaning} | ${remedy} |`
  })
  return `${HEAD}${lines.join('\n')}\n`
}
