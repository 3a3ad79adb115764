/** A directory of Amazon Connect's files, for the conformance suite. */
import { writeFileSync } from 'node:fs'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConformanceCase } from '../conformance.suite.ts'
import { createAmazonConnectSource } from './amazon-connect.ts'
import { amazonConnect } from './definition.ts'
import { contact, first, second } from './test-payloads.ts'

const files = 'it reads files: there is nothing that answers'
const line = (payload: object): string => `${JSON.stringify(payload)}\n`

export const amazonConnectCase: ConformanceCase = {
  definition: amazonConnect,
  not_applicable: {
    credentials: 'a directory that can be read is all it needs',
    future_cursor: 'its cursor is a place in a file, not a time',
    '429': files,
    '500': files,
    timeout: files,
    html: files,
  },
  async start() {
    const path = await mkdtemp(join(tmpdir(), 'callhouse-conformance-'))
    const log = join(path, 'contacts.ndjson')
    const payloads = [first(), second(), contact({ ContactId: 'contact-9' })]
    await writeFile(log, payloads.map(line).join(''))
    return {
      // A call of two contacts and one of one: two calls, three legs and visits, two queues, two recordings, 4 + 3 + 4 segments.
      records: 23,
      source: () => createAmazonConnectSource({ path }),
      disorder: () => writeFileSync(log, [...payloads.toReversed(), ...payloads].map(line).join('')),
      change: async () => {
        const later = { LastUpdateTimestamp: '2026-03-01T12:00:00Z', DisconnectReason: 'OTHER' }
        await appendFile(log, line(second(later)) + line(contact({ ContactId: 'contact-late', Queue: null, Recordings: null, Agent: null })))
        // A leg, a call, and a segment in the flow.
        return { changed: { entity: 'call_legs', native_id: 'contact-2' }, records: 26 }
      },
      addUnknown: async () => {
        await appendFile(log, line(contact({ ContactId: 'odd', Brand: { New: 'thing' } })))
        return { entity: 'call_legs', native_id: 'odd', text: '"Brand":{"New":"thing"}' }
      },
      addWrong: () => appendFile(log, line(contact({ ContactId: 'wrong', Agent: { AgentInteractionDuration: -1 } })) + line([])),
      stop: () => rm(path, { recursive: true, force: true }),
    }
  },
}
